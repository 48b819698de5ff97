"""Segments of a DICOM SEG, laid exactly onto the voxels of a series, or not at all.

A SEG may have fewer rows, columns and slices than the series, and its own may run another way or
be exchanged: all of that is exact. Where its voxels lie between those of the series, or have
another size, nothing is resampled: whatever came of it would be nobody's truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.cohort.segments import segments_in
from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid
from IODeepLib.geometry.arrays import Float64, Mask
from IODeepLib.geometry.tolerances import SAME_PIXELS
from IODeepLib.headers import text
from IODeepLib.recipe import Label
from IODeepLib.results.frames import SegmentationType
from IODeepLib.results.seg_planes import lowest, planes_of, seg_file, segment_numbers, type_of
from IODeepLib.series.frames import Frame, frames_of
from IODeepLib.series.image_file import ImageFile

# How far a voxel of a SEG may lie from that of the series that it stands for, in voxels: positions
# are rounded, and what is measured differs by less.
_UPON = SAME_PIXELS


class Canvas:
    """The truth, to be painted.

    Attributes:
        array: exclusive labels: (slice, row, column), label values, 0 for background. Overlapping
            ones: (label, slice, row, column) bool, in the order of the labels.
        clashes: how many voxels two exclusive labels wanted, by the pair of their values.
    """

    def __init__(self, labels: Sequence[Label], grid: Grid, *, overlapping: bool) -> None:
        self._places = {label.value: i for i, label in enumerate(labels)}
        self.grid, self.overlapping = grid, overlapping
        self.clashes: dict[tuple[int, int], int] = {}
        self.array: npt.NDArray
        if overlapping:
            self.array = np.zeros((len(labels), *grid.shape), bool)
        else:
            most = max(self._places)
            self.array = np.zeros(grid.shape, np.uint8 if most < 256 else np.uint16)

    def add(self, label: int, voxels: tuple[npt.NDArray[np.intp], ...]) -> None:
        """Paint a label.

        Args:
            label: its value.
            voxels: three arrays of indices.
        """
        if self.overlapping:
            self.array[self._places[label]][voxels] = True
            return
        before = self.array[voxels]
        for other in np.unique(before[(before != 0) & (before != label)]):
            pair = min(int(other), label), max(int(other), label)
            count = int(np.count_nonzero(before == other))
            self.clashes[pair] = self.clashes.get(pair, 0) + count
        self.array[voxels] = label

    def voxels(self) -> dict[int, int]:
        """How many each label has."""
        if self.overlapping:
            return {v: int(np.count_nonzero(self.array[i])) for v, i in self._places.items()}
        counts = np.zeros(max(self._places) + 1, np.int64)
        for plane in self.array:  # NumPy counts in 8 bytes a voxel
            counts += np.bincount(plane.ravel(), minlength=len(counts))
        return {value: int(counts[value]) for value in self._places}


def paint(path: Path, header: Dataset, labels: Mapping[int, int], canvas: Canvas) -> list[str]:
    """Paint the segments of a DICOM SEG that are labels.

    Args:
        path: the file.
        header: what it says of its type, its segments and its frame of reference.
        labels: the value of the label, by the number of the segment; others are passed over.
        canvas: what to paint on.

    Returns:
        What a person should know.

    Raises:
        ValueError: it does not lie exactly on the voxels, or is no good; the words say why.
    """
    kind = type_of(header)
    file = seg_file(path, kind)
    frames, other = frames_of(file), text(file.header, "FrameOfReferenceUID")
    if other and canvas.grid.frame_of_reference not in (None, other):
        raise ValueError("it lies in another frame of reference than the series")
    places = _places_on(canvas.grid, frames)
    try:
        if kind is SegmentationType.LABELMAP:
            _paint_values(file, places, labels, header, canvas)
            return []
        _paint_segments(file, places, labels, lowest(header, kind), canvas)
    except ImageError as error:
        found = error.found.removeprefix(f"{path} ")
        raise ValueError(f"{found}; next: {error.next_step}") from None
    return ["of a FRACTIONAL one a half or more counts"] if kind.value == "FRACTIONAL" else []


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a frame lies on a grid, in whole voxels.

    Attributes:
        first: the voxel of its first pixel.
        by_row, by_column: from row to row, and from column to column.
    """

    first: npt.NDArray[np.intp]
    by_row: npt.NDArray[np.intp]
    by_column: npt.NDArray[np.intp]

    def voxels(self, mask: Mask, shape: tuple[int, int, int]) -> tuple[npt.NDArray[np.intp], ...]:
        """Those of the pixels that are true.

        Raises:
            ValueError: some lie outside.
        """
        rows, columns = np.nonzero(mask)
        found = tuple(
            self.first[a] + rows * self.by_row[a] + columns * self.by_column[a] for a in range(3)
        )
        outside = np.zeros(len(rows), bool)
        for index, length in zip(found, shape, strict=True):
            outside |= (index < 0) | (index >= length)
        if outside.any():
            raise ValueError(f"{int(outside.sum())} of its voxels lie outside of the series")
        return found


