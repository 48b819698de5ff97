"""Ways from the network's voxels to those of the series, judged by scipy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from makers.recipes import label, recipe
from scipy import ndimage, special

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference import labels_on_source
from IODeepLib.inference.decision import decide
from IODeepLib.inference.preprocess import prepare
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import (
    Anchor,
    Channel,
    Conform,
    CropAbove,
    Input,
    Interpolation,
    Native,
    OnGrid,
    Resize,
    SeparateAxis,
    Spacing,
)

SHAPE = (9, 12, 14)
AFFINE = np.array([[0.1, 0.02, 0.8, -40], [0.05, 0.9, 0, 12], [2.0, 0, 0.01, 600], [0, 0, 0, 1]])
# Where two scores are closer, or a score and what it is compared with, float32 may differ.
CLOSE = 1e-4
GRIDS = [
    Spacing((1.1, 1.7, 0.6), anchor=Anchor.EXTENT),
    Spacing((1.1, 0.7, 1.5), anchor=Anchor.FIRST_VOXEL),
    Resize((5, 20, 14)),
    Conform((1.3, 1.3, 1.3), (9, 6, 20)),
    Native(),
]


def prepared_of(grid, orientation="LPS", affine=AFFINE, shape=SHAPE, **changes):
    rng = np.random.default_rng(0)
    source = Volume(rng.integers(1, 100, shape).astype(np.int16), Grid(shape, affine))
    input_ = Input(channels=(Channel("image"),), orientation=orientation, grid=grid, **changes)
    return prepare([source], input_)


def make_output(values=(1, 2, 3), **changes):
    labels = [label(value, channel=i + 1) for i, value in enumerate(values)]
    return recipe(output={"channels": 4, "labels": labels, **changes}).output


def random_scores(prepared, channels=4, scale=3.0):
    rng = np.random.default_rng(1)
    return rng.normal(scale=scale, size=(channels, *prepared.network.shape)).astype(np.float32)


def in_slabs(scores, depth=3):
    """Slabs that share one buffer, which is spoilt as soon as the next one is asked for."""
    buffer = np.empty((len(scores), depth, *scores.shape[2:]), np.float32)
    for start in range(0, scores.shape[1], depth):
        part = scores[:, start : start + depth]
        buffer[:, : part.shape[1]] = part
        yield start, buffer[:, : part.shape[1]]
        buffer[...] = np.nan


def places(prepared):
    """(3, a0, a1, a2) where the voxels of the series lie on the network's, and which are seen."""
    points = prepared.source.point(np.moveaxis(np.indices(prepared.source.shape), 0, -1))
    seen = np.zeros(prepared.source.shape, bool)
    prepared.axis_map.apply(seen)[prepared.box] = True
    return np.moveaxis(prepared.network.index(points), -1, 0), seen


def interpolated(arrays, index):
    return np.stack(
        [ndimage.map_coordinates(a.astype(float), index, order=1, mode="nearest") for a in arrays]
    )


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("decision", ["argmax", "threshold", "regions"])
def test_probabilities_are_interpolated(grid, activation, decision):
    prepared = prepared_of(grid)
    scores = random_scores(prepared)
    output = make_output(
        activation=activation, decision=decision, interpolate="probabilities", threshold=0.4
    )
    result = decide(in_slabs(scores), prepared, output, want_probabilities=True)
    probable = special.softmax(scores, axis=0) if activation == "softmax" else special.expit(scores)
    index, seen = places(prepared)
    values = interpolated(probable, index)
    np.testing.assert_allclose(
        result.probabilities[:, seen], values[1:, seen] * 255, rtol=0, atol=0.51
    )
    if decision == "argmax":
        best = np.sort(values, axis=0)
        clear = best[-1] - best[-2] > CLOSE
        judge = values.argmax(0)
    else:
        clear = (np.abs(values[1:] - 0.4) > CLOSE).all(0)
        masks = values[1:] > 0.4
        judge = masks
        if decision == "regions":
            judge = np.zeros(SHAPE, int)
            for i, mask in enumerate(masks):
                judge[mask] = i + 1
    clear &= seen
    np.testing.assert_array_equal(result.array[..., clear], judge[..., clear])
    assert clear.mean() > 0.97 * seen.mean()


