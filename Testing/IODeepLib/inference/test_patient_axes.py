"""Grids along the axes of the patient, judged by scipy at each point."""

from __future__ import annotations

import numpy as np
import pytest
from makers.recipes import label, recipe
from scipy import ndimage

from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.decision import decide
from IODeepLib.inference.preprocess import prepare
from IODeepLib.recipe import Axes, Channel, Conform, Input, Interpolation, Outside, ScaleOffset

SHAPE = (20, 24, 22)
STRAIGHT = np.array([[0, 0, 0.9, -40], [0, 1.1, 0, 12], [1.3, 0, 0, 600], [0, 0, 0, 1]])
CONFORM = Conform((1.0, 1.2, 0.8), (26, 15, 32), axes=Axes.PATIENT)


def turned(*angles):
    affine = STRAIGHT.copy()
    for axis, angle in enumerate(angles):
        i, j = (k for k in range(3) if k != axis)
        turn = np.eye(4)
        turn[[i, i, j, j], [i, j, i, j]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        affine = turn @ affine
    return affine


def series(affine, dtype=np.float32):
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=SHAPE), 1.5)
    return Volume((smooth * 1000).astype(dtype), Grid(SHAPE, affine, "1.2.3"))


def make_input(grid=CONFORM, **changes):
    return Input(channels=(Channel("T1"),), grid=grid, **{"orientation": "LIA", **changes})


def make_output(**changes):
    whole = {"channels": 3, "labels": [label(1), label(2)], "decide_on": "network"}
    return recipe(output=whole | changes).output


OBLIQUE = [turned(0.2, -0.1, 0.3), turned(0, 0, 0.02), turned(0.6, 0.5, 0)]


@pytest.mark.parametrize("affine", OBLIQUE)
@pytest.mark.parametrize("orientation", ["LIA", "RAS", "SPL"])
@pytest.mark.parametrize("outside", [Outside.MINIMUM, Outside.ZERO, Outside.EDGE])
def test_an_oblique_series_is_turned(affine, orientation, outside):
    volume = series(affine)
    grid = Conform((1.0, 1.2, 0.8), (26, 15, 32), axes=Axes.PATIENT, outside=outside)
    prepared = prepare([volume], make_input(grid, orientation=orientation, axis_order="NCXYZ"))
    assert prepared.array.shape == (1, 26, 15, 32)
    # One patient axis for each, exactly, in the order and directions that were asked for.
    sides = {"L": 0, "R": 0, "P": 1, "A": 1, "S": 2, "I": 2}
    directions = prepared.network.directions
    for i, letter in enumerate(orientation):
        unit = np.zeros(3)
        unit[sides[letter]] = 1 if letter in "LPS" else -1
        np.testing.assert_array_equal(directions[:, i], unit)
    middles = [one.point((np.array(one.shape) - 1) / 2) for one in (prepared.network, volume.grid)]
    np.testing.assert_allclose(*middles, atol=1e-9)
    points = prepared.network.point(np.moveaxis(np.indices(prepared.network.shape), 0, -1))
    index = np.moveaxis(volume.grid.index(points), -1, 0)
    judge = ndimage.map_coordinates(volume.array, index, order=1, mode="nearest")
    # Beside an edge it may be said otherwise, so near is it to a rounding.
    inside = np.all([(x > -0.49) & (x < n - 0.51) for x, n in zip(index, SHAPE, strict=True)], 0)
    beyond = np.any([(x < -0.51) | (x > n - 0.49) for x, n in zip(index, SHAPE, strict=True)], 0)
    np.testing.assert_allclose(prepared.array[0][inside], judge[inside], rtol=0, atol=0.05)
    if outside is not Outside.EDGE:
        value = volume.array.min() if outside is Outside.MINIMUM else 0
        assert (prepared.array[0][beyond] == value).all()
    assert 0.2 < inside.mean() < 0.9 and (inside | beyond).mean() > 0.9


