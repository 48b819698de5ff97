"""Slices that lie unevenly or aslant: onto an even grid, and back, through the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pytest
import SimpleITK
from judges import on_grid, read_by_dcmqi, standard_errors
from makers.summing_networks import model_of, sums
from makers.uneven import SPACING, UNEVEN, VOXELS, place_of, uneven
from pydicom import dcmread

from IODeepLib.geometry import Grid
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, run
from IODeepLib.series import find_series


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Label 1 where the image is above 500."""
    return model_of(
        tmp_path_factory.mktemp("bright"),
        sums([[0], [1]], spatial=3),
        applies_to={"modalities": ["MR", "CT"]},
        input={"intensity": [{"step": "scale_offset", "offset": -500}]},
    )


@pytest.mark.parametrize("name", UNEVEN)
def test_a_slice_on_its_own_place_keeps_its_values(tmp_path: Path, name: str) -> None:
    series = uneven(tmp_path, UNEVEN[name])
    volume = series.volume()
    assert volume.grid is series.grid and volume.grid.orientation == "SPL"
    np.testing.assert_allclose(volume.grid.spacing[1:], SPACING[1:])
    assert series.geometry_fault is None
    for plane, place in zip(VOXELS, UNEVEN[name], strict=True):
        corner = volume.grid.index(place_of(place))
        k, row, column = np.rint(corner).astype(int)
        np.testing.assert_allclose(corner, (k, row, column), atol=1e-9)
        there = volume.array[k, row : row + 16, column : column + 12]
        np.testing.assert_array_equal(there, plane)


@pytest.mark.parametrize("name", UNEVEN)
def test_labels_lie_on_the_even_grid(tmp_path: Path, bright: Model, name: str) -> None:
    """On each slice what was found there, and from slice to slice no third value."""
    series = uneven(tmp_path / "images", UNEVEN[name])
    result = run(series, bright)
    assert result.segmentation is not None
    assert result.segmentation.grid.same_as(series.grid) and result.volume.grid is series.grid
    assert any("on which the result lies" in note for note in result.notes)
    result.save(tmp_path / "out")
    assert not standard_errors(tmp_path / "out" / "segmentation.dcm")
    (image,) = read_by_dcmqi(tmp_path / "out" / "segmentation.dcm", tmp_path / "dcmqi").values()
    array = on_grid(image, series.grid) != 0
    np.testing.assert_array_equal(array, result.segmentation.array)
    grid, seen = series.grid, np.zeros(series.grid.shape, bool)
    for plane, place in zip(VOXELS, UNEVEN[name], strict=True):
        k, row, column = np.rint(grid.index(place_of(place))).astype(int)
        there = np.s_[k, row : row + 16, column : column + 12]
        np.testing.assert_array_equal(array[there], plane > 500)
        seen[:, *there[1:]] = True
    assert not (array & ~seen).any()


@pytest.mark.parametrize("name", UNEVEN)
def test_labels_lie_on_the_slices_where_asked_for(tmp_path: Path, bright: Model, name: str) -> None:
    series = uneven(tmp_path / "images", UNEVEN[name])
    result = run(series, bright, Options(seg_on_slices=True))
    assert result.segmentation is not None and isinstance(series.slices, SliceStack)
    on_slices = result.segmentation.on_slices(series.slices)
    np.testing.assert_array_equal(on_slices.array, VOXELS > 500)
    result.save(tmp_path / "out")
    path = tmp_path / "out" / "segmentation_on_slices.dcm"
    assert not standard_errors(path)
    seg = highdicom.seg.segread(path)
    uids = [dcmread(path).SOPInstanceUID for path in series.files]
    found = seg.get_pixels_by_source_instance(uids, combine_segments=True)
    np.testing.assert_array_equal(found, VOXELS > 500)
    for frame, place in zip(seg.PerFrameFunctionalGroupsSequence, UNEVEN[name], strict=True):
        stated = frame.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_array_equal(stated, place_of(place))
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    even = "closer" not in name
    assert measures.get("SpacingBetweenSlices") == (SPACING[0] if even else None)


