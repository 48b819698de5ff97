"""Networks as ONNX alone: what is deduced is true, the rest is asked for, and then it packs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command import Answer, refused
from makers import networks
from onnx import TensorProto, helper, numpy_helper

from IODeepLib import find_models

FLOAT = TensorProto.FLOAT
GIVEN = {
    "title": "A network",
    "applies_to.modalities": "CT",
    "applies_to.anatomic_regions": "Abdomen",
    "input.orientation": "RAS",
    "input.axis_order": "NCXYZ",
    "input.grid": '{"mode": "native"}',
    "input.intensity": "[]",
    "card.publisher": "Somebody",
    "card.intended_use": "Tests",
    "card.licence": "MIT",
}


def network(
    nodes: list[onnx.NodeProto],
    shape: list[int | None],
    kind: int = FLOAT,
    weights: tuple[onnx.TensorProto, ...] = (),
) -> onnx.ModelProto:
    """From image to y, by nodes of one's own."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", FLOAT, shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        list(weights),
    )
    return helper.make_model(graph, opset_imports=networks.OPSETS, ir_version=8)


def node(kind: str, given: list[str] | None = None, out: str = "y", **more: Any) -> onnx.NodeProto:
    return helper.make_node(kind, given or ["image"], [out], **more)


def kernel(classes: int, spatial: int) -> onnx.TensorProto:
    values = np.random.default_rng(0).standard_normal((classes, 1, *[1] * spatial))
    return numpy_helper.from_array(values.astype(np.float32), "w")


def scores(out: str = "s", given: str = "image") -> onnx.NodeProto:
    return node("Conv", [given, "w"], out)


OPEN = [None, 1, None, None, None]
HALVED = [
    node("Conv", ["image", "half"], "h", strides=[4, 4, 4]),
    node("Resize", ["h", "", "times"], "y", mode="nearest"),
]
HALVES = (
    numpy_helper.from_array(np.ones((2, 1, 4, 4, 4), np.float32), "half"),
    numpy_helper.from_array(np.array([1, 1, 4, 4, 4], np.float32), "times"),
)
MEAN = [scores(), node("ReduceMean", ["s"], axes=[2, 3], keepdims=0)]
KINDS: dict[str, tuple[onnx.ModelProto, dict[str, Any], dict[str, Any]]] = {
    "scores": (
        network([scores("y")], OPEN, weights=(kernel(3, 3),)),
        {"channels": [{"name": "image"}]},
        {"channels": 3, "activation": "softmax", "decision": "argmax"},
    ),
    "softmax at the end": (
        network([scores(), node("Softmax", ["s"], axis=1)], OPEN, weights=(kernel(3, 3),)),
        {},
        {"channels": 3, "decision": "argmax"},
    ),
    "sigmoid at the end": (
        network([scores(), node("Sigmoid", ["s"])], OPEN, weights=(kernel(2, 3),)),
        {},
        {"channels": 2, "decision": "threshold"},
    ),
    "one channel": (
        network([scores("y")], OPEN, weights=(kernel(1, 3),)),
        {},
        {"channels": 1, "activation": "sigmoid", "decision": "threshold"},
    ),
    "label values": (
        network(
            [scores(), node("ArgMax", ["s"], axis=1, keepdims=1)],
            OPEN,
            TensorProto.INT64,
            (kernel(3, 3),),
        ),
        {},
        {"channels": 1, "decision": "labels"},
    ),
    "fixed sizes": (
        network([scores("y")], [1, 1, 16, 24, 32], weights=(kernel(2, 3),)),
        {"patch_size": [16, 24, 32]},
        {"channels": 2, "activation": "softmax", "decision": "argmax"},
    ),
    "halved twice": (
        network(HALVED, OPEN, weights=HALVES),
        {"divisible_by": 4},
        {"channels": 2, "activation": "softmax", "decision": "argmax"},
    ),
}


