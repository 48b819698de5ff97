"""Measures the segments that a network found: slice by slice, of overlapping labels one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Mask
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements.segment import Measurements, SegmentMeasurements
from IODeepLib.recipe import Label
from IODeepLib.series import Image, Unit
from IODeepLib.voxels.diameters import diameters
from IODeepLib.voxels.label_tally import LabelTally
from IODeepLib.voxels.surface import surface_area


class Size(TypedDict):
    """How large a segment is, as `SegmentMeasurements` has it."""

    volume_ml: float | None
    long_axis_mm: float | None
    short_axis_mm: float | None
    surface_mm2: float | None


def measure(segmentation: Segmentation, volume: Volume, image: Image) -> Measurements:
    """Measure all segments.

    Args:
        segmentation: what was found, on the voxels of `volume`.
        volume: the image.
        image: where it comes from: what its values count, and whether the size of a voxel is known.

    Raises:
        ValueError: the segmentation lies elsewhere.
    """
    if not segmentation.lies_on(volume.grid):
        raise ValueError("segments are measured on the voxels of their image only")
    unit = _unit(image)
    segments: list[SegmentMeasurements] = []
    for array, labels in _layers(segmentation):
        tally = LabelTally(array.shape[2], fingerprints=False)
        for k, plane in enumerate(array):
            padding = None if volume.padding is None else volume.padding[k]
            tally.add(k, plane, image=volume.array[k], padding=padding)
        for label, value in labels:
            values = None if unit is None else tally.measured(value)
            size = _size(array[tally.box(value)] == value, volume.grid, image)
            segments.append(SegmentMeasurements(label, tally.voxels(value), values=values, **size))
    return Measurements(unit or Unit("", image.units[0].attribute), tuple(segments))


def _size(mask: Mask, grid: Grid, image: Image) -> Size:
    """How large a segment is that has the voxels `mask`, which reaches as far as that."""
    size = Size(volume_ml=None, long_axis_mm=None, short_axis_mm=None, surface_mm2=None)
    if not mask.size:
        return size
    if image.has_voxel_size:
        size["volume_ml"] = np.count_nonzero(mask) * grid.voxel_volume / 1000
        size["surface_mm2"] = surface_area(mask, grid.spacing)
    axis = _normal(grid)
    if image.has_patient_geometry and image.has_spacing and (axis == 0 or image.has_depth):
        row, column = (step for i, step in enumerate(grid.spacing) if i != axis)
        found = diameters(np.moveaxis(mask, axis, 0), (row, column))
        size["long_axis_mm"], size["short_axis_mm"] = found
    return size


def _normal(grid: Grid) -> int:
    """The axis whose planes are the most nearly axial; of a single image, the one through it."""
    if grid.shape[0] == 1:
        return 0
    return next(i for i, letter in enumerate(grid.orientation) if letter in "SI")


def _layers(
    segmentation: Segmentation,
) -> Iterator[tuple[npt.NDArray[np.unsignedinteger], list[tuple[Label, int]]]]:
    """(a0, a1, a2) with the labels in it and their values there."""
    if not segmentation.overlapping:
        yield segmentation.array, [(label, label.value) for label in segmentation.labels]
        return
    for label, layer in zip(segmentation.labels, segmentation.array, strict=True):
        yield layer, [(label, 1)]


def _unit(image: Image) -> Unit | None:
    """What all values of the image count; None where they differ, and no mean has a meaning."""
    names = {unit.name for unit in image.units}
    return image.units[0] if len(names) == 1 else None
