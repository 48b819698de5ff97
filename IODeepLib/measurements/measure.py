"""Measures the segments that a network found: slice by slice, of overlapping labels one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    segments = [
        one
        for array, labels in _layers(segmentation)
        for one in measure_labels(array, labels, volume, image)
    ]
    return of_image(segments, image)


def measure_labels(
    array: npt.NDArray[np.integer],
    labels: Sequence[tuple[Label, int]],
    volume: Volume,
    image: Image,
) -> Iterator[SegmentMeasurements]:
    """Measure the labels of one array.

    Args:
        array: (a0, a1, a2) values of labels, 0 for background, on the voxels of `volume`.
        labels: each with its value in the array.
        volume, image: as `measure` has them.
    """
    valued, uptake = _common_unit(image) is not None, uptake_of(image)
    tally = LabelTally(array.shape[2], fingerprints=False)
    for k, plane in enumerate(array):
        padding = None if volume.padding is None else volume.padding[k]
        tally.add(k, plane, image=volume.array[k], padding=padding)
    for label, value in labels:
        voxels, box = tally.voxels(value), tally.box(value)
        size = size_of(array[box] == value, volume.grid, image)
        yield SegmentMeasurements(
            label,
            voxels,
            size.volume_ml,
            tally.measured(value) if valued else None,
            size.long_axis_mm,
            size.short_axis_mm,
            size.surface_mm2,
            box if voxels else None,
            None if uptake is None else uptake.factor,
        )


def of_image(segments: Iterable[SegmentMeasurements], image: Image) -> Measurements:
    """What was measured of segments, with what the values of the image count."""
    unit = _common_unit(image) or Unit("", image.units[0].attribute)
    return Measurements(unit, tuple(segments), uptake_of(image))


def _layers(
    segmentation: Segmentation,
) -> Iterator[tuple[npt.NDArray[np.unsignedinteger], list[tuple[Label, int]]]]:
    """(a0, a1, a2) with the labels in it and their values there."""
    if not segmentation.overlapping:
        yield segmentation.array, [(label, label.value) for label in segmentation.labels]
        return
    for label, layer in zip(segmentation.labels, segmentation.array, strict=True):
        yield layer, [(label, 1)]


def _common_unit(image: Image) -> Unit | None:
    """What all values of the image count; None where they differ, and no mean has a meaning."""
    names = {unit.name for unit in image.units}
    return image.units[0] if len(names) == 1 else None
