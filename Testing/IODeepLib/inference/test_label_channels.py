"""Labels of earlier stages as channels, where they look, and what they paint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.recipes import label, recipe
from makers.staged_recipes import IMAGE, label_channel, stage, staged

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.preprocess import Earlier, prepare
from IODeepLib.inference.region import Painting, region_box
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Input, Label, Region

LABELS = recipe(
    output={"channels": 301, "labels": [label(1, "A"), label(2, "B"), label(300, "C")]}
).labels
SHAPE, SPACING = (6, 9, 8), (3.0, 1.5, 0.7)
GRID = Grid(SHAPE, np.diag([*SPACING, 1.0]))


def input_of(*names: str, **changes: Any) -> Input:
    """An input of the image and of channels with labels of these names."""
    channels = [IMAGE, *(label_channel("low", name) for name in names)]
    asked = staged(
        stage("low", *({"value": one.value, **label(one.value, one.name)} for one in LABELS)),
        stage(
            "full", label(1, "A"), input={"channels": channels, "axis_order": "NCXYZ", **changes}
        ),
    )
    return asked.stages[1].input


def found_at_random(seed: int = 0) -> Segmentation:
    values = np.array([0, 1, 2, 300], np.uint16)
    array = values[np.random.default_rng(seed).integers(0, 4, SHAPE)]
    return Segmentation(array, GRID, LABELS)


def prepared(input_: Input, found: Segmentation, array: np.ndarray | None = None) -> np.ndarray:
    array = np.ones(SHAPE, np.float32) if array is None else array
    return prepare([Volume(array, GRID)], input_, earlier=Earlier({"low": found})).array


@pytest.mark.parametrize("way", ["nearest-exact", "per_class"])
def test_on_the_series_own_voxels_they_are_what_they_are(way: str) -> None:
    found = found_at_random()
    array = prepared(input_of("C", "A", label_interpolation=way), found)
    np.testing.assert_array_equal(array[0], 1)
    np.testing.assert_array_equal(array[1], found.array == 300)
    np.testing.assert_array_equal(array[2], found.array == 1)
    assert array.dtype == np.float32


def test_they_are_turned_and_cropped_as_the_image_is() -> None:
    image = np.zeros(SHAPE, np.float32)
    image[1:4, 2:7, 3:6] = np.arange(1, 46).reshape(3, 5, 3)
    found = found_at_random()
    changes = {"orientation": "RSA", "axis_order": "NCYXZ", "crop": "nonzero"}
    array = prepared(input_of("B", **changes), found, image)
    turned = found.array[1:4, 2:7, 3:6][::-1, ::-1].transpose(2, 0, 1)  # LPS to SRA
    np.testing.assert_array_equal(array[1], turned == 2)
    late = {"crop": {"above": 0, "on": "network"}, "orientation": "RSA", "axis_order": "NCYXZ"}
    np.testing.assert_array_equal(prepared(input_of("B", **late), found, image), array)


def line(values: list[int], shape: list[int], way: str) -> list[list[float]]:
    """The channels A and B of labels along one axis, brought to another number of voxels."""
    grid = Grid((len(values), 1, 1), np.eye(4))
    found = Segmentation(np.array(values, np.uint8)[:, None, None], grid, LABELS)
    resize = {"mode": "resize", "shape": shape}
    input_ = input_of("A", "B", grid=resize, label_interpolation=way)
    volume = Volume(np.ones(grid.shape, np.float32), grid)
    return prepare([volume], input_, earlier=Earlier({"low": found})).array[1:, :, 0, 0].tolist()


def test_the_class_that_has_most_wins() -> None:
    """Three voxels for five: the second lies at 0.4, the fourth at 1.6."""
    a, b = line([1, 2, 0], [5, 1, 1], "per_class")
    assert a == [1, 1, 0, 0, 0]
    assert b == [0, 0, 1, 0, 0]  # at 1.6 the background has more


def test_of_equals_the_nearest_wins_as_in_the_peer() -> None:
    """At 0.5 and 2.5 two have half each; nearest-exact takes the upper one."""
    assert line([1, 2, 2, 1], [2, 1, 1], "per_class") == [[0, 1], [1, 0]]
    assert line([1, 2, 2, 1], [2, 1, 1], "nearest-exact") == [[0, 1], [1, 0]]


def test_of_equals_that_are_not_the_nearest_the_lowest_wins() -> None:
    """In the middle of eight voxels A and B have three each, and the nearest is one of C's two."""
    grid = Grid((2, 2, 2), np.eye(4))
    values = np.array([300, 1, 1, 1, 2, 2, 2, 300], np.uint16).reshape(2, 2, 2)
    one = {"mode": "resize", "shape": [1, 1, 1]}
    input_ = input_of("A", "B", "C", grid=one, label_interpolation="per_class")
    volume = Volume(np.ones(grid.shape, np.float32), grid)
    found = {"low": Segmentation(values, grid, LABELS)}
    array = prepare([volume], input_, earlier=Earlier(found)).array
    assert array[1:].ravel().tolist() == [1, 0, 0]


