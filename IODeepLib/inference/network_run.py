"""The network on patches of one image: checked, averaged over mirror images, with progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.alike import Last, values_of
from IODeepLib.inference.patches import Patch, outside_values, tensor
from IODeepLib.inference.votes import Votes, as_patches
from IODeepLib.machine.ahead import ahead
from IODeepLib.machine.interruptible import check_wanted
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Blend, Decision, Input, Output
from IODeepLib.voxels.activation import activate

# The network: its input tensor, float32 in the recipe's axis order, to a new array of scores in
# the same axis order. The scores may be changed afterwards. Where votes are taken it is given a
# second argument: what is to be called with the scores of each of its parts.
Predict = Callable[..., npt.NDArray]


def score_channels(output: Output) -> int:
    """Channels of a slab: one for a network that gives label values."""
    return 1 if output.decision is Decision.LABELS else output.channels


class Scored(NamedTuple):
    """What was found in a patch.

    Attributes:
        scores: (channel, a0, a1, a2) as the network gives them: a view.
        against: (a0, a1, a2) the share of networks or mirror images that decide otherwise, or None.
    """

    scores: npt.NDArray
    against: Float32 | None


class NetworkRun:
    """Runs the network on patches of one image, checks what it gives, tells how far it is."""

    def __init__(
        self,
        array: Float32,
        input_: Input,
        output: Output,
        predict: Predict,
        patches: int,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        *,
        voting: bool = False,
    ) -> None:
        """With `voting`, `scores` says as well how many of the networks decide otherwise."""
        self._array, self._input, self._output, self._predict = array, input_, output, predict
        self._beyond = outside_values(array, input_.outside)
        self._patches, self._done, self._again = patches, 0, 0
        self._progress, self._cancelled = progress, cancelled
        self.mirrored = mirror_images(input_)
        self._latest = self._told = (0.0, "")
        self._votes = Votes(output, input_.axis_order, input_.spatial_axes) if voting else None
        self._alike = Last[list[Scored]]()
        if len(self.mirrored) > 1 and output.decision is Decision.LABELS:
            raise ModelError(
                f"mirror images over {input_.mirror} of a network that gives label values",
                "scores, of which a mean can be taken",
                "take 'mirror' out of the recipe",
            )

    def raw(self, group: Sequence[Patch]) -> tuple[npt.NDArray, tuple[int, ...]]:
        """What the network gives for the patches of `group`, and the shape of its input.

        Where the recipe asks for it, that is the mean over the patches and their mirror images.
        """
        network_input = self._cut(group)
        for image, found in enumerate(self._runs(network_input)):
            result = found
            self.count(len(group), image)
            self.tell()
        return result, network_input.shape

    def scored(
        self, groups: Sequence[Sequence[Patch]], ahead_of: int
    ) -> Iterator[tuple[Patch, Scored]]:
        """Each patch of all groups, in order, with what was found in it.

        Args:
            groups: the patches as the network is given them.
            ahead_of: of how many groups the results may wait while one is used; those that come
                next are cut out and run in threads of their own. 0: each when it is asked for.
        """
        with closing(ahead(self._steps(groups, bool(ahead_of)), ahead_of)) as steps:
            for group, image, scored, again in steps:
                self.count(len(group), image, again=again)
                self.tell()
                yield from zip(group, scored, strict=bool(scored))
                del scored  # not to be held while the network runs again

    def _steps(
        self, groups: Sequence[Sequence[Patch]], cut_ahead: bool
    ) -> Generator[tuple[Sequence[Patch], int, list[Scored], bool], None, None]:
        """For each run of the network: for what, which mirror image; the last has the scores.

        And whether these were known, without a run.
        """
        last = len(self.mirrored) - 1
        with closing(self.inputs(groups, cut_ahead=cut_ahead)) as cut:
            for group, network_input in cut:
                values = values_of(network_input, self._input.axis_order)
                known = self._alike.of(values)
                if known is not None:
                    check_wanted(self._cancelled)
                    yield group, last, known, True
                    continue
                for image, result in enumerate(self._runs(network_input)):
                    scored: list[Scored] = []
                    if image == last:
                        if values is not None:
                            result.flags.writeable = False  # it is given again
                        scored = self._scores(result, network_input.shape)
                        self._alike.keep(values, scored, result.nbytes)
                    del result
                    yield group, image, scored, False
                    del scored

    def inputs(
        self, groups: Sequence[Sequence[Patch]], *, cut_ahead: bool
    ) -> Generator[tuple[Sequence[Patch], Float32], None, None]:
        """Each group of patches with the network's input for it; the next one cut out meanwhile."""
        return ahead(((group, self._cut(group)) for group in groups), int(cut_ahead))

    def _cut(self, group: Sequence[Patch]) -> Float32:
        """The network's input for the patches of `group`."""
        tensors = [tensor(self._array, patch, self._input, self._beyond) for patch in group]
        along = self._input.axis_order.index("N")
        return tensors[0] if len(tensors) == 1 else np.concatenate(tensors, axis=along)

    def _runs(self, network_input: Float32) -> Iterator[npt.NDArray]:
        """After each run, what there is of the mean over mirror images; the last one is it."""
        if self._votes is not None:
            self._votes.begin()
        result = self._run(network_input, ())
        if len(self.mirrored) > 1:
            result = result.astype(np.float32, copy=False)
            for axes in self.mirrored[1:]:
                yield result
                part = self._run(network_input, axes)
                if part.shape != result.shape:
                    raise ModelError(
                        f"an output of shape {part.shape} for the mirror image of an input whose "
                        f"output has the shape {result.shape}",
                        "equal shapes",
                        "take 'mirror' out of the recipe, or correct the network",
                    )
                with np.errstate(all="ignore"):  # what is not finite is refused later
                    np.add(result, part, out=result, casting="same_kind")
            result /= len(self.mirrored)
        yield result

    def _run(self, network_input: Float32, axes: tuple[int, ...]) -> npt.NDArray:
        """What the network gives for the mirror image over `axes`, mirrored back."""
        given = self.turned(network_input, axes)
        votes = self._votes
        if votes is None:
            result = np.asarray(self._predict(given))
        else:
            result = np.asarray(self._predict(given, lambda part: votes.add(part, axes)))
        if np.may_share_memory(result, network_input) or not result.flags.writeable:
            result = result.copy()  # it may be changed, the image must not be
        # An output without the axes of the input is an answer to the whole image.
        return np.flip(result, axes) if axes and result.ndim == given.ndim else result

    def turned(self, network_input: Float32, axes: tuple[int, ...]) -> Float32:
        """The mirror image over `axes`, unless nobody wants it any more."""
        check_wanted(self._cancelled)
        return np.ascontiguousarray(np.flip(network_input, axes)) if axes else network_input

    def tell(self) -> None:
        """Say how far it is, if that is not known."""
        latest = self._latest
        if self._progress is not None and latest != self._told:
            self._told = latest
            self._progress(*latest)

    def count(self, patches: int, image: int, *, again: bool = False) -> None:
        """The last `patches` were run as mirror image `image`, 0 for themselves.

        Or, `again`, what was known of others held for them in all mirror images: then less is left
        to do, and not more done, for it took no time.
        """
        runs = len(self.mirrored)
        self._done += patches if again or not image else 0
        self._again += patches if again else 0
        message = f"patch {self._done} of {self._patches}"
        if runs > 1:
            message += f", mirror image {image + 1} of {runs}"
        done = (self._done - self._again) * runs
        done -= 0 if again else patches * (runs - 1 - image)
        self._latest = done / ((self._patches - self._again) * runs), message

    def _scores(self, result: npt.NDArray, input_shape: tuple[int, ...]) -> list[Scored]:
        """Of each patch that the network gave `result` for."""
        letters = self._input.axis_order
        labels = self._output.decision is Decision.LABELS
        if labels and result.ndim == len(letters) - 1:
            result = np.expand_dims(result, letters.index("C"))
        self.check_shape(result.shape, input_shape)
        return [
            Scored(scores, None if self._votes is None else self._votes.against(i, scores))
            for i, scores in enumerate(as_patches(result, letters, self._input.spatial_axes))
        ]

    def check_shape(self, shape: Sequence[int], input_shape: Sequence[int]) -> None:
        """Refuse what a network gives if it has another shape than that of its input."""
        letters = self._input.axis_order
        wanted = list(input_shape)
        wanted[letters.index("C")] = score_channels(self._output)
        if list(shape) != wanted:
            raise ModelError(
                f"scores of shape {tuple(shape)} for an input of shape {tuple(input_shape)}",
                f"{tuple(wanted)}, in the axis order {letters}",
                "correct output.channels or input.axis_order in the recipe, or the network",
            )

    def finished(self, scores: npt.NDArray, start: tuple[int, int, int]) -> Float32:
        """What is blended and decided on: finite float32, probabilities where the recipe says so.

        Args:
            scores: (channel, a0, a1, a2), a part of what the network gave; it may be changed,
                unless it cannot be written to.
            start: index of its first voxel in the image.
        """
        scores = scores.astype(np.float32, copy=not scores.flags.writeable)
        check_finite(scores, start)
        if not blends_scores(self._output):
            activate(scores, self._output.activation)
        return scores


