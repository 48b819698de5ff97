"""What is the same place is told by millimeters against the size of a voxel, never by digits."""

from __future__ import annotations

import numpy as np
import pytest
from makers.series import Stack
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from IODeepLib.geometry import tolerances
from IODeepLib.series import find_series


def turned(*degrees: float) -> np.ndarray:
    """(2, 3) directions of a row and a column of an axial image that was turned."""
    return Rotation.from_euler("xyz", degrees, degrees=True).as_matrix().T[:2]


def stack_of(size: int, spacing: tuple[float, ...], directions: np.ndarray) -> Stack:
    """A volume of 20 slices that all differ."""
    voxels = np.zeros((20, size, size), np.int16)
    voxels[:] = np.arange(20)[:, None, None]
    return Stack(voxels=voxels, spacing=spacing, directions=directions)


@pytest.mark.parametrize("jitter", [1e-6, 1e-4, 5e-4])
@pytest.mark.parametrize(("size", "pixel"), [(64, 2.0), (256, 1.0), (512, 0.7), (16, 0.5)])
@pytest.mark.parametrize("directions", [np.eye(3)[:2], turned(20, 0, 0), turned(20, -30, 40)])
def test_directions_that_differ_in_their_last_digits_are_one_volume(
    tmp_path, jitter, size, pixel, directions
):
    stack = stack_of(size, (3.0, pixel, pixel), directions)
    random = np.random.default_rng(1)

    def change(_: int, ds: Dataset) -> None:
        cosines = directions.ravel() + random.uniform(-jitter, jitter, 6)
        ds.ImageOrientationPatient = [f"{v:.9f}" for v in cosines]

    (series,) = find_series(stack.write(tmp_path, change))
    assert series.problems == ()
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    corner = np.array([19, size - 1, size - 1])
    moved = series.grid.point(corner) - (stack.affine @ [*corner, 1])[:3]
    assert np.linalg.norm(moved) < 0.5 * pixel


@pytest.mark.parametrize("decimals", [1, 2, 3])
@pytest.mark.parametrize("step", [0.7, 0.75, 1.0, 1.25, 3.0])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (20, 0, 0), (12, -7, 3), (33, 44, 55)])
def test_rounded_positions_are_even(tmp_path, decimals, step, degrees):
    stack = stack_of(8, (step, 0.8, 0.8), turned(*degrees))

    def change(_: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [f"{float(v):.{decimals}f}" for v in ds.ImagePositionPatient]

    (series,) = find_series(stack.write(tmp_path, change))
    assert series.problems == ()
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    assert series.grid.spacing[0] == pytest.approx(step, abs=0.2 / 19)


@pytest.mark.parametrize("decimals", [1, 2])
@pytest.mark.parametrize("step", [0.7, 1.25, 3.0])
def test_a_missing_slice_among_rounded_positions_is_one(tmp_path, decimals, step):
    stack = stack_of(8, (step, 0.8, 0.8), turned(20, 10, 0))

    def change(_: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [f"{float(v):.{decimals}f}" for v in ds.ImagePositionPatient]

    stack.write(tmp_path, change)
    (tmp_path / "007.dcm").unlink()
    (series,) = find_series(tmp_path)
    assert series.geometry.missing == 1 and "after slice 7 of 19" in series.correction


@pytest.mark.parametrize("degrees", [(2, 0, 0), (0, 2, 0), (0, 0, 2), (0, 90, 0), (1, 1, 1)])
@pytest.mark.parametrize("size", [8, 64, 512])
def test_images_that_are_really_turned_are_other_volumes(tmp_path, degrees, size):
    first = stack_of(size, (3.0, 0.8, 0.8), turned(10, 20, 0))
    second = stack_of(
        size,
        (3.0, 0.8, 0.8),
        turned(*degrees) @ Rotation.from_euler("xyz", (10, 20, 0), degrees=True).as_matrix().T,
    )
    second.series, second.study, second.frame = first.series, first.study, first.frame
    first.write(tmp_path / "1")
    second.write(tmp_path / "2")
    found = find_series(tmp_path)
    assert [len(series.frames) for series in found] == [20, 20]
    assert all(series.split_by.startswith("orientation") for series in found)


@pytest.mark.parametrize("noise", [0.0, 0.004, 0.03])
def test_echoes_whose_positions_are_written_differently(tmp_path, noise):
    stack = stack_of(8, (3.0, 0.8, 0.8), turned(5, 5, 5))
    random = np.random.default_rng(2)

    def change(_: int, ds: Dataset) -> None:
        moved = np.array(ds.ImagePositionPatient, float) + random.uniform(-noise, noise, 3)
        ds.ImagePositionPatient = [f"{v:.6f}" for v in moved]

    for echo in (1, 2):
        stack.common = {"EchoTime": echo * 5}
        stack.write(tmp_path / str(echo), change)
    found = find_series(tmp_path)
    assert [s.split_by for s in found] == ["echo 1 of 2, TE 5 ms", "echo 2 of 2, TE 10 ms"]


@pytest.mark.parametrize(
    ("pixels", "same"),
    [
        (([0.7, 0.7], [0.7, 0.70003]), True),
        (([0.7, 0.7], [0.7, 0.701]), False),
        (([0.488281, 0.488281], [0.48828125, 0.48828125]), True),
        (([2.0, 2.0], [2.0, 2.02]), False),
        (([1e-3, 1e-3], [1e-3, 1.0001e-3]), True),
    ],
)
def test_pixels_of_one_size(pixels, same):
    found = tolerances.same_pixels(np.array(pixels), (512, 512))
    assert (found[0] == found[1]) == same


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([0, 3, 6, 9], [0, 1, 2, 3]),
        ([0, 0.01, 3, 3.004, 6], [0, 0, 1, 1, 2]),
        ([6, 0, 3, 0], [2, 0, 1, 0]),
        ([0, 0.01, 0.02, 0.03], [0, 1, 2, 3]),  # micro-CT
        ([0, 0.05, 0.1, 0.15, 5, 5.05, 5.1], [0, 1, 2, 3, 4, 5, 6]),  # with a gap
        ([0, 0.0004, 0.01, 0.0101], [0, 0, 1, 1]),
        ([1.0], [0]),
    ],
)
def test_places(distances, expected):
    assert tolerances.places(np.array(distances, float)).tolist() == expected


def test_of_many_directions_each_has_its_group():
    many = np.array([turned(0, 0, angle) for angle in range(0, 90, 3) for _ in range(2)])
    found = tolerances.parallel(many, (64, 64), (1.0, 1.0)).tolist()
    assert found == [i // 2 for i in range(60)]
