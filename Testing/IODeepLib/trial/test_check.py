"""What looks wrong when a model is tried on a series: turned axes, values, empty results."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command import Answer, refused
from makers import networks
from makers.recipes import label, recipe
from makers.series import Stack
from onnx import helper, numpy_helper
from PIL import Image

from IODeepLib.publish import pack
from IODeepLib.trial.picture import network_view

# The networks' last axis is X.
SHAPE = (12, 20, 24)


def rising() -> onnx.ModelProto:
    """Finds what becomes brighter along the last axis, and knows nothing of what becomes darker."""
    kernel = np.zeros((1, 1, 1, 1, 3), np.float32)
    kernel[..., 0], kernel[..., 2] = -1, 1
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["slope"], pads=[0, 0, 1, 0, 0, 1]),
        helper.make_node("Relu", ["slope"], ["up"]),
        helper.make_node("Mul", ["up", "times"], ["strong"]),
        helper.make_node("Mul", ["up", "zero"], ["nothing"]),
        helper.make_node("Concat", ["nothing", "strong"], ["y"], axis=1),
    ]
    weights = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.array(0.1, np.float32), "times"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
    ]
    return networks.model(nodes, weights, {"image": [None, 1, None, None, None]}, "y")


def model_of(folder: Path, **changes: Any) -> Path:
    """A packed model that finds what becomes brighter toward the patient's left."""
    given = recipe(
        schema="iodeep-recipe/2",
        input={"orientation": "LPS", "patch_size": [12, 16, 16], **changes},
        output={"activation": "softmax", "labels": [label(1, "Rise")]},
    )
    network = networks.save(rising(), folder / "network.onnx")
    pack(network, given, folder / "model")
    return folder / "model"


def series_of(folder: Path, voxels: np.ndarray | None = None) -> Path:
    """An axial series: columns grow toward the left, and the values with them."""
    if voxels is None:
        along = np.maximum(np.arange(SHAPE[2]) - 6, 0) * 20
        voxels = np.broadcast_to(along, SHAPE)
    return Stack(voxels.astype(np.int16), (2.0, 1.5, 1.0)).write(folder / "series")


def checked(iodeep: Callable[..., Answer], model: Path, series: Path) -> dict[str, Any]:
    answer = iodeep("check", model, series, "--out", series.parent / "out", "--json")
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def test_an_image_that_lies_right(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    found = checked(iodeep, model_of(tmp_path), series_of(tmp_path))
    assert found["odd"] == []
    assert found["found"]["Rise"] > 0
    as_it_lies, *turned = found["turns"][""]
    assert as_it_lies["turn"] == ""
    assert as_it_lies["confidence"] > max(one["confidence"] for one in turned) - 0.01
    assert len(turned) == 7 + 3
    names = [Path(file).name for file in found["files"]]
    assert names == ["result.png", "network-1-1.png"]
    for file in found["files"]:
        Image.open(file).verify()


@pytest.mark.parametrize(
    ("orientation", "axis_order", "turn"),
    [
        ("RPS", "NCZYX", "X turned round"),
        ("RAS", "NCZYX", "X turned round"),
        ("LPS", "NCZXY", "X and Y in each other's place"),
        ("PLS", "NCZYX", "Y and X in each other's place"),
    ],
)
def test_axes_that_are_turned(
    tmp_path: Path, iodeep: Callable[..., Answer], orientation: str, axis_order: str, turn: str
) -> None:
    model = model_of(tmp_path, orientation=orientation, axis_order=axis_order)
    found = checked(iodeep, model, series_of(tmp_path))
    [words] = [one for one in found["odd"] if "surer" in one]
    assert f"surer with {turn}: " in words


def test_a_constant_image_and_an_empty_result(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    found = checked(iodeep, model_of(tmp_path), series_of(tmp_path, np.zeros(SHAPE)))
    assert "nothing was found" in found["odd"]
    assert "the network sees the same value everywhere in channel image: 0" in found["odd"]
    assert found["turns"] == {"": []}


@pytest.mark.parametrize(
    ("intensity", "words"),
    [
        ([{"step": "clip", "lower": -1000, "upper": 0}, {"step": "min_max"}], "at least 0"),
        ([{"step": "window", "center": 3000, "width": 100}], "at most 2950"),
        ([{"step": "scale_offset", "scale": 1000}], "trained on values around 1"),
        ([{"step": "z_score", "mean": -5000, "std": 100}], "standard deviations"),
    ],
)
def test_values_that_the_recipe_does_not_expect(
    tmp_path: Path, iodeep: Callable[..., Answer], intensity: list[dict[str, Any]], words: str
) -> None:
    found = checked(iodeep, model_of(tmp_path, intensity=intensity), series_of(tmp_path))
    assert any(words in one for one in found["odd"]), found["odd"]


def test_an_image_that_is_small_for_the_patch(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    found = checked(iodeep, model_of(tmp_path, patch_size=[24, 48, 48]), series_of(tmp_path))
    assert any("fills 10% of a patch" in one for one in found["odd"]), found["odd"]


def test_a_series_that_does_not_fit_is_looked_at_all_the_same(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    given = recipe(
        input={"orientation": "LPS", "patch_size": [12, 16, 16]},
        output={"activation": "softmax", "labels": [label(1, "Rise")]},
        applies_to={"slices": {"min": 500}},
    )
    pack(networks.save(rising(), folder / "n.onnx"), given, folder / "model")
    found = checked(iodeep, folder / "model", series_of(tmp_path))
    assert any(one.startswith("it does not fit: ") for one in found["odd"])
    assert [Path(file).name for file in found["files"]] == ["network-1-1.png"]


def test_nothing_is_written_over_something(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    model, series = model_of(tmp_path), series_of(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    refused(iodeep("check", model, series, "--out", tmp_path / "out"), 4)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_the_view_shows_the_arrays_own_axes() -> None:
    """A bright first corner is at the top left of each slice; labels are in the lower row alone."""
    channel = np.zeros((10, 20, 30), np.float32)
    channel[:5, :10, :15] = 1
    labels = np.zeros(channel.shape, np.uint16)
    labels[2, 3, 4] = 1
    known = recipe(output={"labels": [label(1, "Spot", color=[255, 0, 0])]}).output.labels
    data = network_view(channel, labels, known, "ZYX", "SPL", (3.0, 2.0, 1.0), "title")
    pixels = np.asarray(Image.open(BytesIO(data))).astype(int)
    red = (pixels[..., 0] > pixels[..., 1] + 40).nonzero()
    assert len(red[0]) > 0
    assert red[0].min() > pixels.shape[0] // 2, "above, the image stands without labels"
    half = pixels.shape[0] // 2
    for column in range(3):
        cell = pixels[60:half, column * 416 : (column + 1) * 416].sum(axis=-1)
        bright = (cell[30:] > 700).nonzero()
        assert np.median(bright[1]) < 416 / 2 - 20
