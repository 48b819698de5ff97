"""Where the network's voxels lie, which axis is separate, and what is cropped."""

from __future__ import annotations

import json

import numpy as np
import pytest
from makers.recipes import recipe_json

from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.network_grid import separate_axis
from IODeepLib.inference.preprocess import prepare
from IODeepLib.recipe import (
    Anchor,
    Channel,
    Clip,
    Component,
    Crop,
    CropAbove,
    Input,
    Interpolation,
    MinMax,
    OnGrid,
    Outside,
    Over,
    Per,
    PercentileClip,
    ScaleOffset,
    SeparateAxis,
    Spacing,
    ZScore,
    recipe_from_json,
)

AFFINE = np.array([[0.1, 0.02, 0.8, -40], [0.05, 0.9, 0, 12], [2.0, 0, 0.01, 600], [0, 0, 0, 1]])


def series(shape=(6, 8, 10), seed=0, affine=AFFINE):
    rng = np.random.default_rng(seed)
    return Volume(rng.integers(-100, 1000, shape).astype(np.int16), Grid(shape, affine, "1.2.3"))


def make_input(channels=1, **changes):
    whole = {"channels": tuple(map(Channel, "abcd"[:channels])), "orientation": "LPS"}
    return Input(**(whole | changes))


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        (1.0, 1.0, 11),
        (0.75, 1.5, 6),  # 5.5 to the even number
        (2.5, 5.0 / 3, 16),  # 16.5 to the even number
        (1.0, 4.0, 3),
        (1.0, 100.0, 1),
        (3.0, 0.7, 47),
    ],
)
def test_a_stretched_field_of_view(old, new, count):
    grid = Grid((11, 3, 3), AFFINE @ np.diag([old / np.linalg.norm(AFFINE[:, 0]), 1, 1, 1]))
    stretched = grid.stretched((new, *grid.spacing[1:]))
    assert stretched.shape == (count, 3, 3)
    for edge in ((-0.5, -0.5, -0.5), (10.5, 2.5, 2.5)):
        along = count - 0.5 if edge[0] > 0 else edge[0]
        there = stretched.index(grid.point(edge))
        np.testing.assert_allclose(there, (along, *edge[1:]), atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [(1.0, 1.0, 11), (0.75, 1.5, 6), (1.0, 4.0, 4), (1.0, 100.0, 1), (2.5, 10 / 3, 8)],
)
def test_voxels_behind_the_first_one(old, new, count):
    """(11 - 1) * old / new + 1: 3.5 and 8.5 are halves, which go to even numbers."""
    grid = Grid((11, 3, 3), np.diag([old, 0.7, -2.0, 1.0]))
    behind = grid.respaced_from_first((new, *grid.spacing[1:]))
    assert behind.shape == (count, 3, 3)
    np.testing.assert_array_equal(behind.origin, grid.origin)
    assert behind.spacing[0] == pytest.approx(new)


@pytest.mark.parametrize("anchor", list(Anchor))
@pytest.mark.parametrize("spacing", [(2.0, 3.7, 0.4), (5.0, 0.9, 9.0)])
def test_all_of_the_image_is_seen_whatever_the_spacing(anchor, spacing):
    """A whole number of voxels may reach less far than the image, which is no background."""
    prepared = prepare([series()], make_input(grid=Spacing(spacing, anchor=anchor)))
    assert prepared.box == (slice(0, 6), slice(0, 8), slice(0, 10))


@pytest.mark.parametrize("axis_order", ["NCYX", "NCXY"])
def test_a_2d_network_keeps_its_slices(axis_order):
    for anchor in Anchor:
        grid = Spacing((1.3, 1.1), anchor=anchor)
        prepared = prepare([series()], make_input(axis_order=axis_order, grid=grid))
        assert prepared.network.shape[0] == 6
        offset = prepared.turned_source.index(prepared.network.origin)
        assert offset[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "there", "back"),
    [
        ((5, 1, 1), (1, 1, 1), 0, 0),
        ((1, 1, 1), (1, 1, 4), 2, 2),
        ((3, 1, 1), (1, 1, 1), None, None),  # not more than three times
        ((4, 4, 1), (1, 1, 1), None, None),  # two coarse axes
        ((4, 4, 1), (1, 1, 5), None, 2),  # what is left counts first: no axis of its own
        ((5, 1, 1), (1, 5, 1), 0, 1),
        ((5, 5 * (1 + 1e-9), 1), (1, 1, 1), None, None),  # the rounding of an affine
    ],
)
def test_which_axis_is_separate(old, new, there, back):
    grid = Grid((9, 9, 9), np.diag([*old, 1.0]))
    mode = Spacing(tuple(map(float, new)), separate_axis=SeparateAxis())
    found = separate_axis(grid, mode), separate_axis(grid, mode, back=True)
    assert tuple(one and one.axis for one in found) == (there, back)
    assert separate_axis(grid, Spacing(mode.spacing)) is None
    wide = Spacing(mode.spacing, separate_axis=SeparateAxis(ratio=6))
    assert separate_axis(grid, wide) is None


