"""A DICOM SEG of segments as editors keep them: in layers of labels, each on a part of the grid.

Whether a segment is still as the network found it is told here, by its voxels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results.edit import Edit, StoredSeg
from IODeepLib.results.provenance import Provenance
from IODeepLib.results.seg import Seg, make_seg
from IODeepLib.series import ImageSeries
from IODeepLib.voxels.label_tally import LabelTally


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Segments that share an array.

    Attributes:
        array: (a0, a1, a2) integers: a segment's value, 0 for none.
        start: where on the grid it begins; all of it lies there.
    """

    array: npt.NDArray[np.integer]
    start: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LayeredSegment:
    """A segment as it is now.

    Attributes:
        layer, value: which voxels are its own: those of a layer that have this value; no layer for
            a segment without voxels.
        label: what it is now; its value is the network's where `fingerprint` is not None.
        fingerprint: of the voxels that the network found, see `LabelTally`; None for a segment that
            was added.
        renamed: whether name, color or codes are not those of the network.
        algorithm: of a segment that was added: what made it, if it says so.
    """

    layer: int | None
    value: int
    label: Label
    fingerprint: str | None = None
    renamed: bool = False
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else is known of the edits of a result.

    Attributes:
        gone: names of the network's labels that were found and have no segment any more.
        by: who edited, see `Edit`.
        corrects: what was stored of the result before.
    """

    gone: tuple[str, ...] = ()
    by: str = ""
    corrects: StoredSeg | None = None


def seg_of_layers(
    layers: Sequence[Layer],
    segments: Sequence[LayeredSegment],
    grid: Grid,
    series: ImageSeries,
    provenance: Provenance,
    known: Circumstances,
    others: Sequence[ImageSeries] = (),
) -> Seg:
    """The SEG (BINARY) of what a network found and people edited.

    Args:
        layers: all voxels.
        segments: all segments, in the order of the file.
        grid: where the layers lie.
        series, provenance, others: as `make_seg` has them.
        known: what else is known of the edits.

    Raises:
        ImageError: no segment has a voxel, or the images lack what a SEG refers to.
    """
    numbered, edit = _numbered(layers, segments, grid, known)
    if not numbered:
        raise ImageError(
            "all segments are empty",
            "at least one segment with voxels, which a DICOM SEG must have",
            "report in words that nothing was found",
        )
    labels = tuple(each.label for each in numbered)
    segmentation = Segmentation(_array(layers, numbered, grid), grid, labels)
    seg = make_seg(_turned(segmentation, series.grid), series, provenance, others=others, edit=edit)
    assert seg is not None  # noqa: S101 - there are voxels
    return seg


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A segment with voxels; its label has a value that no other one has."""

    label: Label
    layer: int
    value: int


def _numbered(
    layers: Sequence[Layer],
    segments: Sequence[LayeredSegment],
    grid: Grid,
    known: Circumstances,
) -> tuple[list[_Numbered], Edit | None]:
    """The segments that have voxels, and what people changed of them; None if nothing."""
    tallies = []
    for layer in layers:
        tallies.append(LabelTally(grid.shape[2]))
        for k, plane in enumerate(layer.array, layer.start[0]):
            tallies[-1].add(k, plane, layer.start[1:])
    there: list[tuple[LayeredSegment, str]] = []
    empty: list[LayeredSegment] = []
    for each in segments:
        mark = "" if each.layer is None else tallies[each.layer].fingerprint(each.value)
        if mark:
            there.append((each, mark))
        else:
            empty.append(each)
    numbered, edited, renamed = [], set(), set()
    added: dict[int, str] = {}
    for (each, mark), value in zip(there, _values([each for each, _ in there]), strict=True):
        assert each.layer is not None  # noqa: S101 - it has voxels
        numbered.append(_Numbered(replace(each.label, value=value), each.layer, each.value))
        if each.fingerprint is None:
            added[value] = each.algorithm
        elif mark != each.fingerprint:
            edited.add(value)
        if each.renamed:
            renamed.add(value)
    kept = {each.label.value for each, _ in there if each.fingerprint is not None}
    emptied = [
        each.label.name for each in empty if each.fingerprint and each.label.value not in kept
    ]
    removed = (*known.gone, *emptied)
    if not (edited or added or renamed or removed):
        return numbered, None
    changes = frozenset(edited), added, frozenset(renamed), removed
    return numbered, Edit(*changes, by=known.by, corrects=known.corrects)


def _values(segments: Sequence[LayeredSegment]) -> list[int]:
    """A value for each: the network's, where it is not taken, or the next one that is free."""
    wanted = [each.label.value if each.fingerprint is not None else 0 for each in segments]
    free = iter(value for value in range(1, 2**16) if value not in wanted)
    seen, values = {0}, []
    for value in wanted:
        values.append(next(free) if value in seen else value)
        seen.add(value)
    return values


def _array(
    layers: Sequence[Layer], segments: Sequence[_Numbered], grid: Grid
) -> npt.NDArray[np.unsignedinteger]:
    """The labels on the grid: exclusive, or one layer each where some of them overlap."""
    exclusive = _exclusive(layers, segments, grid)
    if exclusive is not None:
        return exclusive
    array = np.zeros((len(segments), *grid.shape), np.uint8)  # memory comes as it is written to
    for target, each in zip(array, segments, strict=True):
        for place, plane in _planes(layers[each.layer]):
            mask = plane == each.value
            if mask.any():
                target[place][mask] = 1
    return array


def _exclusive(
    layers: Sequence[Layer], segments: Sequence[_Numbered], grid: Grid
) -> npt.NDArray[np.unsignedinteger] | None:
    """(a0, a1, a2) label values; None where two segments have a voxel."""
    largest = max(each.label.value for each in segments)
    array = np.zeros(grid.shape, np.uint8 if largest < 256 else np.uint16)
    for number in sorted({each.layer for each in segments}):
        table = np.zeros(int(layers[number].array.max()) + 1, array.dtype)
        for each in segments:
            if each.layer == number:
                table[each.value] = each.label.value
        for place, plane in _planes(layers[number]):
            labels, target = table[plane], array[place]
            if ((labels != 0) & (target != 0)).any():
                return None
            np.maximum(target, labels, out=target)
    return array


def _planes(
    layer: Layer,
) -> Iterator[tuple[tuple[int, slice, slice], npt.NDArray[np.integer]]]:
    """(place on the grid, labels) of each slice of a layer that has any."""
    first, row, column = layer.start
    _, rows, columns = layer.array.shape
    for k, plane in enumerate(layer.array, first):
        if plane.any():
            yield (k, slice(row, row + rows), slice(column, column + columns)), plane


def _turned(segmentation: Segmentation, grid: Grid) -> Segmentation:
    """The labels with axes as those of the series; on its very grid where it is the same."""
    own = segmentation.grid
    assert isinstance(own, Grid)  # noqa: S101 - layers lie evenly
    axis_map = own.axis_map(grid.orientation)
    turned = own.turned(axis_map)
    return Segmentation(
        axis_map.apply(segmentation.array),
        grid if turned.same_as(grid) else turned,
        segmentation.labels,
    )
