"""From series to network input: order of steps, grids, masks, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from makers.orientations import ORIENTATIONS
from scipy import ndimage

from IODeepLib.errors import ImageError, ModelError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.preprocess import prepare
from IODeepLib.recipe import (
    Channel,
    Clip,
    Conform,
    Crop,
    Input,
    Interpolation,
    MinMax,
    Native,
    Outside,
    Over,
    Per,
    PercentileClip,
    Resize,
    ScaleOffset,
    Spacing,
    ZScore,
    read_recipe,
)
from IODeepLib.voxels.resample import resample

SHAPE = (6, 8, 10)
# An axial series, slightly oblique: SPL.
AFFINE = np.array([[0.1, 0.02, 0.8, -40], [0.05, 0.9, 0, 12], [2.0, 0, 0.01, 600], [0, 0, 0, 1]])


def series(seed=0, dtype=np.int16, frame="1.2.3", affine=AFFINE):
    rng = np.random.default_rng(seed)
    array = rng.integers(-100, 1000, SHAPE).astype(dtype)
    return Volume(array, Grid(SHAPE, affine, frame))


def make_input(**changes):
    """The working orientation is that of `series`, SPL, unless told otherwise."""
    return Input(**{"channels": (Channel("T1"),), "orientation": "LPS", **changes})


def orientation_of(axis_order, working):
    """The recipe's orientation (of X, Y, Z) that makes `working` the orientation of the array."""
    letters = [x for x in axis_order if x in "XYZ"]
    letters = [x for x in "XYZ" if x not in letters] + letters
    return "".join(working[letters.index(x)] for x in "XYZ")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("axis_order", ["NCZYX", "NCXYZ", "YXNZC", "NCYX", "CNXZ"])
def test_any_orientation_and_axis_order_maps_the_same_voxels(orientation, axis_order):
    source = series()
    input_ = make_input(orientation=orientation_of(axis_order, orientation), axis_order=axis_order)
    for volume in (source, source.oriented("RAS"), source.oriented("IRP")):
        prepared = prepare([volume], input_)
        assert prepared.network.orientation == orientation
        assert prepared.array.dtype == np.float32 and prepared.array.flags.c_contiguous
        # Each value lies at the point where the series has it.
        for index in ((0, 0, 0), (1, 2, 3), tuple(n - 1 for n in prepared.network.shape)):
            there = np.rint(source.grid.index(prepared.network.point(index))).astype(int)
            assert prepared.array[(0, *index)] == source.array[tuple(there)]
        back = prepared.axis_map.inverse().apply(prepared.array[0])
        np.testing.assert_array_equal(back, volume.array)


@pytest.mark.parametrize(
    ("grid", "shape"),
    [
        (Native(), SHAPE),
        (Spacing((1.0, 1.8, 0.4)), (12, 4, 20)),
        (Resize((5, 5, 5)), (5, 5, 5)),
        (Conform((1.0, 1.0, 1.0), (16, 4, 12)), (16, 4, 12)),
    ],
)
@pytest.mark.parametrize("interpolation", list(Interpolation))
def test_grids(grid, shape, interpolation):
    if not isinstance(grid, Native):
        kwargs = {k: getattr(grid, k) for k in ("spacing", "shape") if hasattr(grid, k)}
        grid = type(grid)(**kwargs, interpolation=interpolation)
    prepared = prepare([series()], make_input(grid=grid))
    assert prepared.array.shape == (1, *shape)
    if isinstance(grid, Native):
        return
    outside = Outside.MINIMUM if isinstance(grid, Conform) else Outside.EDGE
    judge = resample(series(), prepared.network, interpolation=interpolation, outside=outside)
    np.testing.assert_array_equal(prepared.array[0], judge.array)


def test_steps_run_in_order_around_the_grid():
    before, after = (Clip(0, 500), ScaleOffset(2)), (ScaleOffset(1, -7), MinMax())
    input_ = make_input(
        intensity_before_grid=before, grid=Resize((3, 4, 5)), intensity=after, crop=None
    )
    prepared = prepare([series()], input_)
    x = Volume(np.clip(series().array, 0, 500) * 2, series().grid)
    x = resample(x, prepared.network).array - 7
    np.testing.assert_allclose(prepared.array[0], (x - x.min()) / np.ptp(x), atol=1e-5)


