"""Segments measured as PyRadiomics measures them, where it defines a figure in the same way."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from makers.label_maps import label_map
from makers.results import real_series
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from IODeepLib.measurements import measure

radiomics = pytest.importorskip("radiomics", reason="make judges installs PyRadiomics")
logging.getLogger("radiomics").setLevel(logging.CRITICAL)

SAME = 1e-6
EIGHT = np.ones((3, 3))


def longest_between_slices(mask: np.ndarray, spacing: tuple[float, float]) -> float:
    """From center to center of pixels that one of two neighboring slices has in it."""
    longest = 0.0
    empty = np.zeros_like(mask[:1])
    for differ in np.diff(np.concatenate((empty, mask, empty)), axis=0):
        points = np.argwhere(differ) * spacing
        if len(points) > 3 and np.ptp(points, axis=0).all():
            longest = max(longest, pdist(points[ConvexHull(points).vertices]).max())
    return longest


def test_a_real_ct(shared_data: Path, tmp_path: Path) -> None:
    from radiomics.firstorder import RadiomicsFirstOrder
    from radiomics.shape import RadiomicsShape

    series = real_series(shared_data, "CT abdomen", tmp_path)
    volume = series.volume()
    segmentation = label_map(shared_data, "CT abdomen", volume.grid)
    surfaces, whole = [], 0
    for one in measure(segmentation, volume, series).segments:
        mask = segmentation.array == one.label.value
        if one.voxels < 30 or min(np.ptp(where) for where in np.nonzero(mask)) == 0:
            continue
        images = []
        for array in (volume.array.astype(np.float64), mask.astype(np.uint8)):
            images.append(SimpleITK.GetImageFromArray(array))
            images[-1].SetSpacing(volume.grid.spacing[::-1])
        shape, values = RadiomicsShape(*images, label=1), RadiomicsFirstOrder(*images, label=1)
        values._initCalculation()
        mm3 = float(shape.getVoxelVolumeFeatureValue())
        assert one.volume_ml == pytest.approx(mm3 / 1000, rel=SAME)
        for ours, theirs in (
            (one.values.mean, values.getMeanFeatureValue()),
            (one.values.minimum, values.getMinimumFeatureValue()),
            (one.values.median, values.getMedianFeatureValue()),
            (one.values.maximum, values.getMaximumFeatureValue()),
        ):
            assert ours == pytest.approx(float(np.ravel(theirs)[0]), rel=SAME)
        # Theirs is divided by n.
        variance = float(np.ravel(values.getVarianceFeatureValue())[0])
        sample = variance * one.voxels / (one.voxels - 1)
        assert one.values.stdev == pytest.approx(np.sqrt(sample), rel=SAME)
        # Theirs goes from piece to piece, and is measured between slices, too.
        theirs = float(shape.getMaximum2DDiameterSliceFeatureValue())
        if all(ndimage.label(plane, EIGHT)[1] <= 1 for plane in mask):
            between = longest_between_slices(mask, volume.grid.spacing[1:])
            assert max(one.long_axis_mm, between) == pytest.approx(theirs, rel=SAME)
            whole += one.long_axis_mm >= between
        else:
            assert one.long_axis_mm <= theirs * (1 + SAME)
        # Theirs is of a mesh with steps, which is larger.
        if one.surface_mm2 is not None:
            surfaces.append(float(shape.getSurfaceAreaFeatureValue()) / one.surface_mm2)
    assert whole >= 10
    assert len(surfaces) >= 20 and 1 < np.median(surfaces) < 1.3
