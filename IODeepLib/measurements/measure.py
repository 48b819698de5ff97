"""Measures the segments that a network found: slice by slice, of overlapping labels one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Volume
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements.segment import Measurements, SegmentMeasurements
from IODeepLib.measurements.size import size_of
from IODeepLib.measurements.uptake import uptake_of
from IODeepLib.recipe import Label
from IODeepLib.series import Image, Unit
from IODeepLib.voxels.label_tally import LabelTally


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
    unit, uptake = _unit(image), uptake_of(image)
    segments: list[SegmentMeasurements] = []
    for array, labels in _layers(segmentation):
        tally = LabelTally(array.shape[2], fingerprints=False)
        for k, plane in enumerate(array):
            padding = None if volume.padding is None else volume.padding[k]
            tally.add(k, plane, image=volume.array[k], padding=padding)
        for label, value in labels:
            values = None if unit is None else tally.measured(value)
            voxels, box = tally.voxels(value), tally.box(value)
            size = size_of(array[box] == value, volume.grid, image)
            segments.append(
                SegmentMeasurements(
                    label,
                    voxels,
                    size.volume_ml,
                    values,
                    size.long_axis_mm,
                    size.short_axis_mm,
                    size.surface_mm2,
                    box if voxels else None,
                    None if uptake is None else uptake.factor,
                )
            )
    return Measurements(unit or Unit("", image.units[0].attribute), tuple(segments), uptake)


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