def test_classes_that_are_no_channel_count_as_well() -> None:
    """B at 0.6 of it has less than A, and more than the background, which has nothing."""
    [a, b] = line([1, 2], [5, 1, 1], "per_class")
    assert a == [1, 1, 0, 0, 0]
    assert b == [0, 0, 1, 1, 1]
    grid = Grid((2, 1, 1), np.eye(4))
    found = Segmentation(np.array([1, 2], np.uint8)[:, None, None], grid, LABELS)
    input_ = input_of("B", grid={"mode": "resize", "shape": [5, 1, 1]})
    volume = Volume(np.ones(grid.shape, np.float32), grid)
    alone = prepare([volume], input_, earlier=Earlier({"low": found})).array[1, :, 0, 0]
    assert alone.tolist() == b


@pytest.mark.parametrize("way", ["nearest-exact", "per_class"])
def test_beyond_the_image_there_are_no_labels(way: str) -> None:
    grid = Grid((4, 4, 4), np.eye(4))
    found = Segmentation(np.full(grid.shape, 2, np.uint8), grid, LABELS)
    conform = {"mode": "conform", "spacing": [1, 1, 1], "shape": [8, 6, 2], "outside": "edge"}
    input_ = input_of("B", grid=conform, label_interpolation=way)
    volume = Volume(np.ones(grid.shape, np.float32), grid)
    array = prepare([volume], input_, earlier=Earlier({"low": found})).array[1]
    expected = np.zeros((8, 6, 2))
    expected[2:6, 1:5] = 1
    np.testing.assert_array_equal(array, expected)


def test_labels_that_overlap() -> None:
    layers = np.random.default_rng(2).integers(0, 2, (3, *SHAPE)).astype(np.uint8)
    array = prepared(input_of("C", "A"), Segmentation(layers, GRID, LABELS))
    np.testing.assert_array_equal(array[1], layers[2])
    np.testing.assert_array_equal(array[2], layers[0])


def test_channels_in_any_order_with_steps_of_their_own() -> None:
    doubled = {**label_channel("low", "B"), "intensity": [{"step": "scale_offset", "scale": 2}]}
    asked = staged(
        stage("low", *(label(one.value, one.name) for one in LABELS)),
        stage(
            "full",
            label(1, "A"),
            input={
                "channels": [doubled, IMAGE, label_channel("low", "A"), {"name": "T2"}],
                "axis_order": "NCXYZ",
                "intensity": [{"step": "min_max", "upper": 7, "per": "image"}],
            },
        ),
    )
    found = found_at_random()
    first, second = (np.full(SHAPE, value, np.float32) for value in (10, 30))
    first[0, 0, 0] = 0
    volumes = [Volume(array, GRID) for array in (first, second)]
    input_ = asked.stages[1].input
    array = prepare(volumes, input_, earlier=Earlier({"low": found})).array
    np.testing.assert_array_equal(array[0], 2 * (found.array == 2))
    np.testing.assert_allclose(array[1], first * 7 / 30, rtol=1e-6)
    np.testing.assert_array_equal(array[2], found.array == 1)
    np.testing.assert_array_equal(array[3], 7)


# Regions.


@given(st.integers(0, 2**32 - 1), st.floats(0, 8), st.booleans(), st.sampled_from([None, "A", "C"]))
@settings(max_examples=60, deadline=None)
def test_the_box_around_labels(
    seed: int, margin: float, overlapping: bool, name: str | None
) -> None:
    rng = np.random.default_rng(seed)
    layers = (rng.random((3, *SHAPE)) < 0.004).astype(np.uint8)
    if overlapping:
        found = Segmentation(layers, GRID, LABELS)
    else:
        array = np.zeros(SHAPE, np.uint16)
        for one, layer in zip(LABELS, layers, strict=True):
            array[layer > 0] = one.value
        found = Segmentation(array, GRID, LABELS)
    region = Region("low", None if name is None else (name,), margin)
    chosen = [one for one in LABELS if name in (None, one.name)]
    mask = np.any([found.mask(one) for one in chosen], axis=0)
    box = region_box(found, region)
    if not mask.any():
        assert box is None
        return
    assert box is not None
    for axis, part in enumerate(box):
        places = np.nonzero(mask)[axis]
        voxels = int(margin / SPACING[axis] + 1e-6)
        assert part.start == max(0, places.min() - voxels)
        assert part.stop == min(SHAPE[axis], places.max() + 1 + voxels)


def test_a_margin_of_just_so_many_voxels_is_that_many() -> None:
    """0.7 mm three times is a little less than 2.1 mm in binary fractions."""
    array = np.zeros(SHAPE, np.uint16)
    array[3, 4, 4] = 1
    found = Segmentation(array, GRID, LABELS)
    assert region_box(found, Region("low", None, 0.7 * 3)) == (
        slice(3, 4),
        slice(3, 6),
        slice(1, 8),
    )


def test_painting_keeps_what_others_left() -> None:
    half = Label(**{key: getattr(LABELS[2], key) for key in LABELS[2].__struct_fields__})
    painting = Painting(LABELS, GRID, overlapping=False, probable=False)
    first = Segmentation(np.ones(SHAPE, np.uint8), GRID, LABELS[:1])
    painting.add(first, (slice(0, 6), slice(0, 9), slice(0, 8)))
    box = (slice(1, 3), slice(0, 2), slice(5, 8))
    array = np.zeros((2, 2, 3), np.uint16)
    array[0, 0, 0] = 300
    painting.add(Segmentation(array, GRID.cropped((1, 0, 5), (2, 2, 3)), (half,)), box)
    expected = np.ones(SHAPE)
    expected[1, 0, 5] = 300
    np.testing.assert_array_equal(painting.segmentation().array, expected)
