"""Scores of overlapping patches, blended where the network gave them: on the graphics card.

The slab of planes lies there, each voxel's channels beside one another, and a patch is added to it
by a small model. Only finished planes come down, once each, while the next row of patches is run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Float32
from IODeepLib.inference.alike import MOST_KEPT, Last, values_of
from IODeepLib.inference.blending import Shares, slab_shape
from IODeepLib.inference.network_run import NetworkRun, blends_scores, check_finite
from IODeepLib.inference.patches import Patch, Patches
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.machine.ahead import ahead
from IODeepLib.machine.progress import Progress
from IODeepLib.network.device import Array, Device
from IODeepLib.network.predictor import Ensemble
from IODeepLib.onnx_file.graph_writer import GraphWriter
from IODeepLib.onnx_file.made import TYPES
from IODeepLib.recipe import Activation, Decision, Input, Output

_TO_THE_END = 2**62  # of a slice
# Bytes of finished planes that are brought down at once.
_PIECE_BYTES = 64 * 2**20
_SLAB, _SCORES, _WEIGHTS, _VOXELS, _OFFSET = "slab", "scores", "weights", "voxels", "offset"
_STARTS, _ENDS, _STEPS = "starts", "ends", "steps"
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
    otherwise: Callable[[str], Iterator[Slab]],
) -> Iterator[Slab]:
    """The scores of the whole image, as `score_slabs` gives them, blended on a device.

    Args:
        device: where.
        array, input_, output, predict, progress, cancelled: as for `score_slabs`; `can_blend` said
            that it can be done.
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
        for slab in DeviceBlending(run, patches, input_, output, predict, device).slabs():
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
        weights: (voxel, 1) what each of its voxels that lie in the image counts.
    """

    patch: Patch
    place: Box
    weights: npt.NDArray[np.float32]


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
        self._known: dict[tuple[int, int, int], Array] = {}  # what `_voxels` made
        self._slab: list[Array] = []  # for each part of the channels
        self._alike = Last[list[Array]]()
        activation = predict.each_activated
        if activation is Activation.NONE and not blends_scores(output):
            activation = output.activation
        letters = input_.axis_order
        kind = "float16" if predict.half else "float32"
        self._add = device.program(_adding(kind, letters, input_.spatial_axes, activation))
        self._shift = device.program(_shifting())
        self._bring = device.program(_bringing())
        self._sum = device.program(_summing())

    def slabs(self) -> Iterator[tuple[int, Float32]]:
        """Finished planes in order, as `sliding_window.score_slabs` gives them.

        Raises:
            MemoryError: there is no room on the device; nothing was given before, if it is so
                from the beginning.
        """
        rows, columns = self._shape[1:]
        across, channels = rows * columns, self._output.channels
        together = min(max(1, _PIECE_BYTES // (4 * channels * across)), self._shape[0])
        room = np.empty(channels * together * across, np.float32)
        with closing(ahead(self._rows(), 1, self._run.tell)) as finished:
            for first, count, slab in finished:
                doubtful = not self._sum_is_finite(slab, count * across)
                for i in range(0, count, together):
                    n = min(together, count - i)
                    piece = room[: channels * n * across].reshape(channels, -1)
                    between = np.array([[i * across], [(i + n) * across]], np.int64)
                    for part, array in zip(self._parts, slab, strict=True):
                        where = {_STARTS: between[0], _ENDS: between[1]}
                        self._bring.bring(piece[part], {_SLAB: array}, where)
                    planes = piece.reshape(channels, n, rows, columns)
                    if doubtful:
                        check_finite(planes, (first + i, 0, 0))
                    yield first + i, planes
        self._run.tell()

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
                    parts.append(_Part(patch, self._shares.place(patch), weights.reshape(-1, 1)))
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
        here: dict[str, npt.NDArray[Any]] = {
            _WEIGHTS: part.weights,
            _OFFSET: np.array([offset], np.int64),
        }
        axis_order, sizes = self._input.axis_order, scores.shape()
        for channels, slab in zip(self._parts, self._slab, strict=True):
            cut["C"] = channels
            ways = [
                _way(cut[letter], size, axis in axes)
                for axis, (letter, size) in enumerate(zip(axis_order, sizes, strict=True))
            ]
            starts, ends, steps = np.array(ways, np.int64).T.copy()
            here |= {_STARTS: starts, _ENDS: ends, _STEPS: steps}
            self._add.change(slab, {_SLAB: slab, _SCORES: scores, _VOXELS: self._voxels(box)}, here)

    def _voxels(self, box: tuple[int, int, int]) -> Array:
        """Places in the slab of the voxels of a box of this shape that lies in its corner."""
        if box not in self._known:
            strides = np.array([self._shape[1] * self._shape[2], self._shape[2], 1])
            index = np.tensordot(strides, np.indices(box, np.int64), 1)
            self._known[box] = self._device.uploaded(index.reshape(-1, 1))
        return self._known[box]

    def _move_on(self, voxels: int) -> None:
        """Leave the first `voxels` of the slab behind, and have zeros come in."""
        start = {_STARTS: np.array([voxels], np.int64)}
        self._slab = [self._shift.made({_SLAB: array}, start) for array in self._slab]

    def _make_slab(self) -> None:
        sizes = (part.stop - part.start for part in self._parts)
        self._slab = [self._device.uploaded(np.zeros((1, n), np.float32)) for n in sizes]
        self._move_on(math.prod(self._shape))

    def _sum_is_finite(self, slab: list[Array], voxels: int) -> bool:
        """Whether it is, so that all of the first `voxels` are; a sum can also overflow."""
        total = np.empty((len(slab), 1, 1), np.float32)
        end = np.array([voxels], np.int64)
        for found, array in zip(total, slab, strict=True):
            self._sum.bring(found, {_SLAB: array}, {_ENDS: end})
        return bool(np.isfinite(total).all())

    def _wanted(self, given: Float32) -> list[int]:
        """The shape of what the network is given, as it is filled up."""
        shape = list(given.shape)
        along = self._input.axis_order.index("N")
        shape[along] = max(shape[along], self._predict.batch)
        return shape


def _way(part: slice, size: int, mirrored: bool) -> tuple[int, int, int]:
    """Start, end and step of `part` of an axis, or of where its mirror image lies."""
    if not mirrored:
        return part.start, part.stop, 1
    end = size - 1 - part.stop
    return size - 1 - part.start, end if end >= 0 else -size - 1, -1


def _adding(kind: str, letters: str, spatial: str, activation: Activation) -> bytes:
    """slab (voxel, channel) with a part of what a network gives added, weighted."""
    graph = GraphWriter()
    slab = graph.input(_SLAB, "float32", 2)
    rank = len(letters)
    scores = graph.input(_SCORES, kind, rank)
    weights = graph.input(_WEIGHTS, "float32", 2)
    voxels, offset = graph.input(_VOXELS, "int64", 2), graph.input(_OFFSET, "int64", 1)
    starts, ends, steps = (graph.input(name, "int64", 1) for name in (_STARTS, _ENDS, _STEPS))
    if kind != "float32":
        scores = graph.node("Cast", scores, to=TYPES["float32"])
    if activation is not Activation.NONE:
        soft = activation is Activation.SOFTMAX
        more: dict[str, Any] = {"axis": letters.index("C")} if soft else {}
        probable = graph.node("Softmax" if soft else "Sigmoid", scores, **more)
        # What is not finite is to be so afterwards, too; everything else is not changed.
        scores = graph.node("Add", probable, graph.node("Sub", scores, scores))
    part = graph.node("Slice", scores, starts, ends, graph.integers(*range(rank)), steps)
    order = [letters.index(letter) for letter in ("N", *spatial, "C")]
    part = graph.node("Transpose", part, perm=order)
    channels = graph.node("Shape", slab, start=1)
    shape = graph.node("Concat", graph.integers(-1), channels, axis=0)
    flat = graph.node("Reshape", part, shape)
    weighted = graph.node("Mul", flat, weights)
    where = graph.node("Add", voxels, offset)
    graph.output("added", 2, "ScatterND", slab, where, weighted, reduction="add")
    return graph.model()


def _shifting() -> bytes:
    """slab from `starts` on, and zeros behind."""
    graph = GraphWriter()
    slab, start = graph.input(_SLAB, "float32", 2), graph.input(_STARTS, "int64", 1)
    kept = graph.node("Slice", slab, start, graph.integers(_TO_THE_END), graph.integers(0))
    shape = graph.node("Concat", start, graph.node("Shape", slab, start=1), axis=0)
    zeros = graph.node("ConstantOfShape", shape)
    graph.output("shifted", 2, "Concat", kept, zeros, axis=0)
    return graph.model()


def _bringing() -> bytes:
    """(channel, voxel) of the voxels of a slab from `starts` to `ends`."""
    graph = GraphWriter()
    slab = graph.input(_SLAB, "float32", 2)
    start, end = graph.input(_STARTS, "int64", 1), graph.input(_ENDS, "int64", 1)
    part = graph.node("Slice", slab, start, end, graph.integers(0))
    graph.output("planes", 2, "Transpose", part, perm=[1, 0])
    return graph.model()


def _summing() -> bytes:
    """(1, 1) the sum over the voxels of a slab up to `ends`."""
    graph = GraphWriter()
    slab, end = graph.input(_SLAB, "float32", 2), graph.input(_ENDS, "int64", 1)
    part = graph.node("Slice", slab, graph.integers(0), end, graph.integers(0))
    graph.output("sum", 2, "ReduceSum", part, keepdims=1)
    return graph.model()