def test_volumes_count_what_each_slice_stands_for(tmp_path: Path, bright: Model) -> None:
    """1, 1, 1.5, 1.5, 1 slice distances: half the way to each neighbor, outwards as inwards.

    A plane midway between two is one of them, the lower one.
    """
    places = [(i, 0, 0) for i in (0, 1, 2, 4, 5)]
    voxels = np.zeros((5, 16, 12), np.int16)
    voxels[[0, 2, 4], 5:10, 5:10] = 1000
    series = uneven(tmp_path, places, voxels)
    segmentation = run(series, bright).segmentation
    assert segmentation is not None and isinstance(series.slices, SliceStack)
    (volume,) = segmentation.on_slices(series.slices).volumes().values()
    assert volume == pytest.approx(25 * 0.5 * 0.5 * 2 * (1 + 1.5 + 1) / 1000)
    (volume,) = segmentation.volumes().values()
    assert volume == pytest.approx(25 * 0.5 * 0.5 * 2 * (1 + 2 + 1) / 1000)


def test_between_two_slices_values_are_interpolated(tmp_path: Path) -> None:
    series = uneven(tmp_path, UNEVEN["one missing"])
    between = series.volume().array[3]
    np.testing.assert_allclose(between, (VOXELS[2].astype(float) + VOXELS[3]) / 2, rtol=1e-6)


def test_parts_of_a_pixel_as_itk_interpolates_them() -> None:
    affine = np.diag([0.5, 0.5, 2.0, 1.0])[:, [2, 1, 0, 3]]
    first = Grid((1, 16, 12), affine)
    shifts = np.array([(0, 0, 0), (1, 0.7, -0.3), (2, 1.4, -0.6), (3, 2.1, -0.9)])
    stack = SliceStack(first, first.point(shifts))
    voxels = VOXELS[:4]
    even = stack.evened(voxels)
    for k, (_, row, column) in enumerate(shifts):
        image = SimpleITK.GetImageFromArray(voxels[k].astype(np.float32))
        image.SetOrigin((column, row))
        start = even.grid.origin / 0.5
        judge = SimpleITK.Resample(
            image, even.array.shape[:0:-1], SimpleITK.Transform(2, SimpleITK.sitkIdentity),
            SimpleITK.sitkLinear, (start[0], start[1]), (1.0, 1.0), (1.0, 0, 0, 1.0), -1.0,
        )  # fmt: skip
        inside = SimpleITK.GetArrayFromImage(judge)
        np.testing.assert_allclose(even.array[k][inside >= 0], inside[inside >= 0], atol=0.01)
    labels = np.rint(even.array).astype(np.uint16)
    assert stack.labels_of_even(labels).shape == voxels.shape


def test_a_tilted_uneven_ct_through_the_pipeline(
    shared_data: Path, bright: Model, tmp_path: Path
) -> None:
    (series,) = find_series(shared_data / "dicom" / "ct_head_ge_tilt_nonuniform")
    result = run(series, bright, Options(seg_on_slices=True))
    assert result.segmentation is not None and isinstance(series.slices, SliceStack)
    on_slices = result.segmentation.on_slices(series.slices)
    assert on_slices.array.shape == (28, 512, 512)
    bone = np.array([dcmread(path).pixel_array for path in series.files]) > 500
    found = on_slices.array != 0
    dice = 2 * (found & bone).sum() / (found.sum() + bone.sum())
    assert dice > 0.95  # half a pixel, and half a distance between planes, is lost on the way
    result.save(tmp_path / "out")
    seg = dcmread(tmp_path / "out" / "segmentation_on_slices.dcm")
    positions = {tuple(dcmread(path).ImagePositionPatient) for path in series.files}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        assert tuple(frame.PlanePositionSequence[0].ImagePositionPatient) in positions
    assert "tilt of 18.5 degrees" in seg.DerivationDescription
    assert (tmp_path / "out" / "overlay.png").stat().st_size > 10_000