def test_probabilities_are_not_what_scores_decide():
    prepared = prepared_of(GRIDS[0])
    scores = random_scores(prepared, scale=8)
    found = [
        decide(in_slabs(scores), prepared, make_output(activation="softmax", interpolate=what))
        for what in ("scores", "probabilities")
    ]
    assert (found[0].array != found[1].array).mean() > 0.02


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("how", ["nearest-exact", "nearest-even", "linear"])
@pytest.mark.parametrize("orientation", ["LPS", "SRA"])
@pytest.mark.parametrize("decision", ["argmax", "threshold", "labels"])
def test_labels_from_the_networks_voxels(grid, how, orientation, decision, monkeypatch):
    monkeypatch.setattr(labels_on_source, "_TOGETHER", 400)  # several pieces
    prepared = prepared_of(grid, orientation)
    scores = random_scores(prepared, 1 if decision == "labels" else 4)
    changes = {"channels": 1} if decision == "labels" else {}
    labels = [label(i, channel=i) for i in (1, 2, 3)] if decision == "argmax" else None
    output = recipe(
        output={
            "channels": 4,
            "labels": labels or [label(i + 1) for i in range(3)],
            "decision": decision,
            "decide_on": "network",
            "label_interpolation": how,
            **changes,
        }
    ).output
    result = decide(in_slabs(scores), prepared, output)
    decided = {
        "argmax": lambda: scores.argmax(0)[None],
        "threshold": lambda: scores[:3] > 0.5,
        "labels": lambda: np.where((scores > 0.5) & (scores < 3.5), np.rint(scores), 0),
    }[decision]()
    index, seen = places(prepared)
    if how == "linear":
        values = interpolated(decided, index)
        clear = (np.abs(np.abs(values - np.floor(values)) - 0.5) > CLOSE).all(0) & seen
        judge = np.rint(values)
    else:
        n = np.array(prepared.network.shape).reshape(3, 1, 1, 1)
        at = np.rint(index) if how == "nearest-even" else np.floor(index + 0.5)
        clear = (np.abs(index % 1 - 0.5) > 1e-5).all(0) & seen
        judge = decided[:, *np.clip(at, 0, n - 1).astype(int)]
    array = result.array if result.overlapping else result.array[None]
    np.testing.assert_array_equal(array[:, clear], judge[:, clear])
    assert (array[:, ~seen] == 0).all()
    assert clear.mean() > 0.4 * seen.mean()


def test_halves_between_two_labels_go_to_the_even_voxel():
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    grid = Spacing((1.0, 1.0, 2.0), anchor=Anchor.FIRST_VOXEL)
    prepared = prepared_of(grid, "LPS", affine, (3, 3, 13), axis_order="NCXYZ")
    assert prepared.network.shape == (3, 3, 7)
    scores = np.zeros((8, 3, 3, 7), np.float32)
    scores[np.arange(7) + 1, ..., np.arange(7)] = 1
    output = recipe(
        output={
            "channels": 8,
            "labels": [label(i) for i in range(1, 8)],
            "decide_on": "network",
            "label_interpolation": "nearest-even",
        }
    ).output
    found = decide([(0, scores)], prepared, output).array
    assert found[1, 1].tolist() == [1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7, 7]


@pytest.mark.parametrize("how", ["nearest-exact", "nearest-even", "linear"])
def test_the_outer_labels_go_on_where_voxels_reach_less_far(how):
    prepared = prepared_of(Spacing((5.0, 0.9, 9.0)))
    scores = np.zeros((4, *prepared.network.shape), np.float32)
    scores[2] = 1
    output = make_output(decide_on="network", label_interpolation=how)
    assert (decide(in_slabs(scores), prepared, output).array == 2).all()


def test_label_values_are_no_scores():
    """They stay what they are, whatever else a recipe says that nobody can have meant."""
    prepared = prepared_of(Native())
    scores = np.random.default_rng(0).integers(0, 4, (1, *SHAPE)).astype(np.float32)
    output = recipe(
        output={
            "channels": 1,
            "labels": [label(1), label(2), label(3)],
            "decision": "labels",
            "activation": "sigmoid",
            "interpolate": "probabilities",
        }
    ).output
    np.testing.assert_array_equal(decide(in_slabs(scores), prepared, output).array, scores[0])


def test_what_lies_between_two_labels_and_is_none_is_background():
    prepared = prepared_of(Resize((9, 12, 7)))
    scores = np.zeros((4, 9, 12, 7), np.float32)
    scores[1, ..., ::2], scores[2, ..., 1::2] = 1, 1
    output = make_output((2, 5), decide_on="network", label_interpolation="linear")
    found = decide(in_slabs(scores), prepared, output).array
    # Between 2 and 5 lie 2.75 and 4.25: 3 and 4, which no label has.
    assert (found[..., 1:-1] == 0).all()
    assert (found[..., [0, -1]] == 2).all()


