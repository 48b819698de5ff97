"""From blended scores to labels on the voxels of the series, plane by plane.

Scores come in planes of the network's grid. On the voxels of the series they are interpolated
linearly, and decided there; or the decision is made on the network's voxels and each voxel of the
series takes that of the one it lies in. Only two planes of scores are held, and planes are worked
through in tiles small enough for the processor's cache. Where labels are interpolated or changed
before they are brought to the series, they are held on the network's voxels first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.geometry.arrays import Float32
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.inference.decision_rule import label_type, rule_of
from IODeepLib.inference.labels_on_source import labels_on_source, on_itself
from IODeepLib.inference.network_run import score_channels
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.inference.surrounded import surrounded
from IODeepLib.recipe import Blend, Decision, Interpolation, Output
from IODeepLib.voxels.activation import activate
from IODeepLib.voxels.resample import parallel_steps
from IODeepLib.voxels.taps import Taps, in_plane, linear_taps, nearest_even_taps, nearest_taps

# Scores in a tile: what the processor's second cache holds with its temporaries. The limits of a
# tile's side are measured: smaller ones cost calls, larger ones are less often of one label.
TILE_SCORES = 1 << 15
TILE_SIDE = (32, 96)

# Bytes of finished planes that are gathered before they are written, where the series has its
# voxels in another order than the network: single planes would touch memory far and wide.
WRITE_TOGETHER = 16 << 20


def decide(
    slabs: Iterable[Slab],
    prepared: Prepared,
    output: Output,
    *,
    want_probabilities: bool = False,
    on_network: Callable[[Segmentation], Segmentation] | None = None,
) -> Segmentation:
    """The labels on the series' own voxels.

    Args:
        slabs: scores on the network's grid in order, as `sliding_window.score_slabs` gives them.
        prepared: what the network was run on.
        output: the recipe's output.
        want_probabilities: also give each label's probability; not for label values, which have
            none.
        on_network: what is done to the labels on the network's voxels, where they are decided
            there.

    Returns:
        Labels in the axis order of the series, contiguous; voxels that the network did not see
        are background.

    Raises:
        ModelError: scores at an angle to the series, to be decided there.
    """
    decided_there = output.decides_on_network
    if prepared.at_an_angle and not decided_there:
        raise ModelError(
            "scores at an angle to the series",
            "labels, decided on the network's voxels",
            "set output.decide_on to 'network' in the recipe",
        )
    linear = output.label_interpolation is Interpolation.LINEAR
    held = on_network is not None or linear or prepared.at_an_angle
    if held and decided_there and prepared.source is not prepared.network:
        there = decide(slabs, on_itself(prepared), output, want_probabilities=want_probabilities)
        changed = on_network(there) if on_network else there
        return labels_on_source(changed, prepared, output.label_interpolation)
    if output.interpolates_probabilities and output.blend is Blend.SCORES:
        slabs = _probabilities(slabs, output)
    if not decided_there:
        slabs, prepared = surrounded(slabs, prepared)
    axes = _positions(prepared)
    want_probabilities = want_probabilities and output.decision is not Decision.LABELS
    canvas = _Canvas(prepared, output, want_probabilities)
    sizes = prepared.network.shape
    if decided_there or all(_is_whole(axis) for axis in axes):
        whole = [np.arange(n, dtype=np.float64) for n in sizes[1:]]
        painter = _Painter(whole, sizes[1:], output, want_probabilities)
        even = output.label_interpolation is Interpolation.NEAREST_EVEN
        taps_of = nearest_even_taps if even else nearest_taps
        nearest = [taps_of(axis, n).index[0] for axis, n in zip(axes, sizes, strict=True)]
        _decide_on_network(slabs, painter, canvas, nearest)
    else:
        painter = _Painter(axes[1:], sizes[1:], output, want_probabilities)
        for z, (below, above, part) in enumerate(_pairs(slabs, linear_taps(axes[0], sizes[0]))):
            canvas.put(z, *painter.paint(below, above, part))
    return canvas.segmentation()


def _positions(prepared: Prepared) -> list[npt.NDArray[np.float64]]:
    """Where the seen voxels of the series lie, in voxels of the network's grid, for each axis."""
    steps = parallel_steps(prepared.network, prepared.turned_source)
    axes = [
        step * np.arange(part.start, part.stop, dtype=np.float64) + offset
        for (step, offset), part in zip(steps, prepared.box, strict=True)
    ]
    back = prepared.back
    if back is not None and back.interpolation is not Interpolation.LINEAR:
        nearest = nearest_taps(axes[back.axis], prepared.network.shape[back.axis])
        axes[back.axis] = nearest.index[0].astype(np.float64)
    return axes