def test_the_series_is_left_as_it_is():
    for dtype in (np.int16, np.float32):
        source = series(dtype=dtype)
        before = source.array.copy()
        input_ = make_input(intensity_before_grid=(MinMax(),), intensity=(ZScore(),))
        prepare([source], input_)
        prepare([source], make_input(intensity=(Clip(0, 1),)))
        np.testing.assert_array_equal(source.array, before)


def test_channels_lie_on_the_grid_of_the_first():
    other_affine = AFFINE.copy()
    other_affine[:3, 3] += 1.7
    first, second = series(0), series(1, affine=other_affine)
    input_ = make_input(
        channels=(Channel("T1"), Channel("T2", intensity=(ScaleOffset(2),))),
        intensity=(ScaleOffset(3),),
        outside=Outside.MINIMUM,
    )
    prepared = prepare([first, second], input_)
    np.testing.assert_array_equal(prepared.array[0], first.array * 3)
    judge = resample(second, first.grid, outside=Outside.MINIMUM).array * 2
    np.testing.assert_array_equal(prepared.array[1], judge)


@pytest.mark.parametrize("orientation", ["SPL", "RAI", "ASR"])
def test_crop_to_the_non_zero_voxels_of_any_channel(orientation):
    first, second = (Volume(np.zeros(SHAPE, np.int16), series().grid) for _ in range(2))
    first.array[2:4, 3:5, 4:6] = 5
    second.array[3:5, 3:4, 4:8] = 6
    input_ = make_input(
        channels=(Channel("a"), Channel("b")),
        crop=Crop.NONZERO,
        orientation=orientation_of("NCZYX", orientation),
    )
    prepared = prepare([first, second], input_)
    box = (slice(2, 5), slice(3, 5), slice(4, 8))
    for array, volume in zip(prepared.array, (first, second), strict=True):
        np.testing.assert_array_equal(prepared.axis_map.inverse().apply(array), volume.array[box])
    seen = np.zeros(SHAPE, bool)
    prepared.axis_map.apply(seen)[prepared.box] = True
    assert seen[box].all() and seen.sum() == 3 * 2 * 4
    np.testing.assert_allclose(
        prepared.network.point((0, 0, 0)),
        prepared.turned_source.point([part.start for part in prepared.box]),
    )


def test_an_image_of_zeros_is_not_cropped():
    empty = Volume(np.zeros(SHAPE, np.int16), series().grid)
    assert prepare([empty], make_input(crop=Crop.NONZERO)).array.shape == (1, *SHAPE)


def test_the_mask_is_any_channel_with_holes_filled():
    shell = np.zeros(SHAPE, np.int16)
    shell[1:5, 1:6, 1:6] = 50
    shell[2, 3:5, 2:4] = 0  # a hole in both channels
    other = shell * 3
    other[5, 7, 8] = 9
    input_ = make_input(
        channels=(Channel("a"), Channel("b")), intensity_before_grid=(ZScore(over=Over.MASK),)
    )
    prepared = prepare([Volume(x, series().grid) for x in (shell, other)], input_)
    mask = ndimage.binary_fill_holes((shell != 0) | (other != 0))
    assert mask[2, 3, 2]
    for ours, x in zip(prepared.array, (shell, other), strict=True):
        values = x[mask].astype(np.float64)
        judge = np.where(mask, (x - values.mean()) / values.std(), x)
        np.testing.assert_allclose(ours, judge, atol=1e-4)


def test_the_mask_after_the_grid_is_the_nearest_voxels():
    volume = series()
    volume.array[:, :3] = 0
    volume.array[:, 3:][volume.array[:, 3:] == 0] = 1
    input_ = make_input(
        grid=Resize((12, 16, 5)), intensity=(ScaleOffset(1e-30, 1), ZScore(5.0, 1.0, Over.MASK))
    )
    prepared = prepare([volume], input_)
    assert (prepared.array[0, :, :6] == 1).all() and (prepared.array[0, :, 6:] == -4).all()


