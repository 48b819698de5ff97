"""Interpolation along axes, judged by scipy, SimpleITK and means worked out one by one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from IODeepLib.geometry import Grid, Volume
from IODeepLib.recipe import Interpolation, Outside
from IODeepLib.voxels.resample import Separate, resample
from IODeepLib.voxels.taps import cubic_taps

# Of values from 0 to 1000 in float32, summed over 26 voxels along each of three axes; scipy's are
# float64. What the taps leave out is less.
ROUNDING = 2e-3


def volume(shape=(9, 14, 11), seed=0, affine=None):
    array = np.random.default_rng(seed).uniform(0, 1000, shape).astype(np.float32)
    return Volume(array, Grid(shape, np.diag([2.0, 0.7, 0.9, 1.0]) if affine is None else affine))


def zoomed(array, shape):
    """scipy's zoom as skimage's resize, and so nnU-Net, calls it."""
    factors = [new / old for new, old in zip(shape, array.shape, strict=True)]
    return ndimage.zoom(array.astype(np.float64), factors, order=3, mode="nearest", grid_mode=True)


@pytest.mark.parametrize("shape", [(9, 14, 11), (18, 7, 33), (5, 29, 4), (1, 1, 1), (40, 14, 2)])
@pytest.mark.parametrize("orientation", ["", "RAS", "SAR"])
def test_cubic_is_scipys_zoom(shape, orientation):
    source = volume()
    if orientation:
        source = source.oriented(orientation)
    ours = resample(source, source.grid.resized(shape), interpolation=Interpolation.CUBIC)
    assert ours.array.dtype == np.float32
    np.testing.assert_allclose(ours.array, zoomed(source.array, shape), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("size", [1, 2, 3, 30])
def test_short_axes_have_an_edge_that_goes_on(size):
    source = volume((size, 2, 1))
    shape = (2 * size + 1, 5, 3)
    ours = resample(source, source.grid.resized(shape), interpolation=Interpolation.CUBIC)
    np.testing.assert_allclose(ours.array, zoomed(source.array, shape), rtol=0, atol=ROUNDING)


@given(st.floats(-0.5, 29.5))
def test_weights_add_up_to_one(position):
    taps = cubic_taps(np.array([position]), 30)
    assert taps.weight.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    constant = np.full((30, 1, 1), 1234.567, np.float32)
    assert taps.along(constant, -3).item() == pytest.approx(1234.567, rel=1e-6)


def test_a_clipped_constant_stays_exactly_that():
    source = volume()
    source.array[...] = 1234.567
    target = source.grid.resized((15, 3, 12))
    ours = resample(source, target, interpolation=Interpolation.CUBIC, clip=True)
    assert (ours.array == np.float32(1234.567)).all()


def test_a_voxel_at_its_own_place_is_itself():
    taps = cubic_taps(np.array([0.0, 2.0, 2 + 1e-9, 6.0]), 7)
    assert (taps.weight[0] == 1).all() and not taps.weight[1:].any()
    source = volume()
    target = source.grid.cropped((2, 0, 0), (4, 14, 11))
    ours = resample(source, target, interpolation=Interpolation.CUBIC)
    np.testing.assert_array_equal(ours.array, source.array[2:6])


@pytest.mark.parametrize("outside", [Outside.EDGE, Outside.ZERO, Outside.MINIMUM])
def test_cubic_at_an_angle_is_scipys_spline(outside):
    source = volume()
    turn = np.array([[0.9, -0.3, 0, 1], [0.3, 0.9, 0.1, 0.5], [0, -0.1, 0.8, 2], [0, 0, 0, 1]])
    target = Grid((8, 9, 10), source.grid.affine @ turn)
    ours = resample(source, target, interpolation=Interpolation.CUBIC, outside=outside).array
    index = np.moveaxis(
        source.grid.index(target.point(np.moveaxis(np.indices(target.shape), 0, -1))), -1, 0
    )
    inside = np.all(
        [(x >= -0.5) & (x <= n - 0.5) for x, n in zip(index, source.array.shape, strict=True)],
        axis=0,
    )
    judge = ndimage.map_coordinates(source.array.astype(np.float64), index, order=3, mode="nearest")
    np.testing.assert_allclose(ours[inside], judge[inside], rtol=0, atol=0.02)
    beyond = {Outside.ZERO: 0, Outside.MINIMUM: source.array.min()}
    assert 0.2 < inside.mean() < 0.98
    if outside in beyond:
        assert (ours[~inside] == np.float32(beyond[outside])).all()


@pytest.mark.parametrize("angle", [0, 0.2])
def test_clipped_to_the_range_of_the_image(angle):
    source = Volume(
        np.where(np.indices((8, 9, 10)).sum(0) % 5 == 0, 100, 3).astype(np.int16),
        Grid((8, 9, 10), np.eye(4)),
    )
    target = source.grid.resized((15, 15, 15))
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    target = Grid(target.shape, turn @ target.affine)
    free = resample(source, target, interpolation=Interpolation.CUBIC)
    ours = resample(source, target, interpolation=Interpolation.CUBIC, clip=True)
    assert free.array.max() > 101 and free.array.min() < 2
    np.testing.assert_array_equal(ours.array, np.clip(free.array, 3, 100))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("across", [Interpolation.NEAREST_EXACT, Interpolation.LINEAR])
def test_a_separate_axis_comes_after_the_plane(axis, across):
    source = volume((9, 10, 11))
    # Each plane has a range of its own.
    for i, plane in enumerate(np.moveaxis(source.array, axis, 0)):
        plane *= i + 1
    shape = (13, 7, 16)
    ours = resample(
        source,
        source.grid.resized(shape),
        interpolation=Interpolation.CUBIC,
        clip=True,
        separate=Separate(axis, across),
    ).array
    planes = []
    for plane in np.moveaxis(source.array, axis, 0):
        size = [n for i, n in enumerate(shape) if i != axis]
        planes.append(np.clip(zoomed(plane, size), plane.min(), plane.max()))
    between = np.stack(planes)
    at = (np.arange(shape[axis]) + 0.5) * len(between) / shape[axis] - 0.5
    if across is Interpolation.LINEAR:
        at = np.clip(at, 0, len(between) - 1)
        below = np.floor(at).astype(int)
        above = np.minimum(below + 1, len(between) - 1)
        part = (at - below).reshape(-1, 1, 1)
        judge = between[below] * (1 - part) + between[above] * part
    else:
        judge = between[np.floor(at + 0.5).astype(int)]
    judge = np.moveaxis(judge, 0, axis)
    np.testing.assert_allclose(ours, judge, rtol=1e-6, atol=10 * ROUNDING)


@pytest.mark.parametrize("shape", [(4, 7, 5), (1, 14, 3), (27, 3, 11), (9, 28, 10)])
def test_area_is_the_mean_of_what_a_voxel_touches(shape):
    source = volume()
    ours = resample(source, source.grid.resized(shape), interpolation=Interpolation.AREA).array
    judge = np.empty(shape)
    for index in np.ndindex(*shape):
        part = tuple(
            slice(i * old // new, -(-(i + 1) * old // new))
            for i, old, new in zip(index, source.array.shape, shape, strict=True)
        )
        judge[index] = source.array[part].mean(dtype=np.float64)
    np.testing.assert_allclose(ours, judge, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 0.7])
def test_halves_go_to_the_even_voxel(scale):
    values = np.arange(12 * 2 * 2, dtype=np.int16).reshape(12, 2, 2)
    source = Volume(values, Grid((12, 2, 2), np.eye(4)))
    n = int(11 / scale) + 1
    # An affine whose rounding is off by a little, as those of headers are.
    target = Grid((n, 2, 2), np.diag([scale * (1 + 1e-12), 1, 1, 1]))
    target = Grid(target.shape, target.affine + np.eye(4, k=3) * 0.5 * scale)
    ours = resample(source, target, interpolation=Interpolation.NEAREST_EVEN)
    at = np.clip(np.rint((np.arange(n) + 0.5) * scale), 0, 11).astype(int)
    assert ours.array.dtype == np.int16
    np.testing.assert_array_equal(ours.array, values[at])


@pytest.mark.parametrize("shape", [(90, 5, 4), (70, 200, 3), (6, 3, 130)])
def test_axes_longer_than_what_is_done_at_once(shape):
    source = volume((75, 60, 50))
    ours = resample(source, source.grid.resized(shape), interpolation=Interpolation.CUBIC)
    np.testing.assert_allclose(ours.array, zoomed(source.array, shape), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("shape", [(64, 32, 32), (300, 32, 32)])
def test_only_some_planes_are_held(shape):
    source = volume((128, 64, 64))
    target = source.grid.resized(shape)
    tracemalloc.start()
    ours = resample(source, target, interpolation=Interpolation.CUBIC)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The result, and some 60 planes twice: much less than another image.
    assert peak < ours.array.nbytes + 2 * 60 * 4 * 64 * 64 < ours.array.nbytes + source.array.nbytes


def test_simpleitk_agrees_on_the_spline():
    """Where its mirrored edges are far away, padded by as many voxels as the spline reaches."""
    source = volume()
    padded = sitk.GetImageFromArray(np.pad(source.array.astype(np.float64), 12, mode="edge"))
    target = source.grid.resized((20, 20, 20))
    matrix = np.linalg.inv(source.grid.affine) @ target.affine
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(np.diag(np.diag(matrix)[:3][::-1]).ravel().tolist())
    transform.SetTranslation((matrix[:3, 3][::-1] + 12).tolist())
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize([20, 20, 20])
    filter_.SetTransform(transform)
    filter_.SetInterpolator(sitk.sitkBSpline)
    judge = sitk.GetArrayFromImage(filter_.Execute(padded))
    ours = resample(source, target, interpolation=Interpolation.CUBIC)
    np.testing.assert_allclose(ours.array, judge, rtol=0, atol=ROUNDING)
