"""Decisions on the series' voxels, judged by scipy's interpolation in float64."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.orientations import ORIENTATIONS
from makers.scores import (
    AFFINE,
    GRIDS,
    SHAPE,
    in_slabs,
    interpolated,
    make_output,
    prepared_of,
    random_scores,
)

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference import score_planes
from IODeepLib.inference.decision import decide, needs_highest_alone
from IODeepLib.inference.highest import Highest
from IODeepLib.inference.sliding_window import score_slabs
from IODeepLib.recipe import (
    Activation,
    Blend,
    Channel,
    Conform,
    Crop,
    Decision,
    Input,
    Native,
    OnGrid,
    Resize,
    Spacing,
)

# Where the two best scores are closer than this, float32 and float64 may differ.
CLOSE = 1e-4


def assert_same_labels(ours, judge, clear):
    np.testing.assert_array_equal(ours[clear], judge[clear])
    assert clear.mean() > 0.95


def clear_argmax(values):
    best = np.sort(values, axis=0)
    return best[-1] - best[-2] > CLOSE


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("depth", [1, 4, 99])
def test_argmax_on_the_series_voxels(grid, depth):
    prepared = prepared_of(grid)
    scores = random_scores(prepared)
    result = decide(in_slabs(scores, depth), prepared, make_output())
    values, seen, _ = interpolated(scores, prepared)
    judge = np.where(seen, values.argmax(axis=0), 0)
    assert_same_labels(result.array, judge, clear_argmax(values) | ~seen)
    assert result.array.dtype == np.uint8 and result.array.flags.c_contiguous
    assert result.grid is prepared.source and not result.overlapping
    assert result.probabilities is None


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("grid", [Native(), Resize((11, 7, 8))], ids=str)
def test_whatever_the_orientation_of_the_series(orientation, grid):
    """The labels of a turned series are the turned labels of the series."""
    source = Volume(np.ones(SHAPE, np.int16), Grid(SHAPE, AFFINE))
    straight = prepared_of(grid, source=source)
    turned = prepared_of(grid, source=source.oriented(orientation))
    assert straight.network.same_as(turned.network)
    scores = random_scores(straight)
    output = make_output()
    expected = decide(in_slabs(scores), straight, output)
    ours = decide(in_slabs(scores), turned, output, want_probabilities=True)
    judge = Volume(expected.array, straight.source).oriented(orientation)
    np.testing.assert_array_equal(ours.array, judge.array)
    assert ours.array.flags.c_contiguous and ours.grid.orientation == orientation
    assert ours.probabilities.shape == (3, *ours.array.shape)


@pytest.mark.parametrize("axis_order", ["NCXYZ", "NYXZC", "NCYX", "NCZX"])
@pytest.mark.parametrize("orientation", ["RAS", "LIA", "PSR"])
def test_there_and_back_in_any_axis_order(axis_order, orientation):
    """A network that gives its input back gives the image back, voxel for voxel."""
    source = Volume(
        np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.int16), Grid(SHAPE, AFFINE)
    )
    prepared = prepared_of(axis_order=axis_order, orientation=orientation, source=source)
    input_ = Input(
        channels=(Channel("image"),),
        orientation=orientation,
        axis_order=axis_order,
        patch_size=(4, 5, 6)[: len(axis_order) - 2],
    )
    output = make_output(1, decision=Decision.LABELS)
    slabs = score_slabs(prepared.array, input_, output, lambda x: x)
    np.testing.assert_array_equal(decide(slabs, prepared, output).array, source.array)


@pytest.mark.parametrize("axis_order", ["NCZYX", "NZYXC", "NCYX"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("blend", list(Blend))
def test_the_scores_of_a_whole_image_are_held_once(axis_order, dtype, blend, monkeypatch):
    """All scores of the network come at once; what follows works through them in pieces."""
    monkeypatch.setattr("IODeepLib.inference.sliding_window._PIECE_BYTES", 2**20)
    image = np.random.default_rng(0).integers(0, 99, (64, 64, 64)).astype(np.int16)
    source = Volume(image, Grid(image.shape, np.eye(4)))
    prepared = prepared_of(axis_order=axis_order, source=source)
    input_ = Input(channels=(Channel("image"),), orientation="LPS", axis_order=axis_order)
    output = make_output(24, activation=Activation.SOFTMAX, blend=blend)
    channel = axis_order.index("C")
    flat = len(axis_order) == 4

    def network(x):
        scores = np.zeros([24 if i == channel else n for i, n in enumerate(x.shape)], dtype)
        np.moveaxis(scores, channel, 0)[2] = np.moveaxis(x, channel, 0)[0] - 50
        return scores

    slabs = score_slabs(prepared.array, input_, output, network, batch=64 if flat else 1)
    tracemalloc.start()
    result = decide(slabs, prepared, output)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(result.array, np.where(image > 50, 2, 0))
    assert peak < 1.4 * 24 * image.size * np.dtype(dtype).itemsize


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize(
    ("activation", "blend", "threshold"),
    [
        (Activation.NONE, Blend.SCORES, 0.3),
        (Activation.SIGMOID, Blend.SCORES, 0.7),
        (Activation.SIGMOID, Blend.PROBABILITIES, 0.2),
        (Activation.SOFTMAX, Blend.SCORES, 0.4),
    ],
)
@pytest.mark.parametrize("how", [Decision.THRESHOLD, Decision.REGIONS])
def test_thresholds_and_regions(grid, activation, blend, threshold, how):
    prepared = prepared_of(grid)
    scores = random_scores(prepared, smooth=1.0)
    output = make_output(
        values=(7, 5, 9),
        label_channels=(2, 0, 3),
        activation=activation,
        blend=blend,
        threshold=threshold,
        decision=how,
    )
    result = decide(in_slabs(scores), prepared, output)
    values, seen, _ = interpolated(scores, prepared)
    if blend is Blend.SCORES and activation is Activation.SIGMOID:
        values = 1 / (1 + np.exp(-values))
    elif activation is Activation.SOFTMAX:
        values = np.exp(values) / np.exp(values).sum(axis=0)
    masks = [(values[c] > threshold) & seen for c in (2, 0, 3)]
    clear = (np.abs(values[[2, 0, 3]] - threshold) > CLOSE).all(axis=0) | ~seen
    if how is Decision.THRESHOLD:
        assert result.overlapping and result.array.dtype == np.uint8
        for layer, mask in zip(result.array, masks, strict=True):
            assert_same_labels(layer, mask, clear)
        return
    judge = np.zeros(SHAPE, int)
    for value, mask in zip((7, 5, 9), masks, strict=True):
        judge[mask] = value
    assert_same_labels(result.array, judge, clear)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_at_the_ends(threshold):
    prepared = prepared_of()
    output = make_output(
        1, (1,), (0,), activation=Activation.SIGMOID, decision=Decision.THRESHOLD,
        threshold=threshold,
    )  # fmt: skip
    result = decide(in_slabs(random_scores(prepared, 1)), prepared, output)
    assert (result.array == (threshold == 0)).all()


def test_one_thresholded_label_is_exclusive_with_its_value():
    prepared = prepared_of()
    scores = random_scores(prepared)
    output = make_output(values=(300,), label_channels=(1,), decision=Decision.THRESHOLD)
    result = decide(in_slabs(scores), prepared, output)
    assert not result.overlapping and result.array.dtype == np.uint16
    np.testing.assert_array_equal(result.array, np.where(scores[1] > 0.5, 300, 0))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_deciding_on_the_network_takes_the_nearest_voxel(grid):
    prepared = prepared_of(grid)
    scores = random_scores(prepared)
    result = decide(in_slabs(scores), prepared, make_output(decide_on=OnGrid.NETWORK))
    _, seen, index = interpolated(scores, prepared)
    decided = scores.argmax(axis=0)
    tops = np.array(decided.shape).reshape(3, 1, 1, 1) - 1
    nearest = np.clip(np.floor(index + 0.5 + 1e-6).astype(int), 0, tops)
    np.testing.assert_array_equal(result.array, np.where(seen, decided[tuple(nearest)], 0))


@pytest.mark.parametrize("grid", [Native(), Resize((4, 20, 9))], ids=str)
def test_label_values_of_the_network(grid):
    prepared = prepared_of(grid)
    values = np.random.default_rng(0).choice([0, 1, 2, 3, 500, 60000, -7], prepared.network.shape)
    output = make_output(1, (1, 3, 60000), decision=Decision.LABELS)
    result = decide(
        in_slabs(values[None].astype(np.float32)), prepared, output, want_probabilities=True
    )
    assert result.array.dtype == np.uint16 and result.probabilities is None
    known = np.where(np.isin(values, (1, 3, 60000)), values, 0)
    if isinstance(grid, Native):
        np.testing.assert_array_equal(result.array, known)
    else:
        assert set(np.unique(result.array)) == {0, 1, 3, 60000}


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("blend", list(Blend))
def test_probabilities_as_bytes(grid, activation, blend):
    prepared = prepared_of(grid)
    scores = random_scores(prepared)
    if blend is Blend.PROBABILITIES:
        scores = np.abs(scores) / np.abs(scores).sum(axis=0)
    output = make_output(values=(1, 2), label_channels=(3, 1), activation=activation, blend=blend)
    result = decide(in_slabs(scores), prepared, output, want_probabilities=True)
    values, seen, _ = interpolated(scores, prepared)
    if blend is Blend.SCORES and activation is Activation.SIGMOID:
        values = 1 / (1 + np.exp(-values))
    elif blend is Blend.SCORES and activation is Activation.SOFTMAX:
        values = np.exp(values) / np.exp(values).sum(axis=0)
    judge = np.where(seen, np.clip(values[[3, 1]], 0, 1) * 255, 0)
    assert result.probabilities.dtype == np.uint8
    # Half a step of rounding, and what the tolerance of a grid is worth.
    assert np.abs(result.probabilities - judge).max() < 0.65


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "ASR"])
def test_what_was_cropped_away_is_background(orientation):
    source = Volume(np.zeros(SHAPE, np.int16), Grid(SHAPE, AFFINE))
    box = (slice(2, 7), slice(3, 12), slice(0, 8))
    source.array[box] = 9
    for grid in (Native(), Spacing((1.5, 1.5, 1.5))):
        prepared = prepared_of(grid, orientation, crop=Crop.NONZERO, source=source)
        scores = np.zeros((2, *prepared.network.shape), np.float32)
        scores[1] = 1
        result = decide(in_slabs(scores), prepared, make_output(2, (1,)))
        np.testing.assert_array_equal(result.array, source.array == 9)


def test_padding_that_was_added_is_taken_away():
    prepared = prepared_of(Conform((2.0, 0.9, 0.8), (20, 30, 31)))
    scores = np.zeros((2, *prepared.network.shape), np.float32)
    index = prepared.network.index(prepared.source.point((4, 5, 6)))
    scores[(1, *np.rint(index).astype(int))] = 1
    result = decide(in_slabs(scores), prepared, make_output(2, (1,)))
    judge = np.zeros(SHAPE)
    judge[4, 5, 6] = 1
    np.testing.assert_array_equal(result.array, judge)


def test_the_first_of_equal_scores_wins_and_channels_without_label_are_background():
    prepared = prepared_of(Resize((5, 5, 5)))
    scores = np.zeros((4, 5, 5, 5), np.float32)
    result = decide(in_slabs(scores), prepared, make_output(values=(2, 4), label_channels=(1, 2)))
    assert not result.array.any()
    scores[1:] = 1
    result = decide(in_slabs(scores), prepared, make_output(values=(2, 4), label_channels=(1, 2)))
    assert (result.array == 2).all()


def test_a_2d_network_is_interpolated_within_its_slices():
    prepared = prepared_of(Resize((7, 9)), axis_order="NCYX")
    scores = random_scores(prepared)
    result = decide(in_slabs(scores, 1), prepared, make_output())
    values, _, _ = interpolated(scores, prepared)
    assert_same_labels(result.array, values.argmax(axis=0), clear_argmax(values))


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    network=st.tuples(*[st.integers(1, 40)] * 3),
    channels=st.integers(1, 12),
    smooth=st.sampled_from([0.0, 1.0, 4.0]),
    seed=st.integers(0, 99),
)
def test_tiles_and_bounds_change_nothing(shape, network, channels, smooth, seed):
    """Small tiles, of which many are decided by bounds, against whole planes."""
    source = Volume(np.ones(shape, np.int16), Grid(shape, AFFINE))
    prepared = prepared_of(Resize(network), source=source)
    scores = random_scores(prepared, channels, seed, min(smooth, *network))
    output = make_output(channels, tuple(range(1, channels)) or (1,), range(channels - 1 or 1))
    original = score_planes.TILE_SIDE
    try:
        score_planes.TILE_SIDE = (3, 7)
        ours = decide(in_slabs(scores, 5), prepared, output).array
    finally:
        score_planes.TILE_SIDE = original
    values, _, _ = interpolated(scores, prepared)
    judge = np.append(np.arange(1, channels) if channels > 1 else 1, 0)[values.argmax(axis=0)]
    clear = clear_argmax(values) if channels > 1 else np.ones(shape, bool)
    np.testing.assert_array_equal(ours[clear], judge[clear])


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    network=st.tuples(*[st.integers(1, 40)] * 3),
    channels=st.integers(2, 30),
    smooth=st.sampled_from([0.0, 1.0, 4.0]),
    levels=st.sampled_from([0, 3]),
    seed=st.integers(0, 99),
)
def test_a_closer_look_changes_no_bit(shape, network, channels, smooth, levels, seed):
    """Also where many scores are equal: every channel interpolated and compared decides alike."""
    source = Volume(np.ones(shape, np.int16), Grid(shape, AFFINE))
    prepared = prepared_of(Resize(network), source=source)
    scores = random_scores(prepared, channels, seed, min(smooth, *network))
    if levels:
        scores = np.rint(scores * levels)
    output = make_output(channels, tuple(range(1, channels)), range(1, channels))
    ours = decide(in_slabs(scores, 5), prepared, output).array
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Highest, "_unclear", everywhere)
        patch.setattr(Highest, "_can_win", every_channel)
        judge = decide(in_slabs(scores, 5), prepared, output).array
    np.testing.assert_array_equal(ours, judge)


def everywhere(highest, pair):
    return np.ones(pair[1].scores.shape[1:], bool)


def every_channel(highest, pair, cells, rows, columns):
    return np.arange(len(pair[1].scores))


@pytest.mark.parametrize("depth", [1, 4, 99])
@pytest.mark.parametrize(
    ("grid", "more"),
    [
        (Native(), {}),
        (Native(), {"decide_on": OnGrid.NETWORK}),
        (Resize((11, 7, 8)), {"decide_on": OnGrid.NETWORK}),
        (Spacing((2.0, 1.3, 1.1)), {"decide_on": OnGrid.NETWORK}),
    ],
    ids=str,
)
def test_the_highest_channels_are_enough(grid, more, depth):
    """In the place of scores, where it is said that they are."""
    prepared, output = prepared_of(grid), make_output(**more)
    assert needs_highest_alone(prepared, output, want_probabilities=False, confidence_layers=0)
    scores = random_scores(prepared)
    scores[2] = scores[1]  # of equals the first
    highest = scores.argmax(axis=0).astype(np.uint16)[None]
    expected = decide(in_slabs(scores, depth), prepared, output)
    found = decide(in_slabs(highest, depth), prepared, output)
    np.testing.assert_array_equal(found.array, expected.array)


@pytest.mark.parametrize(
    ("grid", "output", "asked"),
    [
        (Resize((11, 7, 8)), {}, {}),  # interpolated
        (Native(), {}, {"want_probabilities": True}),
        (Native(), {}, {"confidence_layers": 2}),
        (Native(), {"decision": Decision.THRESHOLD, "activation": Activation.SIGMOID}, {}),
        (Native(), {"activation": Activation.SOFTMAX, "interpolate": Blend.PROBABILITIES}, {}),
    ],
    ids=str,
)
def test_where_the_highest_channels_are_not_enough(grid, output, asked):
    wanted = {"want_probabilities": False, "confidence_layers": 0, **asked}
    assert not needs_highest_alone(prepared_of(grid), make_output(**output), **wanted)