@pytest.mark.parametrize(("axis_order", "axis"), [("NCZYX", 0), ("NCXYZ", 2), ("NCZY", 0)])
def test_per_slice_is_the_series_slice_in_3d_and_the_networks_in_2d(axis_order, axis):
    input_ = make_input(
        axis_order=axis_order, orientation="LPS", intensity=(ZScore(per=Per.SLICE),)
    )
    prepared = prepare([series()], input_)
    means = prepared.array[0].mean(axis=tuple(i for i in range(3) if i != axis), dtype=np.float64)
    np.testing.assert_allclose(means, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("grid", "shape"),
    [
        (Spacing((0.45, 0.4)), (6, 16, 20)),
        (Resize((3, 4)), (6, 3, 4)),
        (Conform((0.9, 0.8), (12, 6)), (6, 12, 6)),
    ],
)
def test_a_2d_network_keeps_its_slices(grid, shape):
    prepared = prepare([series()], make_input(axis_order="NCYX", orientation="LPS", grid=grid))
    assert prepared.array.shape == (1, *shape)
    assert prepared.network.spacing[0] == pytest.approx(series().grid.spacing[0])
    offset = prepared.turned_source.index(prepared.network.origin)
    assert offset[0] == pytest.approx(0, abs=1e-9)


def test_what_a_conformed_grid_does_not_reach_is_not_seen():
    prepared = prepare([series()], make_input(grid=Conform((2.0, 0.9, 0.8), (4, 20, 5))))
    assert prepared.box == (slice(1, 5), slice(0, 8), slice(2, 7))


def test_a_grid_beyond_all_memory_is_refused_before_any_is_taken():
    with pytest.raises(ModelError, match=r"the 1 × \d+ × \d+ × \d+ voxels .* need \d+.*coarser"):
        prepare([series()], make_input(grid=Spacing((1e-3, 1e-3, 1e-3))))


def test_one_image_for_each_channel():
    with pytest.raises(ImageError, match="2 images; wanted: 1, for the channels T1"):
        prepare([series(), series()], make_input())


def test_frames_of_reference_must_agree():
    input_ = make_input(channels=(Channel("T1"), Channel("T2")))
    with pytest.raises(ImageError, match=r"channel T2 in frame of reference 9\.9.*register"):
        prepare([series(), series(frame="9.9")], input_)
    prepare([series(), series(frame=None)], input_)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_place(value):
    volume = series(dtype=np.float32)
    volume.array[2, 3, 4] = value
    x, y, z = AFFINE[:3] @ (2, 3, 4, 1)
    with pytest.raises(ImageError) as caught:
        prepare([volume], make_input())
    assert f"channel T1 is {value} at voxel (2, 3, 4), ({x:.1f}, {y:.1f}, {z:.1f}) mm" in str(
        caught.value
    )


def test_the_shared_networks_recipes_are_their_own_preprocessing():
    """Each figure of a network's description, worked out anew in float64."""
    recipes = Path(__file__).parents[2] / "recipes"
    volume = series()
    prepared = prepare([volume], read_recipe(recipes / "deepbet_bbox_model.json").input)
    turned = volume.oriented("RAS").array
    pick = [((2 * np.arange(128) + 1) * n // 256) for n in turned.shape]
    x = turned[np.ix_(*pick)].astype(np.float64)
    low, high = np.percentile(x, (0.5, 99.5))
    x = np.clip((x - low) / (high - low), 0, 1)
    x = (x - x.mean()) / x.std(ddof=1) * 0.226 + 0.449
    np.testing.assert_allclose(prepared.array[0], x, atol=1e-5)

    wide = Volume(series().array, Grid(SHAPE, AFFINE @ np.diag([9.0, 19.0, 19.0, 1.0])))
    prepared = prepare([wide], read_recipe(recipes / "model5_gw_ae.json").input)
    assert prepared.network.orientation == "LIA" and prepared.array.shape == (1, 256, 256, 256)
    assert len(np.unique(prepared.array)) <= 256
    assert prepared.array.min() == 0 and prepared.array.max() == 1

    prepared = prepare([volume], read_recipe(recipes / "ct_abdomen_5class.json").input)
    assert prepared.network.orientation == "SAR"
    np.testing.assert_allclose(prepared.network.spacing, 3)
    assert prepared.array.min() >= -1 - 1e-6 and prepared.array.max() <= 1 + 1e-6


def test_percentiles_before_the_grid_are_those_of_the_series():
    input_ = make_input(intensity_before_grid=(PercentileClip(10, 90),), grid=Resize((3, 3, 3)))
    low, high = np.percentile(series().array, (10, 90))
    prepared = prepare([series()], input_)
    assert prepared.array.min() >= np.float32(low) and prepared.array.max() <= np.float32(high)
