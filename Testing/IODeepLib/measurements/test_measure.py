"""Segments measured; SimpleITK is the judge of what it defines in the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from makers.label_maps import as_itk
from makers.results import label, real_series, scattered, three_labels
from makers.series import Stack, put
from makers.summing_networks import model_of, sums

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import Measurements, measure
from IODeepLib.pipeline import run
from IODeepLib.series import ImageSeries, VolumeImage, find_series

SAME = 1e-6


def measured(series: ImageSeries, segmentation: Segmentation) -> Measurements:
    return measure(segmentation, series.volume(), series)


@pytest.mark.parametrize("name", ["CT head", "legacy converted CT", "enhanced MR, Philips"])
def test_real_images_as_simpleitk_measures_them(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    series = real_series(shared_data, name, tmp_path)
    volume = series.volume()
    segmentation = scattered(volume.grid)
    judge = SimpleITK.LabelIntensityStatisticsImageFilter()
    judge.SetNumberOfBins(2**16)
    judge.Execute(
        as_itk(segmentation.array, volume.grid),
        as_itk(volume.array.astype(np.float64), volume.grid),
    )
    found = measure(segmentation, volume, series)
    assert len(found.segments) == 2
    for one in found.segments:
        value = one.label.value
        assert one.voxels == one.values.voxels == judge.GetNumberOfPixels(value)
        assert one.volume_ml == pytest.approx(judge.GetPhysicalSize(value) / 1000, rel=SAME)
        assert one.values.mean == pytest.approx(judge.GetMean(value), rel=SAME)
        assert one.values.stdev == pytest.approx(judge.GetStandardDeviation(value), rel=SAME)
        assert one.values.minimum == judge.GetMinimum(value)
        assert one.values.maximum == judge.GetMaximum(value)
        inside = volume.array[segmentation.array == value]
        assert one.values.median == np.median(inside.astype(np.float64))


def test_labels_that_overlap_are_measured_each(tmp_path: Path) -> None:
    (series,) = find_series(Stack().write(tmp_path))
    volume = series.volume()
    masks = np.zeros((2, *volume.grid.shape), np.uint8)
    masks[0, :3] = 1
    masks[1, 2:] = 1
    overlapping = Segmentation(masks, volume.grid, (label(1), label(2)))
    found = measure(overlapping, volume, series).segments
    assert [one.voxels for one in found] == [3 * 42, 3 * 42]
    for one, mask in zip(found, masks, strict=True):
        assert one.values.mean == pytest.approx(volume.array[mask == 1].mean())


def test_what_was_not_found_has_no_figures(tmp_path: Path) -> None:
    (series,) = find_series(Stack().write(tmp_path))
    found = measured(series, three_labels(series.grid)).segments[1]
    assert found.voxels == 0
    others = {value for name, value in found.figures().items() if not name.startswith("voxels")}
    assert others == {None}


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_counts_in_no_statistic(nothing: float) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array[0, 0, 0] = array[1, 0, 0] = nothing
    volume = Volume(array, Grid(array.shape, np.eye(4)))
    image = VolumeImage(volume, put(Stack().image(0), Modality="PT"), "one")
    whole = Segmentation(np.ones(array.shape, np.uint8), volume.grid, (label(1),))
    (found,) = measure(whole, volume, image).segments
    assert (found.voxels, found.values.voxels) == (24, 22)
    assert found.values.mean == pytest.approx(array[np.isfinite(array)].mean())
    nowhere = replace(volume, array=np.full(array.shape, nothing, np.float32))
    (found,) = measure(whole, nowhere, image).segments
    assert (found.voxels, found.volume_ml, found.values) == (24, 0.024, None)


def test_padding_counts_in_no_statistic(tmp_path: Path) -> None:
    stack = Stack(np.full((3, 6, 7), 40, np.int16))
    stack.voxels[:, :2] = -2000
    stack.common = {"PixelPaddingValue": -2000}
    (series,) = find_series(stack.write(tmp_path))
    whole = Segmentation(np.ones(stack.voxels.shape, np.uint8), series.grid, (label(1),))
    (found,) = measured(series, whole).segments
    assert (found.voxels, found.values.voxels) == (3 * 42, 3 * 28)
    assert found.values.minimum == found.values.mean == 40


def test_units_are_those_of_the_images(tmp_path: Path) -> None:
    stack = Stack(common={"RescaleSlope": 2, "RescaleIntercept": -1000, "RescaleType": "HU"})
    (series,) = find_series(stack.write(tmp_path / "one"))
    found = measured(series, three_labels(series.grid))
    assert found.unit.name == found.as_json()["unit"] == "HU"
    assert found.segments[2].values.mean == stack.voxels[-1, -1, -1] * 2 - 1000
    without = Stack(common={"Modality": "MR", "RescaleSlope": 1, "RescaleIntercept": 0})
    (series,) = find_series(without.write(tmp_path / "two"))
    found = measured(series, three_labels(series.grid))
    assert found.unit.name == "" and found.segments[0].values is not None


def test_low_values_that_are_bright_are_as_they_stand(tmp_path: Path) -> None:
    (series,) = find_series(
        Stack(common={"PhotometricInterpretation": "MONOCHROME1"}).write(tmp_path)
    )
    found = measured(series, three_labels(series.grid)).segments[2]
    assert found.values.mean == Stack().voxels[-1, -1, -1]


def test_values_of_several_units_have_no_mean(tmp_path: Path) -> None:
    def change(i: int, ds: object) -> None:
        put(ds, RescaleSlope=1, RescaleIntercept=0, RescaleType="HU" if i else "US")

    (series,) = find_series(Stack().write(tmp_path, change))
    found = measured(series, three_labels(series.grid))
    assert found.unit.name == ""
    assert all(one.values is None for one in found.segments)
    assert found.segments[0].volume_ml is not None


def test_a_run_that_finds_nothing_measures_nothing(tmp_path: Path) -> None:
    (series,) = find_series(Stack(np.zeros((4, 16, 12), np.int16)).write(tmp_path / "images"))
    offset = {"intensity": [{"step": "scale_offset", "offset": -500}]}
    result = run(series, model_of(tmp_path, sums([[0], [1]], spatial=3), input=offset))
    assert result.empty
    (found,) = result.document()["measurements"]["segments"]
    assert found["voxels"] == found["voxels_with_value"] == 0
    assert {found[name] for name in found} == {"Label 1", 0, None}


def test_a_run_measures_what_it_found(tmp_path: Path) -> None:
    """In result.json, with the same milliliters as there."""
    stack = Stack(np.zeros((4, 16, 12), np.int16))
    stack.voxels[1:3, 2:9, 3:10] = 1000
    (series,) = find_series(stack.write(tmp_path / "images"))
    offset = {"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]}
    model = model_of(tmp_path, sums([[0], [1]], spatial=2), input=offset)
    document = run(series, model).document()
    (found,) = document["measurements"]["segments"]
    assert found["label"] == "Label 1"
    assert found["voxels"] == 98 and found["mean"] == 1000 and found["stdev"] == 0
    assert document["volumes_ml"]["Label 1"] == pytest.approx(found["volume_ml"], abs=5e-4)
