"""Segments as editors keep them: in layers of labels, each on a part of the grid.

Whether a segment is still as the network found it is told here, by its voxels; what is written of
them, `objects_of_layers` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Box
from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import Measurements, SegmentMeasurements
from IODeepLib.measurements.measure import measure_labels, of_image
from IODeepLib.recipe import Label
from IODeepLib.results.edit import Edit
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.series import Image
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

    @property
    def box(self) -> Box:
        """Where on the grid it lies."""
        first, row, column = (
            slice(start, start + size)
            for start, size in zip(self.start, self.array.shape, strict=True)
        )
        return first, row, column


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
        confidence: how sure the network was of the voxels that it found, if that is known.
    """

    layer: int | None
    value: int
    label: Label
    fingerprint: str | None = None
    renamed: bool = False
    algorithm: str = ""
    confidence: SegmentConfidence | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else is known of the edits of a result.

    Attributes:
        gone: names of the network's labels that were found and have no segment any more.
        by: who edited, see `Edit`.
        corrects: what was stored of the result before.
        missing: the labels that the network looked for and did not find.
    """

    gone: tuple[str, ...] = ()
    by: str = ""
    corrects: StoredObject | None = None
    missing: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberedSegment:
    """A segment with voxels.

    Attributes:
        label: its value is one that no other segment has, and no label that was not found.
        layer, value: which voxels are its own.
        confidence: how sure the network is of these very voxels.
    """

    label: Label
    layer: int
    value: int
    confidence: SegmentConfidence | None


def numbered(
    layers: Sequence[Layer],
    segments: Sequence[LayeredSegment],
    grid: Grid,
    known: Circumstances,
) -> tuple[list[NumberedSegment], Edit | None]:
    """The segments that have voxels, and what people changed of them; None if nothing.

    Args:
        layers: all voxels.
        segments: all segments; their order stays.
        grid: where the layers lie.
        known: what else is known of the edits.
    """
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
    taken = {label.value for label in known.missing}
    values = _values([each for each, _ in there], taken)
    found, edited, renamed = [], set(), set()
    added: dict[int, str] = {}
    for (each, mark), value in zip(there, values, strict=True):
        assert each.layer is not None  # noqa: S101 - it has voxels
        same = mark == each.fingerprint
        label, confidence = replace(each.label, value=value), each.confidence if same else None
        found.append(NumberedSegment(label, each.layer, each.value, confidence))
        if each.fingerprint is None:
            added[value] = each.algorithm
        elif not same:
            edited.add(value)
        if each.renamed:
            renamed.add(value)
    kept = {each.label.value for each, _ in there if each.fingerprint is not None}
    emptied = [
        each.label.name for each in empty if each.fingerprint and each.label.value not in kept
    ]
    removed = (*known.gone, *emptied)
    if not (edited or added or renamed or removed):
        return found, None
    changes = frozenset(edited), added, frozenset(renamed), removed
    return found, Edit(*changes, by=known.by, corrects=known.corrects)


def _values(segments: Sequence[LayeredSegment], taken: set[int]) -> list[int]:
    """A value for each: the network's, where it is not taken, or the next one that is free."""
    wanted = [each.label.value if each.fingerprint is not None else 0 for each in segments]
    free = iter(value for value in range(1, 2**16) if value not in {*wanted, *taken})
    seen, values = {0, *taken}, []
    for value in wanted:
        values.append(next(free) if value in seen else value)
        seen.add(value)
    return values


def segmentation_of(
    layers: Sequence[Layer], segments: Sequence[NumberedSegment], grid: Grid
) -> Segmentation:
    """The labels on the grid: exclusive, or one layer each where some of them overlap."""
    labels = tuple(each.label for each in segments)
    return Segmentation(_array(layers, segments, grid), grid, labels)


def measure_layers(
    layers: Sequence[Layer],
    segments: Sequence[LayeredSegment | NumberedSegment],
    volume: Volume,
    image: Image,
) -> Measurements:
    """Measure segments as they are, in their order.

    Args:
        layers: all voxels, on those of `volume`.
        segments: which of them each one has.
        volume, image: as `measure` has them.
    """
    found: dict[int, SegmentMeasurements] = {}
    for number, layer in enumerate(layers):
        own = [i for i, each in enumerate(segments) if each.layer == number]
        labels = [(segments[i].label, segments[i].value) for i in own]
        part = volume.cropped(layer.box)
        measured = measure_labels(layer.array, labels, part, image)
        found |= zip(own, measured, strict=True)
    inside = (found.get(i) or SegmentMeasurements(each.label, 0) for i, each in enumerate(segments))
    return of_image(inside, image)


def _array(
    layers: Sequence[Layer], segments: Sequence[NumberedSegment], grid: Grid
) -> npt.NDArray[np.unsignedinteger]:
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
    layers: Sequence[Layer], segments: Sequence[NumberedSegment], grid: Grid
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
    slices, rows, columns = layer.box
    for k, plane in enumerate(layer.array, slices.start):
        if plane.any():
            yield (k, rows, columns), plane
