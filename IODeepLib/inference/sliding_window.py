"""A network over an image, patch by patch, in bounded memory.

Class scores are blended in a slab as deep as a patch that moves along the first working axis. A
plane leaves it as soon as no later patch reaches it, so that memory grows with the depth of the
patch and the area of a plane, never with classes times the volume.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from IODeepLib.geometry.arrays import Box, Float32
from IODeepLib.inference.network_run import NetworkRun, Predict, Scored, score_channels
from IODeepLib.inference.patches import Patch, Patches, importance_map
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Decision, Input, Output

# A finished piece: the index of its first plane, and (channel, planes, a1, a2) float32.
Slab = tuple[int, Float32]

# Bytes of scores that are finished at once where patches do not overlap.
_PIECE_BYTES = 64 * 2**20


def score_slabs(
    array: Float32,
    input_: Input,
    output: Output,
    predict: Predict,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    batch: int = 1,
    voting: bool = False,
) -> Iterator[Slab]:
    """The scores of the whole image, in order of the first axis.

    Where patches overlap, scores are averaged with the weights of the importance map
    (probabilities, where the recipe blends these); label values cannot be averaged: there, the
    patch with the greatest weight decides. A slab is valid until the next one is asked for.

    Args:
        array: (channel, a0, a1, a2) float32, as `preprocess.prepare` made it.
        input_: the recipe's input.
        output: the recipe's output.
        predict: runs the network.
        progress: called after each patch with the fraction done and a message.
        cancelled: asked before each patch.
        batch: slices that a 2D network is given at once, or patches that a 3D one is.
        voting: a further channel, the last: the share of networks or mirror images that decide
            otherwise than their mean; `predict` then has a second argument.

    Raises:
        ModelError: scores of the wrong shape, or not finite.
        CancelledError: `cancelled` said so.
    """
    patches = Patches.of(array.shape[1:], input_, batch)
    run = NetworkRun(
        array, input_, output, predict, len(patches), progress, cancelled, voting=voting
    )
    if patches.overlap_nowhere:
        for start in patches.starts[0]:
            for group in patches.groups(start):
                for patch, scored in zip(group, run.scores(group), strict=True):
                    yield from _in_pieces(run, patch, scored)
                    del scored  # not to be held while the network runs again
        return
    channels = score_channels(output) + voting
    blended: _Blend
    if output.decision is Decision.LABELS:
        blended = _Strongest(patches, input_)
    else:
        blended = _Average(patches, input_, channels)
    starts = patches.starts[0]
    for i, start in enumerate(starts):
        blended.begin_row(start)
        for group in patches.groups(start):
            for patch, scored in zip(group, run.scores(group), strict=True):
                found = run.finished(scored.scores, patch.start)
                more = () if scored.against is None else (scored.against,)
                blended.add((*found, *more), patch)
                del scored, found, more  # not to be held while the network runs again
        first = max(0, start)
        end = starts[i + 1] if i + 1 < len(starts) else patches.image_shape[0]
        yield first, blended.slab[:, : end - first]
        blended.move_on(end - first)


def _in_pieces(run: NetworkRun, patch: Patch, scored: Scored) -> Iterator[Slab]:
    """The scores of a patch that no other one overlaps, a few planes at a time."""
    seen = scored.scores[(slice(None), *patch.inner)]
    against = None if scored.against is None else scored.against[patch.inner]
    first, rows, columns = (part.start for part in patch.box)
    together = max(1, _PIECE_BYTES // max(1, seen[:, 0].size * 4))
    for i in range(0, seen.shape[1], together):
        piece = run.finished(seen[:, i : i + together], (first + i, rows, columns))
        if against is not None:
            piece = np.concatenate([piece, against[None, i : i + together]])
        yield first + i, piece


def score_bytes(
    image_shape: tuple[int, int, int],
    input_: Input,
    output: Output,
    batch: int,
    voting: int = 0,
) -> int:
    """Memory that the scores need: those of one run of the network, and the slab.

    Where mirror images are run, too, the sum of the runs is held beside the last one; where so many
    have votes, what each decides, and how many decide otherwise.
    """
    patches = Patches.of(image_shape, input_, batch)
    channels = score_channels(output)
    at_once = batch * math.prod(patches.size)
    together = at_once * (2 if input_.mirror else 1)
    slab = 0 if patches.overlap_nowhere else math.prod(_slab_shape(patches))
    votes = 4 * (at_once * (voting + 1) + slab) if voting else 0
    return 4 * channels * (together + slab) + votes


class _Blend(Protocol):
    """Scores of overlapping patches in a moving slab of planes."""

    slab: Float32

    def begin_row(self, start: int) -> None: ...

    def add(self, scores: Sequence[Float32], patch: Patch) -> None: ...

    def move_on(self, planes: int) -> None: ...


class _Average:
    """The weighted mean.

    What all patches together weigh at a voxel is known before any has been run, so that each is
    added with its final share and nothing is left to divide.
    """

    def __init__(self, patches: Patches, input_: Input, channels: int) -> None:
        depth, rows, columns = _slab_shape(patches)
        self.slab = np.zeros((channels, depth, rows, columns), np.float32)
        self._importance = importance_map(patches.size, input_.importance_map, input_.gaussian)
        self._patches = patches
        self._row_weight = np.zeros((patches.size[0], rows, columns), np.float32)
        for patch in patches.row(patches.starts[0][0]):
            _, *across = patch.box
            _, *inner = patch.inner
            self._row_weight[:, *across] += self._importance[:, *inner]
        self._share = np.empty((depth, rows, columns), np.float32)
        self._part = np.empty((depth, *patches.size[1:]), np.float32)
        self._first = 0

    def begin_row(self, start: int) -> None:
        """Work out 1 / the weight of all patches, for the planes that this row reaches."""
        self._first = max(0, start)
        self._share[...] = 0
        if self._patches.flat:
            self._share += self._row_weight
        else:
            depth = self._patches.size[0]
            for other in self._patches.starts[0]:
                low = max(start, other, 0)
                high = min(start, other) + depth
                high = min(high, self._patches.image_shape[0])
                if low < high:
                    planes = slice(low - self._first, high - self._first)
                    self._share[planes] += self._row_weight[low - other : high - other]
        np.reciprocal(self._share, out=self._share)

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        planes, rows, columns = _in_slab(patch.box, self._first)
        inner = patch.inner
        weights = self._importance[0 if self._patches.flat else inner[0], *inner[1:]]
        weights = weights * self._share[planes, rows, columns]
        part = self._part[tuple(slice(n) for n in weights.shape)]
        for channel, slab in zip(scores, self.slab, strict=True):
            np.multiply(channel[inner], weights, out=part)
            slab[planes, rows, columns] += part

    def move_on(self, planes: int) -> None:
        _shift(self.slab, planes)


class _Strongest:
    """For label values: that of the patch with the greatest weight, the first one of equals."""

    def __init__(self, patches: Patches, input_: Input) -> None:
        shape = _slab_shape(patches)
        self.slab = np.zeros((1, *shape), np.float32)
        self._weight = np.zeros((1, *shape), np.float32)
        self._importance = importance_map(patches.size, input_.importance_map, input_.gaussian)
        self._flat = patches.flat
        self._first = 0

    def begin_row(self, start: int) -> None:
        self._first = max(0, start)

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        where = (0, *_in_slab(patch.box, self._first))
        inner = patch.inner
        weights = self._importance[0 if self._flat else inner[0], *inner[1:]]
        stronger = weights > self._weight[where]
        np.copyto(self.slab[where], scores[0][inner], where=stronger)
        np.copyto(self._weight[where], weights, where=stronger)

    def move_on(self, planes: int) -> None:
        _shift(self.slab, planes)
        _shift(self._weight, planes)


def _slab_shape(patches: Patches) -> tuple[int, int, int]:
    depth = patches.batch if patches.flat else patches.size[0]
    return min(depth, patches.image_shape[0]), *patches.image_shape[1:]


def _in_slab(box: Box, first: int) -> Box:
    planes, rows, columns = box
    return slice(planes.start - first, planes.stop - first), rows, columns


def _shift(slab: Float32, planes: int) -> None:
    """Move the planes of each channel down by `planes` and clear those that come in."""
    for channel in slab:  # one at a time: numpy copies what overlaps
        channel[: len(channel) - planes] = channel[planes:]
        channel[len(channel) - planes :] = 0