def _probabilities(slabs: Iterable[Slab], output: Output) -> Iterator[Slab]:
    """What was blended, as probabilities; nobody needs the scores any more."""
    labels = output.decision is Decision.LABELS
    for start, scores in slabs:
        yield start, scores if labels else activate(scores, output.activation)


def _is_whole(positions: npt.NDArray[np.float64]) -> bool:
    """Whether these are voxels of the grid itself, none between two."""
    return bool((np.abs(positions - np.rint(positions)) <= SAME_GRID_TOLERANCE).all())


class _Plane:
    """Scores of one plane of the network's grid, (channel, rows, columns), and their bounds."""

    def __init__(self, scores: Float32) -> None:
        self.scores = scores
        self._bounds: tuple[Float32, Float32] | None = None

    def bounds(self, strips: list[list[_Strip]]) -> tuple[Float32, Float32]:
        """The lowest and highest score of each channel in each tile: (channel, rows, columns)."""
        if self._bounds is None:
            low, high = (
                np.stack(
                    [extreme(self.scores[:, strip.network], axis=1) for strip in strips[0]], axis=1
                )
                for extreme in (np.min, np.max)
            )
            self._bounds = (
                np.stack([low[..., strip.network].min(axis=-1) for strip in strips[1]], axis=-1),
                np.stack([high[..., strip.network].max(axis=-1) for strip in strips[1]], axis=-1),
            )
        return self._bounds

    def keep(self) -> None:
        """Hold the scores beyond the life of the slab that they came in."""
        self.scores = self.scores.copy()


def _planes(slabs: Iterable[Slab]) -> Iterator[tuple[int, _Plane]]:
    for start, scores in slabs:
        plane = None
        for i in range(scores.shape[1]):
            plane = _Plane(scores[:, i])
            yield start + i, plane
        if plane is not None:
            plane.keep()


def _pairs(slabs: Iterable[Slab], taps: Taps) -> Iterator[tuple[_Plane, _Plane, np.float32]]:
    """For each target plane, as soon as it can be made: the planes around it, the upper's part."""
    part = taps.weight[1]
    lower, upper = taps.index[0], np.where(part > 0, taps.index[1], taps.index[0])
    target, previous = 0, None
    for i, plane in _planes(slabs):
        while target < len(taps) and upper[target] == i:
            below = plane if lower[target] == i or previous is None else previous
            yield below, plane, part[target]
            target += 1
        previous = plane


def _decide_on_network(
    slabs: Iterable[Slab], painter: _Painter, canvas: _Canvas, nearest: list[npt.NDArray[np.intp]]
) -> None:
    planes, rows, columns = nearest
    target = 0
    for i, plane in _planes(slabs):
        if target == len(planes) or planes[target] > i:
            continue
        parts = [
            None if part is None else part[:, rows[:, None], columns]
            for part in painter.paint(plane, plane, np.float32(0))
        ]
        while target < len(planes) and planes[target] == i:
            canvas.put(target, *parts)
            target += 1


@dataclass(frozen=True, slots=True)
class _Strip:
    """A part of an axis.

    Attributes:
        target: the voxels that are painted.
        network: the voxels of the network's grid that they are made from.
        taps: how; None where they are just these.
    """

    target: slice
    network: slice
    taps: Taps | None


def _strips(positions: npt.NDArray[np.float64], size: int, channels: int) -> list[_Strip]:
    """An axis in parts of a tile's side."""
    side = int(np.clip(np.sqrt(TILE_SCORES / channels), *TILE_SIDE))
    whole = _is_whole(positions)
    taps = linear_taps(np.rint(positions) if whole else positions, size)
    strips = []
    for start in range(0, len(taps), side):
        target = slice(start, min(start + side, len(taps)))
        index = taps.index[: 1 if whole else 2, target]
        low, high = int(index.min()), int(index.max()) + 1
        plain = whole and high - low == target.stop - target.start
        local = Taps(index - low, taps.weight[: len(index), target])
        strips.append(_Strip(target, slice(low, high), None if plain else local))
    return strips