def _places_on(grid: Grid, frames: Sequence[Frame]) -> list[_Place]:
    """Where each frame lies.

    Raises:
        ValueError: one does not lie upon voxels, or leaves every second slice out.
    """
    inverse: Float64 = np.asarray(np.linalg.inv(grid.affine[:3, :3]), np.float64)
    places = [_place_on(grid, inverse, frame) for frame in frames]
    across = np.cross(places[0].by_row, places[0].by_column)
    axis = int(np.abs(across).argmax())
    # Not by Spacing Between Slices, which highdicom fills in with 1 where it is told nothing.
    slices = np.unique([place.first[axis] for place in places])
    if len(slices) > 2 and np.gcd.reduce(np.diff(slices)) > 1:
        raise ValueError("it lies on every second slice of the series at most")
    return places


def _place_on(grid: Grid, inverse: Float64, frame: Frame) -> _Place:
    if frame.position is None or frame.orientation is None or frame.spacing is None:
        raise ValueError("it does not say where its frames lie")
    first = grid.index(frame.position)
    by_column = inverse @ (frame.orientation[0] * frame.spacing[1])
    by_row = inverse @ (frame.orientation[1] * frame.spacing[0])
    whole = [np.rint(step).astype(np.intp) for step in (first, by_row, by_column)]
    ends = max(frame.rows - 1, 1), max(frame.columns - 1, 1)
    off = np.abs(first - whole[0])
    off += np.abs(by_row - whole[1]) * ends[0] + np.abs(by_column - whole[2]) * ends[1]
    steps_are_voxels = all(np.abs(step).sum() == 1 for step in whole[1:])
    if off.max() > _UPON or not steps_are_voxels or (whole[1] * whole[2]).any():
        millimeters = float((off * grid.spacing).max())
        raise ValueError(
            "it does not lie on the voxels of the series: "
            + (
                f"some are {millimeters:.3g} mm beside them"
                if steps_are_voxels
                else "its pixels have another size, or lie aslant"
            )
        )
    return _Place(*whole)


def _paint_segments(
    file: ImageFile,
    places: Sequence[_Place],
    labels: Mapping[int, int],
    least: int,
    canvas: Canvas,
) -> None:
    numbers = segment_numbers(file)
    wanted = [i for i, number in enumerate(numbers) if number in labels]
    for i, plane in zip(wanted, planes_of(file, [i + 1 for i in wanted]), strict=True):
        voxels = places[i].voxels(plane >= least, canvas.grid.shape)
        canvas.add(labels[numbers[i]], voxels)


def _paint_values(
    file: ImageFile,
    places: Sequence[_Place],
    labels: Mapping[int, int],
    header: Dataset,
    canvas: Canvas,
) -> None:
    known = {0, *segments_in(header)}
    for place, plane in zip(places, planes_of(file), strict=True):
        for value in np.unique(plane).tolist():
            if value not in known:
                raise ValueError(
                    f"it has voxels of the segment {value}, which it does not describe"
                )
            if value in labels:
                canvas.add(labels[value], place.voxels(plane == value, canvas.grid.shape))