@pytest.mark.parametrize("orientation", ["LPS", "SRA", "AIL"])
@pytest.mark.parametrize("margin", [0, 1, 100])
def test_crop_to_what_is_above_a_value(orientation, margin):
    first, second = series(), series(seed=1)
    for volume in (first, second):
        volume.array[...] = -5
    first.array[2:4, 3:5, 4:6] = 8
    second.array[3:5, 3:4, 4:8] = 9
    first.array[0, 0, 0] = 7  # not above
    crop = CropAbove(above=7, margin=margin)
    input_ = make_input(2, crop=crop, orientation=orientation)
    prepared = prepare([first, second], input_)
    box = tuple(
        slice(max(0, a - margin), min(n, b + margin))
        for a, b, n in zip((2, 3, 4), (5, 5, 8), first.array.shape, strict=True)
    )
    for array, volume in zip(prepared.array, (first, second), strict=True):
        np.testing.assert_array_equal(prepared.axis_map.inverse().apply(array), volume.array[box])
    seen = np.zeros(first.array.shape, bool)
    prepared.axis_map.apply(seen)[prepared.box] = True
    assert seen[box].all() and seen.sum() == first.array[box].size


@pytest.mark.parametrize("on", list(OnGrid))
@pytest.mark.parametrize("margin", [0, 1])
def test_crop_to_the_largest_piece(on, margin):
    """Of a body in one channel, its other half in another one, and a table beside them."""
    first, second = series(), series(seed=1)
    for volume in (first, second):
        volume.array[...] = -900
    first.array[1:4, 1:4, 2:5] = second.array[3:5, 2:4, 4:7] = 40
    first.array[:, 6, 1:5] = second.array[:, 7, 0] = 100
    crop = CropAbove(above=-500, margin=margin, on=on, component=Component.LARGEST)
    prepared = prepare([first, second], make_input(2, crop=crop))
    low, high = (1 - margin, 1 - margin, 2 - margin), (5 + margin, 4 + margin, 7 + margin)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    for array, volume in zip(prepared.array, (first, second), strict=True):
        np.testing.assert_array_equal(prepared.axis_map.inverse().apply(array), volume.array[box])
    [said] = [step for step in prepared.steps if step.startswith("cropped")]
    assert said.startswith("cropped to the largest connected piece of the voxels above -500")
    everything = prepare([first, second], make_input(2, crop=CropAbove(above=-500, on=on)))
    assert everything.array.shape[1:] == (6, 7, 7)


def test_crop_on_the_networks_voxels_comes_last():
    volume = series()
    volume.array[...] = 100
    volume.array[1:3, 2:5, 3:9] = 300
    steps = (ScaleOffset(1, -200),)
    shape = tuple(2 * n for n in volume.array.shape)
    spacing = tuple(s / 2 for s in volume.grid.spacing)
    grid = Spacing(spacing, interpolation=Interpolation.NEAREST_EXACT)
    crop = CropAbove(on=OnGrid.NETWORK, margin=2)
    whole = prepare([volume], make_input(intensity=steps, grid=grid))
    prepared = prepare([volume], make_input(intensity=steps, grid=grid, crop=crop))
    assert whole.array.shape[1:] == shape
    # The voxels 2 to 6, 4 to 10 and 6 to 18, and two more each way.
    np.testing.assert_array_equal(prepared.array, whole.array[:, 0:8, 2:12, 4:20])
    assert prepared.box == (slice(0, 4), slice(1, 6), slice(2, 10))
    np.testing.assert_allclose(prepared.network.origin, whole.network.point((0, 2, 4)))
    # At the end of the image nothing was cut off, so that all of it is seen: of 8 voxels, 2 of 3.3.
    wide = CropAbove(on=OnGrid.NETWORK, margin=9)
    coarse = Spacing((spacing[0], volume.grid.spacing[1] * 3.3, spacing[2]))
    prepared = prepare([volume], make_input(intensity=steps, grid=coarse, crop=wide))
    assert prepared.network.shape[1] == 2 and prepared.box == whole.box


@pytest.mark.parametrize(
    "crop",
    [
        Crop.NONZERO,
        CropAbove(),
        CropAbove(on=OnGrid.NETWORK),
        CropAbove(component=Component.LARGEST),
    ],
)
def test_an_image_of_which_nothing_is_left_stays_whole(crop):
    volume = series()
    volume.array[...] = 0
    prepared = prepare([volume], make_input(crop=crop))
    assert prepared.array.shape == (1, 6, 8, 10)
    assert prepared.box == (slice(0, 6), slice(0, 8), slice(0, 10))