class _Painter:
    """Makes planes of labels from planes of scores, tile by tile."""

    def __init__(
        self,
        positions: list[npt.NDArray[np.float64]],
        sizes: tuple[int, ...],
        output: Output,
        want_probabilities: bool,
    ) -> None:
        self._strips = [
            _strips(axis, n, score_channels(output))
            for axis, n in zip(positions, sizes, strict=True)
        ]
        self._shape = tuple(len(axis) for axis in positions)
        self._rule, self._type = rule_of(output), label_type(output)
        self._probable = _Probabilities(output) if want_probabilities else None

    def paint(
        self, below: _Plane, above: _Plane, part: np.float32
    ) -> tuple[npt.NDArray, npt.NDArray | None]:
        """(layer, rows, columns) labels, and (label, rows, columns) probabilities if wanted.

        Args:
            below: the plane before the one that is painted.
            above: the plane behind it.
            part: how much of `above` is in it, 0 to 1.
        """
        labels = np.zeros((self._rule.layers, *self._shape), self._type)
        probable = self._probable
        probabilities = None if probable is None else probable.empty(self._shape)
        low, high = below.bounds(self._strips)
        if part:
            others = above.bounds(self._strips)
            low, high = np.minimum(low, others[0]), np.maximum(high, others[1])
        for i, rows in enumerate(self._strips[0]):
            for j, columns in enumerate(self._strips[1]):

                def scores_of(channels: npt.NDArray[np.intp], rows=rows, columns=columns):
                    return _tile(below, above, part, channels, rows, columns)

                where = (slice(None), rows.target, columns.target)
                self._rule.paint(labels[where], low[:, i, j], high[:, i, j], scores_of)
                if probable is not None and probabilities is not None:
                    probabilities[where] = probable(scores_of)
        return labels, probabilities


def _tile(
    below: _Plane,
    above: _Plane,
    part: np.float32,
    channels: npt.NDArray[np.intp],
    rows: _Strip,
    columns: _Strip,
) -> Float32:
    """Interpolated scores (channels, rows, columns) of one tile, a new array."""
    where = (channels, rows.network, columns.network)
    scores = below.scores[where]
    if part:
        difference = above.scores[where]
        difference -= scores
        difference *= part
        scores += difference
    if rows.taps is not None and columns.taps is not None:
        return in_plane(scores, rows.taps, columns.taps)
    if rows.taps is not None:
        return rows.taps.along(scores, -2)
    return scores if columns.taps is None else columns.taps.along(scores, -1)


class _Probabilities:
    """The probability of each label, as a byte."""

    def __init__(self, output: Output) -> None:
        self._all = np.arange(output.channels)
        self._channels = list(output.label_channels)
        self._activation = None if output.interpolates_probabilities else output.activation

    def empty(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        return np.empty((len(self._channels), *shape), np.uint8)

    def __call__(self, scores_of) -> Float32:
        values = scores_of(self._all)
        if self._activation is not None:
            activate(values, self._activation)
        chosen = np.clip(values[self._channels], 0, 1)
        chosen *= np.float32(255)
        return np.rint(chosen, out=chosen)


class _Canvas:
    """The result, on the series' voxels, filled by planes of the working orientation."""

    def __init__(self, prepared: Prepared, output: Output, want_probabilities: bool) -> None:
        self._prepared, self._labels = prepared, output.labels
        shape = prepared.source.shape
        self._layers = np.zeros((rule_of(output).layers, *shape), label_type(output))
        self._writers = [_Writer(self._layers, prepared)]
        self._probabilities = None
        if want_probabilities:
            self._probabilities = np.zeros((len(output.labels), *shape), np.uint8)
            self._writers.append(_Writer(self._probabilities, prepared))

    def put(self, plane: int, *parts: npt.NDArray | None) -> None:
        """Write plane `plane` of the seen box: its labels, its probabilities."""
        for writer, part in zip(self._writers, parts, strict=False):
            if part is not None:
                writer.put(plane, part)

    def segmentation(self) -> Segmentation:
        for writer in self._writers:
            writer.flush()
        array = self._layers if len(self._layers) > 1 else self._layers[0]
        return Segmentation(array, self._prepared.source, self._labels, self._probabilities)


class _Writer:
    """Writes planes of the working orientation into an array in the series' axis order."""

    def __init__(self, array: npt.NDArray, prepared: Prepared) -> None:
        self._view = prepared.axis_map.apply(array)[(slice(None), *prepared.box)]
        layers, planes, rows, columns = self._view.shape
        together = WRITE_TOGETHER // max(1, layers * rows * columns * array.itemsize)
        in_order = prepared.axis_map.order[0] == 0
        depth = 1 if in_order else min(max(1, together), max(1, planes))
        self._waiting = np.empty((layers, depth, rows, columns), array.dtype)
        self._start = self._count = 0

    def put(self, plane: int, values: npt.NDArray) -> None:
        if self._count == self._waiting.shape[1]:
            self.flush()
        if not self._count:
            self._start = plane
        self._waiting[:, self._count] = values
        self._count += 1

    def flush(self) -> None:
        planes = slice(self._start, self._start + self._count)
        self._view[:, planes] = self._waiting[:, : self._count]
        self._count = 0
