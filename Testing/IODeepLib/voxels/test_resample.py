"""Resampling, judged by SimpleITK, scipy and formulas written down anew."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.orientations import ORIENTATIONS
from scipy import ndimage

from IODeepLib.geometry import Grid, Volume
from IODeepLib.recipe import Interpolation, Outside
from IODeepLib.series import find_series
from IODeepLib.voxels.resample import resample
from IODeepLib.voxels.taps import TIE_TOLERANCE, linear_taps, nearest_taps

NEAREST = Interpolation.NEAREST_EXACT


def oblique(angles=(0.0, 0.0, 0.0), spacing=(2.0, 0.7, 0.9), origin=(-30.0, 12.0, 700.0)):
    """An affine whose axes are turned by `angles` (radians) about x, y and z."""
    affine = np.eye(4)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        i, j = [k for k in range(3) if k != axis]
        turn = np.eye(4)
        turn[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
        affine = turn @ affine
    affine[:3, :3] *= spacing
    affine[:3, 3] = origin
    return affine


def random_volume(shape=(7, 9, 11), dtype=np.float32, **kwargs):
    rng = np.random.default_rng(3)
    array = rng.uniform(-500, 1500, shape).astype(dtype)
    return Volume(array, Grid(shape, oblique(**kwargs), "1.2.3"))


def by_simpleitk(volume, target, interpolator=sitk.sitkLinear, default=0.0, edge=False):
    """SimpleITK in physical space: images with origin, spacing and direction of the grids."""

    def place(image, grid):
        image.SetOrigin(grid.origin.tolist())
        image.SetSpacing(grid.spacing[::-1])
        image.SetDirection(grid.directions[:, ::-1].ravel().tolist())
        return image

    image = place(sitk.GetImageFromArray(volume.array.astype(np.float64)), volume.grid)
    reference = place(sitk.Image(list(target.shape[::-1]), sitk.sitkUInt8), target)
    filter_ = sitk.ResampleImageFilter()
    filter_.SetReferenceImage(reference)
    filter_.SetInterpolator(interpolator)
    filter_.SetDefaultPixelValue(default)
    filter_.SetUseNearestNeighborExtrapolator(edge)
    return sitk.GetArrayFromImage(filter_.Execute(image))


@pytest.mark.parametrize("shape", [(5, 20, 6), (14, 4, 30), (7, 9, 11), (1, 1, 1)])
@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, -0.2, 0.5)])
def test_linear_is_what_simpleitk_gives(shape, angles):
    volume = random_volume(angles=angles)
    target = volume.grid.resized(shape)
    ours = resample(volume, target)
    assert ours.array.dtype == np.float32
    judge = by_simpleitk(volume, target, edge=True)
    np.testing.assert_allclose(ours.array, judge, rtol=0, atol=2e-3)


@pytest.mark.parametrize("outside", [Outside.MINIMUM, Outside.ZERO, Outside.EDGE])
def test_beyond_the_outer_edges_stands_what_outside_says(outside):
    volume = random_volume()
    target = volume.grid.conformed((1.1, 1.3, 0.8), (21, 5, 19))
    ours = resample(volume, target, outside=outside)
    default = {"minimum": float(volume.array.min()), "zero": 0.0, "edge": 0.0}[outside]
    if outside is Outside.EDGE:
        index = volume.grid.index(target.point(np.moveaxis(np.indices(target.shape), 0, -1)))
        judge = ndimage.map_coordinates(
            volume.array.astype(np.float64), np.moveaxis(index, -1, 0), order=1, mode="nearest"
        )
    else:
        judge = by_simpleitk(volume, target, default=default)
        assert (ours.array == np.float32(default)).any()
    np.testing.assert_allclose(ours.array, judge, rtol=0, atol=2e-3)


def test_the_outer_half_voxel_still_belongs_to_the_image():
    volume = Volume(np.full((4, 4, 4), 7, np.int16), Grid((4, 4, 4), np.eye(4)))
    fine = resample(volume, volume.grid.resized((8, 8, 8)), outside=Outside.ZERO)
    assert (fine.array == 7).all()


def test_a_target_beside_the_image_is_all_outside():
    volume = random_volume()
    target = volume.grid.cropped((100, 0, 0), (3, 9, 11))
    assert (resample(volume, target, outside=Outside.MINIMUM).array == volume.array.min()).all()


@pytest.mark.parametrize("angle", [0.1, 0.8])
@pytest.mark.parametrize("outside", [Outside.MINIMUM, Outside.ZERO, Outside.EDGE])
def test_grids_at_an_angle(angle, outside):
    volume = random_volume()
    target = Grid((8, 8, 8), oblique((angle, 0.1, 0), (1, 1, 1), volume.grid.point((2, 1, 1))))
    default = {"minimum": float(volume.array.min()), "zero": 0.0, "edge": 0.0}[outside]
    ours = resample(volume, target, outside=outside)
    judge = by_simpleitk(volume, target, default=default, edge=outside is Outside.EDGE)
    np.testing.assert_allclose(ours.array, judge, rtol=0, atol=2e-3)


def test_smoothing_at_an_angle_takes_the_noise_away():
    rng = np.random.default_rng(0)
    shape = (2, 40, 40)
    volume = Volume(rng.normal(size=shape).astype(np.float32), Grid(shape, np.eye(4)))
    target = Grid((2, 8, 8), oblique((0.2, 0, 0), (1, 4, 4), (0, 5, 0)))
    plain = resample(volume, target, outside=Outside.EDGE)
    smooth = resample(volume, target, outside=Outside.EDGE, anti_alias=True)
    assert smooth.array.std() < plain.array.std() / 2


@pytest.mark.parametrize(
    ("before", "after"), [(189, 128), (7, 14), (12, 4), (5, 5), (6, 9), (1, 3)]
)
def test_nearest_exact_follows_pytorchs_rule(before, after):
    affine = oblique((0.2, 0.1, -0.4), (0.9, 1.1, 1.0))
    volume = Volume(np.arange(before * 4).reshape(before, 2, 2), Grid((before, 2, 2), affine))
    ours = resample(volume, volume.grid.resized((after, 2, 2)), interpolation=NEAREST)
    # The rule, floor((i + 0.5) * before / after), in whole numbers.
    rule = [(2 * i + 1) * before // (2 * after) for i in range(after)]
    assert ours.array.dtype == volume.array.dtype
    np.testing.assert_array_equal(ours.array, volume.array[rule])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("factor", [1.5, 2.0, 3.7])
def test_anti_aliasing_is_a_gaussian_before_the_interpolation(axis, factor):
    volume = random_volume((31, 30, 29))
    spacing = np.array(volume.grid.spacing)
    spacing[axis] *= factor
    target = volume.grid.respaced(spacing)
    ours = resample(volume, target, anti_alias=True)
    smooth = ndimage.gaussian_filter1d(
        volume.array.astype(np.float64), (factor - 1) / 2, axis, mode="nearest", truncate=4
    )
    judge = by_simpleitk(Volume(smooth, volume.grid), target, edge=True)
    np.testing.assert_allclose(ours.array, judge, rtol=0, atol=3e-3)


def test_anti_aliasing_leaves_axes_that_get_finer():
    volume = random_volume()
    target = volume.grid.resized((14, 9, 30))
    plain, smooth = resample(volume, target), resample(volume, target, anti_alias=True)
    np.testing.assert_array_equal(plain.array, smooth.array)


def test_the_same_grid_is_the_same_array():
    volume = random_volume()
    copy = Grid(volume.grid.shape, volume.grid.affine + 1e-9)
    assert resample(volume, copy).array is volume.array


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_turned_target_gets_the_turned_values(orientation):
    volume = random_volume(dtype=np.int16)
    same = resample(volume, volume.grid.turned(volume.grid.axis_map(orientation)))
    np.testing.assert_array_equal(same.array, volume.oriented(orientation).array)
    target = volume.grid.conformed((1.5, 1.5, 1.5), (9, 6, 5))
    straight = Volume(resample(volume, target).array, target).oriented(orientation)
    for source in (volume, volume.oriented(orientation), volume.oriented("RAS")):
        turned = resample(source, straight.grid)
        np.testing.assert_allclose(turned.array, straight.array, rtol=0, atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    wanted=st.tuples(*[st.integers(1, 15)] * 3),
    value=st.integers(-3000, 3000),
    anti_alias=st.booleans(),
)
def test_a_constant_stays_exactly_constant(shape, wanted, value, anti_alias):
    volume = Volume(np.full(shape, value, np.int16), Grid(shape, oblique((0.1, 0.2, 0.3))))
    target = volume.grid.resized(wanted)
    assert (resample(volume, target, anti_alias=anti_alias).array == value).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.lists(st.floats(-5, 45), min_size=1, max_size=20))
def test_taps_are_the_definition(size, positions):
    line = np.random.default_rng(size).normal(size=size).astype(np.float32)
    where = np.array(positions)
    linear = linear_taps(where, size).along(line[None], -1)[0]
    np.testing.assert_allclose(linear, np.interp(where, np.arange(size), line), atol=1e-5)
    distance = np.abs(nearest_taps(where, size).index[0] - np.clip(where, 0, size - 1))
    assert (distance <= 0.5 + 1e-5).all()


def test_the_source_is_left_as_it_is():
    volume = random_volume()
    before = volume.array.copy()
    for shape in ((3, 4, 5), (20, 21, 22), (20, 3, 30)):
        resample(volume, volume.grid.resized(shape), anti_alias=True)
    np.testing.assert_array_equal(volume.array, before)


# Weights are float32: a value is off by some steps of the largest value's precision, 2 ** -23 of
# it, for each of the three axes.
SINGLE_PRECISION = 8 * 2.0**-23
# Of two voxels that are equally near each library takes another one; so near to the middle, the
# rounding of its affines decides. (Voxels.)
TIE = 1e-4


def assert_equal_to_simpleitk(volume, target):
    """Linear within single precision; nearest exactly, but where two voxels are equally near.

    As far as the image reaches: beyond its outer edges SimpleITK extrapolates in its own way.
    """
    index = volume.grid.index(target.point(np.moveaxis(np.indices(target.shape), 0, -1)))
    size = np.array(volume.grid.shape)
    inside = ((index > -0.5 + TIE) & (index < size - 0.5 - TIE)).all(axis=-1)
    linear = resample(volume, target).array[inside]
    judge = by_simpleitk(volume, target, edge=True)[inside]
    largest = float(np.abs(volume.array).max())
    # Along each axis a place so near to a voxel is taken for that voxel.
    moved = 3 * TIE_TOLERANCE * float(np.ptp(volume.array))
    np.testing.assert_allclose(linear, judge, rtol=0, atol=SINGLE_PRECISION * largest + moved)
    clear = inside & (np.abs(index % 1.0 - 0.5) > TIE).all(axis=-1)
    nearest = resample(volume, target, interpolation=NEAREST).array[clear]
    judge = by_simpleitk(volume, target, sitk.sitkNearestNeighbor, edge=True)[clear]
    np.testing.assert_array_equal(nearest, judge)
    return clear.mean()


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(2, 12)] * 3),
    factors=st.tuples(*[st.floats(0.31, 3.3)] * 3),
    shift=st.tuples(*[st.floats(-0.7, 1.4)] * 3),
    angles=st.sampled_from([(0.0, 0.0, 0.0), (0.3, -0.2, 0.5)]),
)
def test_random_volumes_are_resampled_as_by_simpleitk(shape, factors, shift, angles):
    """Finer and coarser at once, on places that begin before the image and end behind it."""
    volume = random_volume(shape, angles=angles)
    affine = volume.grid.affine.copy()
    affine[:3, :3] *= factors
    affine[:3, 3] = volume.grid.point(shift)
    assert_equal_to_simpleitk(volume, Grid((9, 9, 9), affine, "1.2.3"))


@pytest.mark.parametrize("name", ["mni152_t1_as_mr", "ct_abdomen_totalseg_repaired"])
@pytest.mark.parametrize("spacing", [(1.5, 1.7, 1.3), (0.63, 0.57, 0.71), (4.1, 0.47, 2.3)])
def test_real_series_are_resampled_as_by_simpleitk(name, spacing, shared_data):
    (series,) = find_series(shared_data / "dicom" / name)
    volume = series.volume()
    shape = tuple(min(n, 60) for n in volume.grid.shape)
    start = tuple((n - m) // 2 for n, m in zip(volume.grid.shape, shape, strict=True))
    part = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    volume = Volume(volume.array[part], volume.grid.cropped(start, shape))
    assert assert_equal_to_simpleitk(volume, volume.grid.respaced(spacing)) > 0.3
