"""Scores of overlapping patches, blended where the network gave them: on the graphics card.

The slab of planes lies there, each voxel's channels beside one another in pieces of a few, and a
patch is added to it by a small model. Only finished planes come down, once each, while the next row
of patches is run.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.geometry.arrays import Box, Float32
from IODeepLib.inference import device_programs as programs
from IODeepLib.inference.alike import MOST_KEPT, Last, values_of
from IODeepLib.inference.blending import Shares, slab_shape
from IODeepLib.inference.device_programs import (
    CHANNELS,
    ENDS,
    OFFSET,
    PIECES,
    SCORES,
    SLAB,
    STARTS,
    STEPS,
    VOXELS,
    WEIGHTS,
)
from IODeepLib.inference.network_run import NetworkRun, blends_scores, check_finite
from IODeepLib.inference.patches import Patch, Patches
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.machine.ahead import ahead
from IODeepLib.machine.cores import usable_threads
from IODeepLib.machine.progress import Progress
from IODeepLib.network.device import Array, Device, Program
from IODeepLib.network.predictor import Ensemble
from IODeepLib.recipe import Activation, Decision, Input, Output

_log = logging.getLogger(__name__)

# Bytes of finished planes that are brought down at once; more where there are fewer of them than
# threads, which decide a plane each.
_PIECE_BYTES = 64 * 2**20
# Channels in a piece, at most. Each thread of CUDA adds a piece, and what its neighbors add should
# lie beside it: with 100 channels in one, adding a patch took three times as long.
_IN_A_PIECE = 4
_INPUTS_AHEAD = 4  # patches that are cut out while the network runs
# CUDA's operators of ONNX Runtime count the values of an array in 32 bits.
_MOST_VALUES = 2**31 - 1


def can_blend(predict: Ensemble, input_: Input, output: Output, *, voting: bool) -> bool:
    """Whether all that is done to networks' scores is a weighted sum, or one thing before it."""
    if output.decision is Decision.LABELS or voting:
        return False
    alone = predict.count << len(input_.mirror) == 1
    return alone or blends_scores(output) or output.activation is Activation.NONE


def score_slabs_from(
    device: Device,
    array: Float32,
    input_: Input,
    output: Output,
    predict: Ensemble,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    highest_alone: bool = False,
    otherwise: Callable[[str], Iterator[Slab]],
) -> Iterator[Slab]:
    """The scores of the whole image, as `score_slabs` gives them, blended on a device.

    Args:
        device: where.
        array, input_, output, predict, progress, cancelled: as for `score_slabs`; `can_blend` said
            that it can be done.
        highest_alone: whether it is enough to know the channel of the highest score at each voxel:
            then that may be what comes, see `Slab`.
        otherwise: gives them where it is not done: patches do not overlap, or there is no room on
            the device, which is said; "" for the former.
    """
    patches = Patches.of(array.shape[1:], input_, predict.batch)
    if patches.overlap_nowhere:
        yield from otherwise("")
        return
    run = NetworkRun(array, input_, output, predict, len(patches), progress, cancelled)
    begun = False
    try:
        for slab in DeviceBlending(run, patches, input_, output, predict, device).slabs(
            highest_alone
        ):
            begun = True
            yield slab
    except MemoryError as error:
        if begun:
            raise
        reason = f"scores were blended on the CPU: no room for them on the graphics card ({error})"
    else:
        return
    yield from otherwise(reason)


class _Part(NamedTuple):
    """What is added where.

    Attributes:
        patch: the patch.
        place: where it lies in the slab.
        weights: (voxel, 1) what each of its voxels that lie in the image counts; on the device.
    """

    patch: Patch
    place: Box
    weights: Array


