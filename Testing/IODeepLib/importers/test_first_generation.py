"""The first IODeep program's description of a network: literals alone; every layer by its name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Answer, refused
from makers.first_generation import unet, write

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.importers.first_generation.architecture import Architecture, read_architecture
from IODeepLib.importers.first_generation.conversion import Choices
from IODeepLib.importers.first_generation.layers import convert
from IODeepLib.importers.first_generation.weights import Unit
from IODeepLib.network.onnx_runtime import onnx_runtime


@pytest.mark.parametrize("written", [json.dumps, repr, lambda value: f"\n {value!r} \n"])
def test_json_and_python_are_read_alike(written: Callable[[object], str]) -> None:
    found = read_architecture(written(unet(3)))
    assert [layer.code for layer in found.layers][:4] == [
        *("doubleConv", "Maxpool2d", "doubleConv", "Maxpool2d"),
    ]
    assert [layer.width for layer in found.layers] == [8, None, 16, None, 32, None, 16, None, 8, 1]
    assert {layer.number: layer.joined for layer in found.layers if layer.joined} == {6: 3, 8: 1}
    assert found.layers[1].kernel == 2
    assert found.input_shape(None) == (3, 32, 48)


@pytest.mark.parametrize(
    ("data_format", "channels", "shape"),
    [
        ("channels_last", None, (3, 32, 48)),
        ("channels_first", None, (32, 48, 3)),
        ("channels_first", 3, (3, 32, 48)),  # the weights know better
        ("channels_last", 32, (32, 48, 3)),
        (None, 3, (3, 32, 48)),
        (None, None, (32, 48, 3)),
    ],
)
def test_the_order_of_the_sizes(
    data_format: str | None, channels: int | None, shape: tuple[int, ...]
) -> None:
    description = unet(3) | {"data_format": {"data_format": data_format}}
    if data_format is None:
        del description["data_format"]
    assert read_architecture(repr(description)).input_shape(channels) == shape


HOSTILE = {
    "code": "__import__('os').mkdir('ran')",
    "code in a dictionary": "{'architecture': __import__('os').mkdir('ran')}",
    "a comprehension": "{str(i): i for i in range(10**9)}",
    "a power": "{'a': 9**9**9}",
    "brackets without end": "[" * 100_000,
    "brackets in brackets": "{'a': " + "(" * 90 + ")" * 90 + "}",
    "a long text": "{'a': '" + "x" * 300_000 + "'}",
    "signs without end": "-" * 150_000 + "1",
    "a long number": "{'a': " + "9" * 100_000 + "}",
    "nothing": "",
    "a null byte": "{'a': 1}\0",
    "a key twice": "{'architecture': {}, 'architecture': {}}",
    "a list": "[1, 2]",
    "numbers for names": "{1: 2}",
    "text": "unet",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_description_is_refused_and_not_run(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        read_architecture(text)
    assert list(tmp_path.iterdir()) == []


def changed(**sections: Any) -> dict[str, Any]:
    description = unet() | sections
    return {name: value for name, value in description.items() if value is not None}


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (changed(architecture=None), "without architecture"),
        (changed(architecture={}), "0 layers"),
        (changed(architecture={"1": "relu", "3": "relu"}), "not counted from 1"),
        (changed(architecture={"one": "relu"}), "'one'"),
        (changed(architecture={"1": ["relu"]}, skip_connection={}), "layer 1"),
        (changed(architecture={"01": "relu"}, skip_connection={}), "not counted from 1"),
        (changed(architecture={f"{i}": "relu" for i in range(1, 1002)}), "1001 layers"),
        (changed(convolutional={"cn1": 8}), "cn2 of layer 3: 'nothing'"),
        (changed(convolutional={"cn1": 0}), "cn1 of layer 1: 0"),
        (changed(convolutional={"cn1": True}), "'True'"),
        (changed(convolutional={"cn1": 2.5}), "'2.5'"),
        (changed(kernel={"kernel1": 10**7}), "kernel1 of layer 1"),
        (changed(input_shape={"input_shape0": -1}), "'-1'"),
        (changed(skip_connection={"5": "3"}), "from layer 5 to 3"),
        (changed(skip_connection={"1": "99"}), "from layer 1 to 99"),
        (changed(skip_connection={"1": "8", "3": "8"}), "from layer 3 to 8"),
        (changed(backend={"backend": "tensorflow"}), "tensorflow"),
        (changed(stride={"stride": 0}), "stride 0"),
    ],
)
def test_a_description_that_is_wrong(description: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        read_architecture(repr(description))


# Conversion; the layers themselves are held against PyTorch in Testing/judges.


def units(*shapes: tuple[int, ...]) -> list[Unit]:
    """Weights of these shapes, each of one module; of one size, batch normalization."""
    names = ("weight", "bias", "running_mean", "running_var")
    return [
        Unit(
            f"m{i}",
            dict.fromkeys(names, np.ones(shape, np.float32))
            if len(shape) == 1
            else {"weight": np.ones(shape, np.float32)},
        )
        for i, shape in enumerate(shapes)
    ]


def small(*codes: str, **more: Any) -> Architecture:
    sections = {
        "input_shape": {"input_shape0": 1, "input_shape1": 6, "input_shape2": 8},
        "architecture": {f"{i}": code for i, code in enumerate(codes, 1)},
        "convolutional": {f"cn{i}": 2 for i in range(1, 9)},
        "kernel": {f"kernel{i}": 3 for i in range(1, 9)},
        "pooling": {f"pool{i}": 2 for i in range(1, 9)},
        "data_format": {"data_format": "channels_first"},
    }
    return read_architecture(repr(sections | more))


def test_a_sum_of_nine_neighbors() -> None:
    model = convert(small("cnn2d"), units((2, 1, 3, 3)), Choices())
    image = np.arange(48, dtype=np.float32).reshape(1, 1, 6, 8)
    session = onnx_runtime().InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    [found] = session.run(None, {"image": image})
    windows = np.lib.stride_tricks.sliding_window_view(image[0, 0], (3, 3))
    np.testing.assert_array_equal(found[0, 1], windows.sum((-1, -2)))


def test_without_the_package_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match=r"no Python package onnx .*author"):
        convert(small("relu"), [], Choices())


@pytest.mark.parametrize("code", ["lstm", "gru", "cnn1d", "Avgpool1d", "dsc1d", "attention"])
def test_a_layer_that_cannot_be_converted_is_named(code: str) -> None:
    with pytest.raises(ModelError, match=f"^layer 2, {code};") as error:
        convert(small("relu", code), [], Choices())
    assert "doubleconv" in error.value.wanted


@pytest.mark.parametrize(
    ("architecture", "weights", "words"),
    [
        (small("cnn2d"), [], "layer 1, cnn2d, for which no weights are left"),
        (small("cnn2d"), units((2, 1, 5, 5)), "layer 1, cnn2d: m0.weight"),
        (small("cnn2d"), units((3, 1, 3, 3)), "layer 1, cnn2d: m0.weight"),
        (small("cnn2d"), units((2,)), "batch normalization"),
        (small("relu"), units((2, 1, 3, 3)), "weights of no layer: m0.weight"),
        (small("cnn2d", "cnn2d", "cnn2d"), units((2, 1, 3, 3), *[(2, 2, 3, 3)] * 2), "layer 3"),
        (small("Maxpool2d", "Maxpool2d", "Maxpool2d"), [], "layer 3, Maxpool2d, of which nothing"),
        (small("dense"), units((3, 48)), "layer 1, dense of an image"),
        (small("Flatten", "Upsample"), [], "layer 2, Upsample behind"),
        (small("relu", "relu", skip_connection={"1": "2"}), [], "layer 2, relu, to which layer 1"),
        (
            small("relu", "Maxpool2d", "Maxpool2d", "Upsample", skip_connection={"1": "4"}),
            [],
            "layer 4, Upsample",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    architecture: Architecture, weights: list[Unit], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        convert(architecture, weights, Choices())


# The command, as far as it goes without PyTorch


def test_no_object(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    answer = iodeep("import", "first-generation", tmp_path, "--out", tmp_path / "out")
    refused(answer, 4, "no network of the kind first-generation")


def test_an_architecture_that_runs_code(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "net.dcm", architecture=f"open({str(tmp_path / 'ran')!r}, 'w')")
    answer = iodeep("import", "first-generation", tmp_path / "in", "--out", tmp_path / "out")
    refused(answer, 4, "an architecture that is no description")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