@pytest.mark.parametrize("how", ["nearest-exact", "linear"])
def test_work_on_the_networks_voxels(how):
    prepared = prepared_of(Resize((5, 20, 14)))
    scores = random_scores(prepared)
    output = make_output(decide_on="network", label_interpolation=how)
    given = []

    def without_ones(found):
        given.append(found)
        array = np.where(found.array == 1, 0, found.array)
        return Segmentation(array, found.grid, found.labels, found.probabilities)

    ours = decide(
        in_slabs(scores), prepared, output, want_probabilities=True, on_network=without_ones
    )
    assert given[0].grid.same_as(prepared.network)
    np.testing.assert_array_equal(given[0].array, scores.argmax(0))
    assert ours.probabilities.shape == (3, *SHAPE)
    if how == "nearest-exact":
        index, _ = places(prepared)
        last = np.array([4, 19, 13]).reshape(3, 1, 1, 1)
        at = np.clip(np.floor(index + 0.5), 0, last).astype(int)
        judge = without_ones(given[0]).array[tuple(at)]
        clear = (np.abs(index % 1 - 0.5) > 1e-5).all(0)
        np.testing.assert_array_equal(ours.array[clear], judge[clear])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("across", [Interpolation.NEAREST_EXACT, Interpolation.LINEAR])
def test_scores_along_a_separate_axis(axis, across):
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = 4.0
    shape = (9, 12, 14)
    grid = Spacing(
        (1.3, 0.8, 1.1), anchor=Anchor.EXTENT, separate_axis=SeparateAxis(interpolation=across)
    )
    # a0, a1, a2 are P, S and L here.
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[[2, 0, 1]] * spacing
    prepared = prepared_of(grid, "LPS", affine, shape, axis_order="NCYZX")
    scores = random_scores(prepared)
    index, _ = places(prepared)
    if across is Interpolation.NEAREST_EXACT:
        index[axis] = np.floor(index[axis] + 0.5 + 1e-6)
    values = interpolated(scores, index)
    best = np.sort(values, axis=0)
    clear = best[-1] - best[-2] > CLOSE
    found = decide(in_slabs(scores), prepared, make_output()).array
    np.testing.assert_array_equal(found[clear], values.argmax(0)[clear])
    assert clear.mean() > 0.99


def test_beyond_a_crop_on_the_networks_voxels_is_background():
    volume = Volume(np.ones(SHAPE, np.int16), Grid(SHAPE, AFFINE))
    volume.array[2:5, 3:9, 4:6] = 7
    for grid in (Native(), Spacing((1.6, 0.45, 1.0)), Spacing((0.4, 1.8, 1.1))):
        input_ = Input(
            channels=(Channel("image"),),
            orientation="LPS",
            grid=grid,
            crop=CropAbove(above=3, on=OnGrid.NETWORK),
        )
        prepared = prepare([volume], input_)
        scores = np.zeros((4, *prepared.network.shape), np.float32)
        scores[2] = 1
        found = decide(in_slabs(scores), prepared, make_output()).array
        assert (found[2:5, 3:9, 4:6] == 2).all()
        assert (found == 2).sum() < 0.35 * found.size


@pytest.mark.parametrize("grid", [*GRIDS[:2], Spacing((1.6, 0.45, 1.0)), Native()], ids=str)
@pytest.mark.parametrize("orientation", ["LPS", "ARI"])
@pytest.mark.parametrize("depth", [1, 4, 99])
@pytest.mark.parametrize("what", ["scores", "probabilities"])
def test_scores_go_down_to_zero_around_a_crop(grid, orientation, depth, what):
    volume = Volume(np.full(SHAPE, -1.3, np.float32), Grid(SHAPE, AFFINE))
    volume.array[2:6, 3:, 4:10] = 7  # to the end of one axis
    crop = CropAbove(on=OnGrid.NETWORK)
    input_ = Input(channels=(Channel("image"),), orientation=orientation, grid=grid, crop=crop)
    prepared = prepare([volume], input_)
    scores = random_scores(prepared)
    output = make_output(activation="sigmoid", interpolate=what)
    found = decide(in_slabs(scores, depth), prepared, output).array
    given = special.expit(scores) if what == "probabilities" else scores
    index, _ = places(prepared)
    for axis, (before, behind) in enumerate(prepared.cut):
        n = prepared.network.shape[axis]
        low, high = (None if before else 0), (None if behind else n - 1)
        if low is not None or high is not None:
            index[axis] = np.clip(index[axis], low, high)
    values = np.stack(
        [
            ndimage.map_coordinates(one.astype(float), index, order=1, mode="grid-constant")
            for one in given
        ]
    )
    n = np.array(prepared.network.shape).reshape(3, 1, 1, 1)
    between = ((index > -1 + 1e-3) & (index < n - 1e-3)).all(axis=0)
    best = np.sort(values, axis=0)
    clear = (best[-1] - best[-2] > CLOSE) | ~between
    np.testing.assert_array_equal(found[clear], np.where(between, values.argmax(0), 0)[clear])
    assert 0.1 < between.mean() < 0.9 and clear.mean() > 0.95