class DeviceBlending:
    """Runs networks on an image and blends what they give on their device."""

    def __init__(
        self,
        run: NetworkRun,
        patches: Patches,
        input_: Input,
        output: Output,
        predict: Ensemble,
        device: Device,
    ) -> None:
        self._run, self._patches, self._predict, self._device = run, patches, predict, device
        self._input, self._output = input_, output
        self._shares = Shares(patches, input_)
        self._shape = slab_shape(patches)
        most = max(1, _MOST_VALUES // math.prod(self._shape))
        self._parts = [  # of the channels
            slice(i, min(i + most, output.channels)) for i in range(0, output.channels, most)
        ]
        self._pieces = [_pieces(part) for part in self._parts]  # of a voxel
        self._known: dict[tuple[int, int, int], Array] = {}  # what `_voxels` made
        self._highest: Program | None = None
        self._slab: list[Array] = []  # for each part of the channels (voxel and piece, channel)
        self._alike = Last[list[Array]]()
        activation = predict.each_activated
        if activation is Activation.NONE and not blends_scores(output):
            activation = output.activation
        letters = input_.axis_order
        kind = "float16" if predict.half else "float32"
        self._add = device.program(programs.adding(kind, letters, input_.spatial_axes, activation))
        self._shift = device.program(programs.shifting())
        self._bring = device.program(programs.bringing())
        self._sum = device.program(programs.summing())

    def slabs(self, highest_alone: bool) -> Iterator[Slab]:
        """Finished planes in order, as `sliding_window.score_slabs` gives them.

        Raises:
            MemoryError: there is no room on the device; nothing was given before, if it is so
                from the beginning.
        """
        rows, columns = self._shape[1:]
        across, channels = rows * columns, self._output.channels
        together = max(usable_threads(), _PIECE_BYTES // (4 * channels * across))
        together = min(together, self._shape[0])
        room = np.empty(channels * together * across, np.float32)
        decided = highest_alone and len(self._parts) == 1
        with closing(ahead(self._rows(), 1, self._run.tell)) as finished:
            for first, count, slab in finished:
                doubtful = not self._sum_is_finite(slab, count * across)
                for i in range(0, count, together):
                    n = min(together, count - i)
                    voxels = slice(i * across, (i + n) * across)
                    if decided and not doubtful:
                        try:
                            highest = self._highest_of(slab[0], voxels)
                        except (MemoryError, ModelError) as error:  # scores decide the same
                            _log.warning("what is highest is found on the CPU: %s", error)
                            decided = False
                        else:
                            yield first + i, highest.reshape(1, n, rows, columns)
                            continue
                    scores = room[: channels * n * across].reshape(channels, -1)
                    self._bring_scores(scores, slab, voxels)
                    planes = scores.reshape(channels, n, rows, columns)
                    if doubtful:
                        check_finite(planes, (first + i, 0, 0))
                    yield first + i, planes
        self._run.tell()

    def _bring_scores(self, into: Float32, slab: list[Array], voxels: slice) -> None:
        """Write the scores (channel, voxel) of some voxels of the slab."""
        for part, pieces, array in zip(self._parts, self._pieces, slab, strict=True):
            own = into[part]
            self._bring.bring(own, {SLAB: array}, _of(voxels, pieces, len(own)))

    def _highest_of(self, slab: Array, voxels: slice) -> npt.NDArray[np.uint16]:
        """The channel with the highest score, the first of equals, of some voxels of the slab."""
        if self._highest is None:
            self._highest = self._device.program(programs.deciding())
        found = np.empty(voxels.stop - voxels.start, np.uint16)
        where = _of(voxels, self._pieces[0], self._output.channels)
        self._highest.bring(found, {SLAB: slab}, where)
        return found

    def _rows(self) -> Generator[tuple[int, int, list[Array]], None, None]:
        """For each row of patches: the planes that no later one reaches, and the slab with them."""
        starts = self._patches.starts[0]
        groups = [list(self._patches.groups(start)) for start in starts]
        ends = [*starts[1:], self._patches.image_shape[0]]
        with closing(ahead(self._inputs(groups), _INPUTS_AHEAD)) as inputs:
            for start, end, row in zip(starts, ends, groups, strict=True):
                for parts, given in itertools.islice(inputs, len(row)):
                    self._one(parts, given)
                first = max(0, start)
                yield first, end - first, self._slab
                if end < self._patches.image_shape[0]:
                    self._move_on((end - first) * self._shape[1] * self._shape[2])

    def _inputs(
        self, rows: Sequence[Sequence[Sequence[Patch]]]
    ) -> Generator[tuple[list[_Part], Float32], None, None]:
        """For each group of patches: what is added where, and what the network is given."""
        count = np.float32(self._predict.count * len(self._run.mirrored))
        for start, row in zip(self._patches.starts[0], rows, strict=True):
            self._shares.begin_row(start)
            for group, given in self._run.inputs(row, cut_ahead=False):
                parts = []
                for patch in group:
                    weights = self._shares.of(patch)
                    if count > 1:
                        weights /= count
                    there = self._device.uploaded(weights.reshape(-1, 1))
                    parts.append(_Part(patch, self._shares.place(patch), there))
                yield parts, given

    def _one(self, parts: Sequence[_Part], given: Float32) -> None:
        """Run all networks on all mirror images of some patches, and add what they give."""
        values = values_of(given, self._input.axis_order)
        known = self._alike.of(values)
        again, image = known is not None, 0
        shape = self._wanted(given)
        shape[self._input.axis_order.index("C")] = self._output.channels
        size = 4 * self._predict.count * math.prod(shape)
        if known is None and values is not None and size <= MOST_KEPT:
            known = list(self._predict.on(self._device, given))  # mirror images are the same
            self._alike.keep(values, known, size)
        for image, axes in enumerate(self._run.mirrored):
            turned = self._run.turned(given, axes)
            for scores in known or self._predict.on(self._device, turned):
                self._run.check_shape(scores.shape(), self._wanted(given))
                for i, part in enumerate(parts):
                    self._blend(scores, i, part, axes)
            if not again:
                self._run.count(len(parts), image)
        if again:
            self._run.count(len(parts), image, again=True)

    def _blend(self, scores: Array, number: int, part: _Part, axes: tuple[int, ...]) -> None:
        if not self._slab:  # the network took what it needs before
            self._make_slab()
        letters = self._input.spatial_axes
        cut = dict(zip(letters, part.patch.inner[-len(letters) :], strict=True))
        planes, rows, columns = part.place
        deep = planes.stop - planes.start
        cut["N"] = slice(0, deep) if self._patches.flat else slice(number, number + 1)
        box = (deep, rows.stop - rows.start, columns.stop - columns.start)
        offset = (planes.start * self._shape[1] + rows.start) * self._shape[2] + columns.start
        here: dict[str, npt.NDArray[Any]] = {OFFSET: np.array([offset], np.int64)}
        there = {
            SCORES: scores,
            WEIGHTS: part.weights,
            VOXELS: self._voxels(box),
        }
        axis_order, sizes = self._input.axis_order, scores.shape()
        for channels, pieces, slab in zip(self._parts, self._pieces, self._slab, strict=True):
            cut["C"] = channels
            ways = [
                _way(cut[letter], size, axis in axes)
                for axis, (letter, size) in enumerate(zip(axis_order, sizes, strict=True))
            ]
            starts, ends, steps = np.array(ways, np.int64).T.copy()
            here |= {
                STARTS: starts,
                ENDS: ends,
                STEPS: steps,
                PIECES: np.arange(pieces, dtype=np.int64),
            }
            self._add.change(slab, {SLAB: slab, **there}, here)

    def _voxels(self, box: tuple[int, int, int]) -> Array:
        """Places in the slab of the voxels of a box of this shape that lies in its corner."""
        if box not in self._known:
            strides = np.array([self._shape[1] * self._shape[2], self._shape[2], 1])
            index = np.tensordot(strides, np.indices(box, np.int64), 1)
            self._known[box] = self._device.uploaded(index.reshape(-1, 1))
        return self._known[box]

    def _move_on(self, voxels: int) -> None:
        """Leave the first `voxels` of the slab behind, and have zeros come in."""
        self._slab = [
            self._shift.made({SLAB: array}, {STARTS: np.array([voxels * pieces], np.int64)})
            for pieces, array in zip(self._pieces, self._slab, strict=True)
        ]

    def _make_slab(self) -> None:
        for part, pieces in zip(self._parts, self._pieces, strict=True):
            empty = np.zeros((pieces, (part.stop - part.start) // pieces), np.float32)
            self._slab.append(self._device.uploaded(empty))
        self._move_on(math.prod(self._shape))

    def _sum_is_finite(self, slab: list[Array], voxels: int) -> bool:
        """Whether it is, so that all of the first `voxels` are; a sum can also overflow."""
        total = np.empty((len(slab), 1, 1), np.float32)
        for found, pieces, array in zip(total, self._pieces, slab, strict=True):
            self._sum.bring(
                found,
                {SLAB: array},
                {ENDS: np.array([voxels * pieces], np.int64)},
            )
        return bool(np.isfinite(total).all())

    def _wanted(self, given: Float32) -> list[int]:
        """The shape of what the network is given, as it is filled up."""
        shape = list(given.shape)
        along = self._input.axis_order.index("N")
        shape[along] = max(shape[along], self._predict.batch)
        return shape


def _pieces(channels: slice) -> int:
    """In how many pieces a voxel's channels lie."""
    count = channels.stop - channels.start
    return min(n for n in range(1, count + 1) if count % n == 0 and count // n <= _IN_A_PIECE)


def _of(voxels: slice, pieces: int, channels: int) -> dict[str, npt.NDArray[np.int64]]:
    """What a program is told of some voxels of a slab."""
    said = {
        STARTS: voxels.start * pieces,
        ENDS: voxels.stop * pieces,
        CHANNELS: channels,
    }
    return {name: np.array([value], np.int64) for name, value in said.items()}


def _way(part: slice, size: int, mirrored: bool) -> tuple[int, int, int]:
    """Start, end and step of `part` of an axis, or of where its mirror image lies."""
    if not mirrored:
        return part.start, part.stop, 1
    end = size - 1 - part.stop
    return size - 1 - part.start, end if end >= 0 else -size - 1, -1
