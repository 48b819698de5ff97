"""Grids, judged by highdicom and by points worked out voxel for voxel."""

from __future__ import annotations

import itertools

import highdicom
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from makers.orientations import ORIENTATIONS

from IODeepLib.errors import ImageError
from IODeepLib.geometry import AxisMap, Grid, Volume, is_orientation

SHAPE = (3, 4, 5)

shapes = st.tuples(*[st.integers(1, 9)] * 3)
spacings = st.tuples(*[st.floats(0.2, 6)] * 3)
angles = st.tuples(*[st.floats(-3.1, 3.1)] * 3)


def rotation(angles):
    """Rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        i, j = [k for k in range(3) if k != axis]
        turn = np.eye(3)
        turn[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
        matrix = turn @ matrix
    return matrix


def make_grid(shape=SHAPE, spacing=(2.5, 0.7, 0.8), angles=(0.1, -0.2, 0.15), mirrored=False):
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) * spacing
    if mirrored:
        affine[:3, 0] *= -1
    affine[:3, 3] = (-81.5, 40.25, 1203.0)
    return Grid(shape, affine, "1.2.840.1")


grids = st.builds(make_grid, shapes, spacings, angles, st.booleans())


def all_points(grid):
    """(n, 3) LPS points of all voxels, in index order."""
    index = np.indices(grid.shape).reshape(3, -1)
    return (grid.affine[:3, :3] @ index + grid.affine[:3, 3:]).T


def corner_points(grid):
    """(8, 3) LPS points of the outer corners of the outer voxels."""
    return grid.point(list(itertools.product(*((-0.5, n - 0.5) for n in grid.shape))))


@given(grids)
def test_point_and_index_undo_each_other(grid):
    points = all_points(grid)
    index = grid.index(points)
    np.testing.assert_allclose(index, np.indices(grid.shape).reshape(3, -1).T, atol=1e-8)
    np.testing.assert_allclose(grid.point(index), points, atol=1e-8)


@given(grids)
def test_spacing_directions_and_volume(grid):
    np.testing.assert_allclose(grid.directions * grid.spacing, grid.affine[:3, :3], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(grid.directions, axis=0), 1)
    assert grid.voxel_volume == pytest.approx(np.prod(grid.spacing))


@given(grids)
def test_orientation_is_highdicoms(grid):
    # Near 45 degrees two answers are as good; libraries choose differently.
    assume((np.abs(grid.directions).max(axis=0) > 0.75).all())
    volume = highdicom.Volume(np.zeros(grid.shape), grid.affine, "PATIENT")
    letters = volume.get_closest_patient_orientation()
    expected = "".join(letter.value for letter in letters).replace("H", "S").replace("F", "I")
    assert grid.orientation == expected


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_every_turn_keeps_every_voxel_where_it_is(orientation, mirrored):
    grid = make_grid(mirrored=mirrored)
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    turned = Volume(array, grid).oriented(orientation)
    assert turned.grid.orientation == orientation
    assert turned.grid.frame_of_reference == grid.frame_of_reference
    assert np.shares_memory(turned.array, array)
    # Each value's point, before and after.
    before = dict(zip(array.ravel(), np.round(all_points(grid), 8).tolist(), strict=True))
    after = zip(turned.array.ravel(), np.round(all_points(turned.grid), 8).tolist(), strict=True)
    for value, point in after:
        np.testing.assert_allclose(before[value], point, atol=1e-7)
    # And highdicom's opinion.
    judge = highdicom.Volume(array, grid.affine, "PATIENT").to_patient_orientation(orientation)
    np.testing.assert_array_equal(turned.array, judge.array)
    np.testing.assert_allclose(turned.grid.affine, judge.affine, atol=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_inverse_turn_undoes_it(orientation):
    grid = make_grid()
    there = grid.axis_map(orientation)
    array = np.arange(2 * np.prod(SHAPE)).reshape(2, *SHAPE)
    np.testing.assert_array_equal(there.inverse().apply(there.apply(array)), array)
    assert there.inverse().inverse() == there
    assert grid.turned(there).turned(there.inverse()).same_as(grid)
    assert grid.turned(there).axis_map(grid.orientation) == there.inverse()


def test_leading_axes_stay():
    axis_map = AxisMap((2, 0, 1), (True, False, True))
    array = np.arange(2 * 60).reshape(2, *SHAPE)
    for i in range(2):
        np.testing.assert_array_equal(axis_map.apply(array)[i], axis_map.apply(array[i]))


@given(grids, st.tuples(*[st.integers(-4, 8)] * 3), shapes)
def test_a_crop_has_the_same_points(grid, start, shape):
    cropped = grid.cropped(start, shape)
    index = np.indices(shape).reshape(3, -1).T
    np.testing.assert_allclose(all_points(cropped), grid.point(index + start), atol=1e-8)


@given(grids, shapes)
def test_resizing_keeps_the_outer_edges(grid, shape):
    resized = grid.resized(shape)
    assert resized.shape == shape
    np.testing.assert_allclose(corner_points(resized), corner_points(grid), atol=1e-8)


@given(grids, spacings)
def test_respacing_keeps_the_centre_and_nearly_the_extent(grid, spacing):
    respaced = grid.respaced(spacing)
    np.testing.assert_allclose(respaced.spacing, spacing)
    np.testing.assert_allclose(
        all_points(respaced).mean(axis=0), all_points(grid).mean(axis=0), atol=1e-6
    )
    extent = np.multiply(grid.shape, grid.spacing)
    difference = np.abs(np.multiply(respaced.shape, respaced.spacing) - extent)
    assert (difference <= np.maximum(np.multiply(0.5, spacing), spacing - extent) + 1e-6).all()


@given(grids)
def test_respacing_to_the_own_spacing_changes_nothing(grid):
    assert grid.respaced(grid.spacing).same_as(grid)


@given(grids, shapes)
def test_conforming_at_the_own_spacing_moves_by_whole_voxels(grid, shape):
    conformed = grid.conformed(grid.spacing, shape)
    offset = grid.index(conformed.origin)
    np.testing.assert_allclose(offset, np.rint(offset), atol=1e-6)
    before = np.rint(offset)
    behind = np.array(shape) + before - grid.shape
    # Padded or cropped alike on both sides, but for the odd voxel.
    assert (np.abs(before + behind) <= 1).all()
    padded = np.array(shape) >= grid.shape
    assert (-before[padded] == (np.array(shape) - grid.shape)[padded] // 2).all()


@given(grids, spacings, shapes)
def test_conforming_keeps_the_centre_within_half_a_voxel(grid, spacing, shape):
    conformed = grid.conformed(spacing, shape)
    assert conformed.shape == shape
    np.testing.assert_allclose(conformed.spacing, spacing)
    centre = conformed.index(all_points(grid).mean(axis=0))
    assert (np.abs(centre - (np.array(shape) - 1) / 2) <= 0.5 + 1e-6).all()


@settings(max_examples=50)
@given(grids, spacings, shapes)
def test_steps_along_axes_are_the_index_of_the_other(grid, spacing, shape):
    other = grid.conformed(spacing, shape)
    steps = grid.steps_along_axes(other)
    assert steps is not None
    index = np.indices(shape).reshape(3, -1).T
    own = index * [s for s, _ in steps] + [o for _, o in steps]
    np.testing.assert_allclose(own, grid.index(other.point(index)), atol=1e-6)


def test_grids_at_an_angle_have_no_steps():
    assert make_grid().steps_along_axes(make_grid(angles=(0.1, -0.2, 0.25))) is None


@pytest.mark.parametrize(
    ("shift", "frame", "same"),
    [
        (0.0, "1.2.840.1", True),
        (0.0002, "1.2.840.1", True),
        (0.01, "1.2.840.1", False),
        (0.0, "1.2.840.2", False),
        (0.0, None, True),
    ],
)
def test_same_as(shift, frame, same):
    grid = make_grid()
    affine = grid.affine.copy()
    affine[:3, 3] += shift
    assert grid.same_as(Grid(grid.shape, affine, frame)) is same
    assert not grid.same_as(Grid((3, 4, 6), grid.affine))


@pytest.mark.parametrize(
    "affine", [np.eye(3), np.diag([1.0, 1, 0, 1]), np.diag([1.0, np.nan, 1, 1])]
)
def test_an_affine_must_be_one(affine):
    with pytest.raises(ValueError, match="affine"):
        Grid(SHAPE, affine)


def test_the_affine_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        make_grid().affine[0, 0] = 3


@pytest.mark.parametrize(("letters", "fits"), [("RAS", True), ("RAL", False), ("RA", False)])
def test_is_orientation(letters, fits):
    assert is_orientation(letters) is fits
    if not fits:
        with pytest.raises(ValueError, match="patient axes"):
            make_grid().axis_map(letters)


def test_an_array_must_fit_its_grid():
    with pytest.raises(ImageError, match="wanted: equal shapes"):
        Volume(np.zeros((3, 4, 6)), make_grid())