@pytest.mark.parametrize("key", ["intensity", "intensity_before_grid"])
@pytest.mark.parametrize("over", list(Over))
def test_statistics_of_the_whole_image(key, over):
    volumes = [series(seed=i) for i in range(3)]
    for i, volume in enumerate(volumes):
        volume.array[...] = volume.array * (i + 1)
        volume.array[:2] = 0
    steps = (Clip(-500, 2500), ZScore(over=over, per=Per.IMAGE), MinMax(per=Per.VOLUME))
    prepared = prepare(volumes, make_input(3, **{key: steps}))
    arrays = np.stack([volume.array for volume in volumes]).astype(np.float64)
    mask = {
        Over.ALL: np.ones(arrays.shape, bool),
        Over.NONZERO: arrays != 0,
        Over.MASK: np.broadcast_to((arrays != 0).any(axis=0), arrays.shape),
    }[over]
    arrays = np.clip(arrays, -500, 2500)
    values = arrays[mask]
    judge = np.where(mask, (arrays - values.mean()) / values.std(), arrays)
    low = judge.min(axis=(1, 2, 3), keepdims=True)
    judge = (judge - low) / (judge.max(axis=(1, 2, 3), keepdims=True) - low)
    np.testing.assert_allclose(prepared.array, judge, atol=1e-5)


def test_the_mask_is_that_of_the_image_before_all_steps():
    """Also where steps on all channels together come first: of what was zero, they leave none."""
    volumes = [series(seed=i) for i in range(2)]
    for volume in volumes:
        volume.array[...] = np.abs(volume.array) + 1
        volume.array[:3] = 0
    input_ = make_input(
        2,
        intensity_before_grid=(ZScore(per=Per.IMAGE), ScaleOffset(1, 5)),
        intensity=(ZScore(0, 0.5, Over.MASK),),
    )
    prepared = prepare(volumes, input_)
    arrays = np.stack([volume.array for volume in volumes]).astype(np.float64)
    judge = (arrays - arrays.mean()) / arrays.std() + 5
    judge[:, 3:] *= 2
    np.testing.assert_allclose(prepared.array, judge, atol=1e-5)


def test_padding_counts_in_no_statistic_of_the_whole_image():
    volumes = [series(seed=i) for i in range(2)]
    padding = np.zeros((6, 8, 10), bool)
    padding[:, :, 7:] = True
    padded = Volume(np.where(padding, 9999, volumes[1].array), volumes[1].grid, padding)
    input_ = make_input(2, intensity=(PercentileClip(0, 100, per=Per.IMAGE),))
    prepared = prepare([volumes[0], padded], input_)
    assert prepared.array.max() == max(volumes[0].array.max(), volumes[1].array[..., :7].max())


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"intensity": [{"step": "z_score", "per": "image"}]}, "$.input.channels[1].intensity"),
        ({"channels": "joint"}, "$.input.channels[1].intensity"),
        (
            {"intensity": [{"step": "z_score", "per": "image"}, {"step": "suv_bw"}], "channels": 2},
            "$.input.intensity",
        ),
    ],
)
def test_steps_on_all_channels_are_one_list(changes, where):
    own = [{"step": "clip", "lower": 0, "upper": 1}]
    if changes.get("channels") == "joint":
        own = [{"step": "min_max", "per": "image"}]
    channels = [{"name": "a"}, {"name": "b", "intensity": own}]
    if changes.get("channels") == 2:
        channels = [{"name": "a"}, {"name": "b"}]
    with pytest.raises(RecipeError) as caught:
        recipe_from_json(json.dumps(recipe_json(input={**changes, "channels": channels})))
    assert f"{where}: " in caught.value.found


def test_other_channels_have_their_edge_beyond_them_where_patches_are_mirrored():
    moved = AFFINE.copy()
    moved[:3, 3] += 3 * AFFINE[:3, 2]
    first, second = series(), series(seed=1, affine=moved)
    prepared = prepare([first, second], make_input(2, outside=Outside.REFLECT))
    np.testing.assert_array_equal(prepared.array[1][:, :, 0], second.array[:, :, 0])


def test_an_axis_of_too_many_voxels_is_refused_before_any_memory_is_taken(monkeypatch):
    """Its 13 million voxels are 50 MB; what they are interpolated from is 300 times as much."""
    monkeypatch.setattr("IODeepLib.machine.memory.free_memory", lambda: 4 * 10**9)
    grid = Spacing((1e-6, 100.0, 100.0), interpolation=Interpolation.CUBIC)
    with pytest.raises(ModelError, match=r"the 1 × \d+ × 1 × 1 voxels .* need 12\.\d GB"):
        prepare([series()], make_input(grid=grid))