def blends_scores(output: Output) -> bool:
    """Whether it is what the network gives that is blended, and no probabilities made of it."""
    return output.blend is Blend.SCORES or output.decision is Decision.LABELS


def check_finite(scores: Float32, start: tuple[int, int, int]) -> None:
    """Refuse scores (channel, a0, a1, a2) that are no numbers.

    Args:
        scores: a part of the image.
        start: index of its first voxel there.

    Raises:
        ModelError: they are not finite; the message names the first one.
    """
    if not _all_finite(scores):
        raise _not_finite(scores, start)


def mirror_images(input_: Input) -> list[tuple[int, ...]]:
    """The axes of the tensor over which each image is mirrored that is run; the first: none."""
    axes = [input_.axis_order.index(letter) for letter in input_.mirror]
    return [some for count in range(len(axes) + 1) for some in itertools.combinations(axes, count)]


def _all_finite(scores: Float32) -> bool:
    with np.errstate(all="ignore"):
        total = float(np.sum(scores))
    # A sum is quick, and only one that is not finite needs a closer look: it can also overflow.
    return bool(np.isfinite(total) or np.isfinite(scores).all())


def _not_finite(scores: Float32, start: tuple[int, int, int]) -> ModelError:
    channel, *where = (int(i) for i in np.argwhere(~np.isfinite(scores))[0])
    voxel = tuple(s + i for s, i in zip(start, where, strict=True))
    return ModelError(
        f"the network's output is {scores[(channel, *where)]} in channel {channel} at voxel "
        f"{voxel} of its grid",
        "finite scores",
        "check the recipe's intensity steps against the network's training, or use float32 weights",
    )
