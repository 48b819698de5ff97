"""How large segments are: real label maps on real series, odd planes, and unknown sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from makers.label_maps import LABEL_MAPS, as_itk, brute_diameters, label_map
from makers.results import label, real_series
from makers.series import Stack
from makers.uneven import UNEVEN, uneven

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import SegmentMeasurements, measure
from IODeepLib.series import VolumeImage

SAME = 1e-6


@pytest.mark.parametrize("name", LABEL_MAPS)
def test_real_label_maps_as_others_measure_them(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    series = real_series(shared_data, name, tmp_path)
    volume = series.volume()
    segmentation = label_map(shared_data, name, volume.grid)
    shapes = SimpleITK.LabelShapeStatisticsImageFilter()
    shapes.ComputePerimeterOn()
    shapes.Execute(as_itk(segmentation.array, volume.grid))
    values = SimpleITK.LabelIntensityStatisticsImageFilter()
    values.SetNumberOfBins(2**16)
    image = as_itk(volume.array.astype(np.float64), volume.grid)
    values.Execute(as_itk(segmentation.array, volume.grid), image)
    found = measure(segmentation, volume, series).segments
    assert [one.label.value for one in found] == list(shapes.GetLabels())
    for one in found:
        value = one.label.value
        assert one.voxels == shapes.GetNumberOfPixels(value)
        assert one.volume_ml == pytest.approx(shapes.GetPhysicalSize(value) / 1000, rel=SAME)
        assert one.values.mean == pytest.approx(values.GetMean(value), rel=SAME)
        if one.voxels > 1:
            assert one.values.stdev == pytest.approx(values.GetStandardDeviation(value), rel=SAME)
        assert one.values.minimum == values.GetMinimum(value)
        assert one.values.maximum == values.GetMaximum(value)
        if one.surface_mm2 is not None:
            assert one.surface_mm2 == pytest.approx(shapes.GetPerimeter(value), rel=SAME)
        mask = segmentation.array == value
        assert one.values.median == np.median(volume.array[mask].astype(np.float64))
        axes = (one.long_axis_mm, one.short_axis_mm)
        rows, columns = (slice(p.min(), p.max() + 1) for p in np.nonzero(mask.any(axis=0)))
        planes = mask[:, rows, columns]
        if len(planes) > 100:  # every seventh, and the largest ones, are enough for trying all
            order = np.argsort(-planes.sum(axis=(1, 2)))
            planes = planes[np.union1d(order[:15], order[15::7])]
            assert axes[0] >= brute_diameters(planes, volume.grid.spacing[1:])[0] * (1 - SAME)
        else:
            assert axes == pytest.approx(brute_diameters(planes, volume.grid.spacing[1:]), rel=SAME)
    assert any(one.surface_mm2 for one in found)


def one_of(array: np.ndarray, affine: np.ndarray, **known: bool) -> SegmentMeasurements:
    """The measurements of the voxels that are 1."""
    volume = Volume(array.astype(np.float32), Grid(array.shape, affine))
    header = Stack().image(0)
    del header.PixelData
    image = VolumeImage(volume, header, "one", **known)
    segmentation = Segmentation(array.astype(np.uint8), volume.grid, (label(1),))
    (found,) = measure(segmentation, volume, image).segments
    return found


AXIAL = np.diag([3.0, 0.5, 0.5, 1.0])[[2, 1, 0, 3]]  # a0 runs along z
SAGITTAL = np.array([[3.0, 0, 0, 0], [0, 0, 0.5, 0], [0, -0.5, 0, 0], [0, 0, 0, 1]])


def box(shape: tuple[int, int, int]) -> np.ndarray:
    array = np.zeros((9, 20, 24), bool)
    array[1 : 1 + shape[0], 2 : 2 + shape[1], 3 : 3 + shape[2]] = True
    return array


def test_axial_planes_are_those_of_the_patient() -> None:
    """Of a sagittal series they cut across its slices and its columns."""
    found = one_of(box((5, 10, 16)), AXIAL)
    assert found.long_axis_mm == pytest.approx(
        brute_diameters(box((5, 10, 16)), (0.5, 0.5))[0], rel=1e-9
    )
    found = one_of(box((5, 10, 16)), SAGITTAL)
    axial = np.moveaxis(box((5, 10, 16)), 1, 0)
    assert (found.long_axis_mm, found.short_axis_mm) == pytest.approx(
        brute_diameters(axial, (3.0, 0.5)), rel=1e-9
    )


@pytest.mark.parametrize("affine", [AXIAL, SAGITTAL])
def test_a_single_image_is_measured_in_its_own_plane(affine: np.ndarray) -> None:
    array = box((1, 10, 16))[1:2]
    found = one_of(array, affine)
    wanted = brute_diameters(array, (0.5, 0.5))
    assert (found.long_axis_mm, found.short_axis_mm) == pytest.approx(wanted, rel=1e-9)
    assert found.surface_mm2 is None and found.volume_ml == pytest.approx(160 * 0.75 / 1000)


def test_one_voxel() -> None:
    found = one_of(box((1, 1, 1)), AXIAL)
    assert (found.voxels, found.volume_ml) == (1, pytest.approx(0.75 / 1000))
    assert found.values.stdev is None and found.values.mean == 1
    assert (found.long_axis_mm, found.short_axis_mm) == pytest.approx((0.5, 0.5))
    assert found.surface_mm2 is None


def test_a_segment_that_is_the_whole_image_ends_with_it() -> None:
    found = one_of(np.ones((9, 20, 24), bool), AXIAL)
    inside = np.pad(np.ones((9, 20, 24), bool), 2)
    assert found == one_of(inside, AXIAL)


@pytest.mark.parametrize(
    ("unknown", "known"),
    [
        ("has_spacing", set()),
        ("has_patient_geometry", set()),
        ("has_depth", {"long_axis_mm", "short_axis_mm"}),
    ],
)
def test_what_depends_on_an_unknown_size_is_unknown(unknown: str, known: set[str]) -> None:
    figures = one_of(box((5, 10, 16)), AXIAL, **{unknown: False}).figures()
    sizes = {name for name in figures if name.endswith(("_ml", "_mm", "_mm2"))}
    assert {name for name in sizes if figures[name] is not None} == known
    assert figures["voxels"] == 800 and figures["mean"] == 1
    sideways = one_of(box((5, 10, 16)), SAGITTAL, has_depth=False)
    assert sideways.long_axis_mm is None


@pytest.mark.parametrize("kind", UNEVEN)
def test_a_corrected_series_is_measured_on_its_even_grid(tmp_path: Path, kind: str) -> None:
    series = uneven(tmp_path, UNEVEN[kind])
    volume = series.volume()
    array = np.zeros(volume.grid.shape, np.uint8)
    array[1:4, 1:5, 1:5] = 1
    segmentation = Segmentation(array, volume.grid, (label(1),))
    (found,) = measure(segmentation, volume, series).segments
    assert found.volume_ml == pytest.approx(48 * volume.grid.voxel_volume / 1000)
    assert found.values.mean == pytest.approx(volume.array[array == 1].mean(), rel=SAME)
    with pytest.raises(ValueError, match="on the voxels of their image"):
        measure(segmentation.on_slices(series.slices), volume, series)