@pytest.mark.parametrize(("made", "input_", "output"), KINDS.values(), ids=KINDS)
def test_what_a_network_shows_is_in_the_draft_and_with_answers_it_packs(
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    made: onnx.ModelProto,
    input_: dict[str, Any],
    output: dict[str, Any],
) -> None:
    path = networks.save(made, tmp_path / "my network.onnx")
    drafted = iodeep("import", "onnx", path, "--draft", "--json")
    assert drafted.status == 0, drafted.err
    document = json.loads(drafted.out)
    recipe = document["recipe"]
    labels = recipe["output"].pop("labels")
    assert recipe["name"] == "my-network"
    assert recipe["output"] == output
    assert {key: recipe["input"].get(key) for key in input_} == input_
    asked = {item["path"] for item in document["missing"]}
    assert asked - {"name"} >= GIVEN.keys()

    names = ["Liver", "Spleen", "Kidney"][: len(labels)]
    given = [word for k, v in GIVEN.items() for word in ("--set", f"{k}={v}")]
    call = "import", "onnx", path, "--labels", ",".join(names), "--out", tmp_path / "out"
    answer = iodeep(*call, *given)
    assert answer.status == 0, answer.err
    [model] = find_models(tmp_path / "out").models
    assert [label.name for label in model.card.recipe.output.labels] == names
    assert model.card.recipe.output.labels[0].type.value == "10200004"


def test_a_network_that_judges_slices(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    made = network(MEAN, [None, 1, 32, 32], weights=(kernel(2, 2),))
    path = networks.save(made, tmp_path / "n.onnx")
    recipe = json.loads(iodeep("import", "onnx", path, "--draft", "--json").out)["recipe"]
    assert recipe["task"] == "CLASSIFICATION"
    assert [label["channel"] for label in recipe["output"]["labels"]] == [0, 1]
    assert recipe["input"]["patch_size"] == [32, 32]


def test_channels_last_and_three_of_them(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    made = network([node("Relu")], [1, 32, 48, 3])
    path = networks.save(made, tmp_path / "n.onnx")
    document = json.loads(iodeep("import", "onnx", path, "--draft", "--json").out)
    assert [x["name"] for x in document["recipe"]["input"]["channels"]] == [
        "image 1",
        "image 2",
        "image 3",
    ]
    assert document["recipe"]["input"]["patch_size"] == [32, 48]
    axes = next(item for item in document["missing"] if item["path"] == "input.axis_order")
    assert axes["example"] == "NYXC"


def test_all_that_is_missing_is_asked_for_at_once(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    path = networks.save(KINDS["scores"][0], tmp_path / "n.onnx")
    answer = iodeep("import", "onnx", path, "--out", tmp_path / "out")
    refused(answer, 4)
    for place in (*GIVEN, "output.labels[label 1].type"):
        assert f"{place} (" in answer.err
    assert not (tmp_path / "out").exists()


REFUSED: dict[str, tuple[onnx.ModelProto | bytes, str]] = {
    "no images": (networks.dense(), "with the input image float32[any, 64]"),
    "no ONNX": (b"something else", "cannot be read as an ONNX model"),
    "operators of its own": (networks.custom(), "custom operators"),
    "another size": (
        network([node("MaxPool", kernel_shape=[2, 2, 2], strides=[2, 2, 2])], OPEN),
        "gives no voxels or classes for any size that was tried",
    ),
}


@pytest.mark.parametrize(("made", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_imported(
    tmp_path: Path, iodeep: Callable[..., Answer], made: onnx.ModelProto | bytes, words: str
) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    answer = iodeep("import", "onnx", path, "--out", tmp_path / "out")
    refused(answer, 4)
    assert words in answer.err
    assert not (tmp_path / "out").exists()


def test_real_networks(shared_data: Path, iodeep: Callable[..., Answer]) -> None:
    """What their papers and programs say of them; see the JSON file beside each."""
    wanted = {
        "ct_abdomen_5class": (6, "softmax", 8),
        "model18cls": (18, "softmax", None),
        "model5_gw_ae": (3, "softmax", None),
    }
    for name, (channels, activation, step) in wanted.items():
        path = shared_data / "models" / f"{name}.onnx"
        recipe = json.loads(iodeep("import", "onnx", path, "--draft", "--json").out)["recipe"]
        assert recipe["output"]["channels"] == channels
        assert recipe["output"]["activation"] == activation
        assert recipe["input"].get("divisible_by") == step
