"""Whether an axis is turned round: a network is surer of images that lie as those it learned on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from IODeepLib.geometry import AxisMap
from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.sliding_window import Predict, score_slabs
from IODeepLib.recipe import Activation, Blend, Conform, Decision, Output, Resize, Stage
from IODeepLib.voxels.activation import activate

# A turn is better where doubt becomes that much less. Of images that lie right, mirror images
# changed it by less than a tenth with real networks, and axes in each other's place doubled it.
_CLEARLY = 0.8
_SAME = AxisMap((0, 1, 2), (False, False, False))
_THRESHOLD = 0.5
# Voxels along an axis that are looked at, unless a patch is larger; slices of a 2D network.
_ENOUGH, _SLICES = 96, 8


@dataclass(frozen=True, slots=True)
class Turn:
    """A way to lay the image, and how sure the network was of it.

    Attributes:
        words: what was done to the axes, by their letters; "" for nothing.
        confidence: mean probability of the likeliest label, where any turn finds one; 0 to 1.
    """

    words: str
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a network found in the middle of an image.

    Attributes:
        array: (channel, a0, a1, a2) that it was given.
        labels: (a0, a1, a2) place of the likeliest label in the recipe, from 1; 0 is background.
        turns: the image as it lies first, then turned.
    """

    array: Float32
    labels: npt.NDArray[np.uint16]
    turns: tuple[Turn, ...]

    @property
    def better(self) -> Turn | None:
        """The turn of which the network is clearly surer; None if there is none."""
        if len(self.turns) < 2:
            return None
        best = max(self.turns[1:], key=lambda turn: turn.confidence)
        doubt = 1 - self.turns[0].confidence
        return best if 1 - best.confidence < _CLEARLY * doubt else None


def try_turns(array: Float32, stage: Stage, predict: Predict) -> Seen:
    """Run a network on the middle of an image, as it lies and with its axes turned and changed.

    Args:
        array: (channel, a0, a1, a2), as it is prepared for the stage.
        stage: with its input and output.
        predict: runs the network.

    Raises:
        ModelError: the network fails.
    """
    array = array[(slice(None), *_middle(array.shape[1:], stage))]
    stage = replace(stage, input=replace(stage.input, mirror=""))  # these are mirror images already
    letters, known = stage.input.working_axes, stage.output.decision is not Decision.LABELS
    sure, found, names = [], [], []
    for words, turn in [("", _SAME), *(_turns(letters, stage.input.spatial_dims) if known else ())]:
        turned = np.ascontiguousarray(turn.apply(array))
        confidence, labels = _run(turned, stage, predict)
        back = turn.inverse()
        sure.append(back.apply(confidence))
        found.append(back.apply(labels))
        names.append(words)
    anywhere = np.any([labels != 0 for labels in found], axis=0)
    turns = [
        Turn(words, float(confidence[anywhere].mean()) if anywhere.any() else 0.0)
        for words, confidence in zip(names, sure, strict=True)
    ]
    return Seen(array, found[0], tuple(turns) if known and anywhere.any() else ())


def _middle(shape: Sequence[int], stage: Stage) -> tuple[slice, ...]:
    """The part of the image that is looked at: a patch of it, or what is as large.

    All of it, where the network reads images of one shape.
    """
    fixed = isinstance(stage.input.grid, (Resize, Conform)) and stage.input.patch_size is None
    flat = stage.input.spatial_dims == 2
    sizes = [max(size, _ENOUGH) for size in stage.input.patch_size or [_ENOUGH] * 3]
    sizes = [max(shape)] * 3 if fixed else sizes[-2 if flat else -3 :]
    sizes = [_SLICES, *sizes[-2:]] if flat else sizes
    parts = (min(size, n) for size, n in zip(sizes, shape, strict=True))
    return tuple(
        slice((n - part) // 2, (n - part) // 2 + part) for n, part in zip(shape, parts, strict=True)
    )


def _turns(letters: str, dims: int) -> Iterator[tuple[str, AxisMap]]:
    """All mirror images, and pairs of axes in each other's place; in the plane of a 2D network."""
    axes = range(3 - dims, 3)
    for count in range(1, dims + 1):
        for chosen in itertools.combinations(axes, count):
            flips = tuple(axis in chosen for axis in range(3))
            words = " and ".join(letters[axis] for axis in chosen) + " turned round"
            yield words, AxisMap((0, 1, 2), (flips[0], flips[1], flips[2]))
    for one, other in itertools.combinations(axes, 2):
        order = [0, 1, 2]
        order[one], order[other] = other, one
        words = f"{letters[one]} and {letters[other]} in each other's place"
        yield words, AxisMap((order[0], order[1], order[2]), _SAME.flips)


def _run(
    array: Float32, stage: Stage, predict: Predict
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint16]]:
    """Probability and place of the likeliest label of each voxel."""
    confidence = np.zeros(array.shape[1:], np.float16)
    labels = np.zeros(array.shape[1:], np.uint16)
    numbers = np.zeros(2**16, np.uint16)  # the place of each channel's label, or of each value's
    values = [label.value for label in stage.output.labels]
    by_value = stage.output.decision is Decision.LABELS
    for place, own in enumerate(values if by_value else stage.output.label_channels, 1):
        numbers[own] = place
    for first, slab in score_slabs(array, stage.input, stage.output, predict):
        planes = slice(first, first + slab.shape[1])
        if stage.output.decision is Decision.LABELS:
            labels[planes] = numbers[slab[0].astype(np.uint16)]
            continue
        scores = _probable(slab.copy(), stage.output)
        best = scores.argmax(axis=0)
        top = np.take_along_axis(scores, best[None], 0)[0]
        if stage.output.decision is Decision.ARGMAX:
            labels[planes] = numbers[best]
            confidence[planes] = top
        else:
            labels[planes] = np.where(top > _THRESHOLD, numbers[best], 0)
            confidence[planes] = np.maximum(top, 1 - top)
    return confidence, labels


def _probable(scores: Float32, output: Output) -> Float32:
    """Probabilities, also of a network whose recipe needs none for the decision."""
    activation = output.activation
    if output.blend is Blend.PROBABILITIES:  # they are such
        return scores
    if activation is Activation.NONE and (scores.min() < 0 or scores.max() > 1):
        argmax = output.decision is Decision.ARGMAX
        activation = Activation.SOFTMAX if argmax else Activation.SIGMOID
    return activate(scores, activation)