@pytest.mark.parametrize("orientation", ["LIA", "RAS", "SPL"])
@pytest.mark.parametrize("shape", [(20, 24, 22), (21, 25, 23), (17, 31, 40)])
def test_a_straight_series_is_conformed_by_whole_voxels(orientation, shape):
    volume = series(STRAIGHT)
    spacing = tuple(volume.oriented(orientation).grid.spacing)
    both = [
        prepare(
            [volume],
            make_input(
                Conform(spacing, shape, axes=axes), orientation=orientation, axis_order="NCXYZ"
            ),
        )
        for axes in Axes
    ]
    np.testing.assert_array_equal(both[0].array, both[1].array)
    assert both[0].network.same_as(both[1].network) and both[0].box == both[1].box
    # Nothing was interpolated; the odd voxel is behind.
    inner = both[1].turned_source.index(both[1].network.origin)
    old = np.array(both[1].turned_source.shape)
    wanted = [(o - n) // 2 if o > n else -((n - o) // 2) for o, n in zip(old, shape, strict=True)]
    np.testing.assert_allclose(inner, wanted, atol=1e-9)


@pytest.mark.parametrize("affine", OBLIQUE)
@pytest.mark.parametrize("orientation", ["LIA", "SPL"])
def test_labels_come_back_from_the_nearest_voxel(affine, orientation):
    volume = series(affine)
    prepared = prepare([volume], make_input(orientation=orientation))
    scores = np.random.default_rng(1).normal(size=(3, *prepared.network.shape)).astype(np.float32)
    output = make_output()
    found = decide([(0, scores.copy())], prepared, output, want_probabilities=True)
    points = volume.grid.point(np.moveaxis(np.indices(SHAPE), 0, -1))
    index = np.moveaxis(prepared.network.index(points), -1, 0)
    n = np.array(prepared.network.shape).reshape(3, 1, 1, 1)
    at = np.floor(index + 0.5).astype(int)
    there = ((at >= 0) & (at < n)).all(0)
    judge = np.where(there, scores.argmax(0)[tuple(np.clip(at, 0, n - 1))], 0)
    clear = (np.abs(index % 1 - 0.5) > 1e-4).all(0)
    np.testing.assert_array_equal(found.array[clear], judge[clear])
    assert found.array.dtype == np.uint8 and found.grid is prepared.source
    assert found.probabilities.shape == (2, *SHAPE)
    assert 0.2 < there.mean() < 0.99 and clear.mean() > 0.99


def test_overlapping_labels_come_back_too():
    prepared = prepare([series(OBLIQUE[0])], make_input())
    scores = np.zeros((3, *prepared.network.shape), np.float32)
    scores[:2] = 1
    output = make_output(decision="threshold", labels=[label(i + 1) for i in range(3)])
    found = decide([(0, scores)], prepared, output).array
    assert found.shape == (3, *SHAPE)
    assert found[0].any() and not found[2].any()
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("interpolation", [Interpolation.CUBIC, Interpolation.NEAREST_EXACT])
def test_other_interpolations_at_an_angle(interpolation):
    volume = series(OBLIQUE[0])
    grid = Conform((1.0, 1.0, 1.0), (16, 16, 16), interpolation, axes=Axes.PATIENT)
    prepared = prepare([volume], make_input(grid, intensity=(ScaleOffset(2.0),)))
    points = prepared.network.point(np.moveaxis(np.indices((16, 16, 16)), 0, -1))
    index = np.moveaxis(volume.grid.index(points), -1, 0)
    order = 3 if interpolation is Interpolation.CUBIC else 0
    judge = ndimage.map_coordinates(volume.array, index, order=order, mode="nearest") * 2
    inside = np.all([(x > 0) & (x < n - 1) for x, n in zip(index, SHAPE, strict=True)], 0)
    np.testing.assert_allclose(prepared.array[0][inside], judge[inside], rtol=0, atol=0.05)


def test_scores_at_an_angle_are_not_decided_on_the_series():
    prepared = prepare([series(OBLIQUE[0])], make_input())
    scores = np.zeros((3, *prepared.network.shape), np.float32)
    with pytest.raises(ModelError, match=r"set output\.decide_on to 'network'"):
        decide([(0, scores)], prepared, make_output(decide_on="source"))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"orientation": "source"}, "$.input.orientation"),
        ({"axis_order": "NCYX", "grid": {"spacing": [1, 1], "shape": [8, 8]}}, "$.input.grid.axes"),
        ({"grid": {"interpolation": "area"}}, "$.input.grid.interpolation"),
    ],
)
def test_what_the_axes_of_the_patient_cannot_be_asked_with(changes, where):
    grid = {"mode": "conform", "spacing": [1, 1, 1], "shape": [8, 8, 8], "axes": "patient"}
    with pytest.raises(RecipeError) as caught:
        recipe(input=changes | {"grid": grid | changes.get("grid", {})})
    assert f"{where}: " in caught.value.found
