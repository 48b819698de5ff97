"""One digest tells a network from every other one, in every result and listing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pydicom
import pytest
from command import DEMO, Answer
from makers import networks
from makers.packed_models import make_model
from makers.recipes import liver_recipe
from onnx import numpy_helper

from IODeepLib.model_object import Model, write_model
from IODeepLib.recipe import Recipe, recipe_from_json, recipe_to_json

SMALL, LARGE = "layer0.bias", "layer1.weight"  # below 1 KiB, and above


def packed(folder: Path, network: onnx.ModelProto, recipe: Recipe, parts: int = 2**20) -> Model:
    path = networks.save(network, folder / f"network-{len(list(folder.iterdir()))}.onnx")
    return write_model(path, recipe, path.with_suffix(""), max_part_bytes=parts)


def with_value(name: str, position: int = 0) -> onnx.ModelProto:
    """The network with another value in one of its tensors."""
    network = networks.conv(3, layers=3)
    [tensor] = [tensor for tensor in network.graph.initializer if tensor.name == name]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[position] = np.nextafter(values.flat[position], np.float32(9))
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    return network


def with_node(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    network = networks.conv(3, layers=3)
    change(network)
    return network


def recipe_with(**changes: object) -> Recipe:
    whole = json.loads(recipe_to_json(liver_recipe()))
    for key, value in changes.items():
        whole[key] = whole[key] | value if isinstance(value, dict) else value
    return recipe_from_json(json.dumps(whole))


def plain() -> onnx.ModelProto:
    return networks.conv(3, layers=3)


OTHERS: dict[str, Callable[[], tuple[onnx.ModelProto, Recipe]]] = {
    "a value of a small tensor": lambda: (with_value(SMALL), liver_recipe()),
    "the last value of a small one": lambda: (with_value("layer2.bias", -1), liver_recipe()),
    "a value of a large tensor": lambda: (with_value(LARGE), liver_recipe()),
    "an attribute of a node": lambda: (
        with_node(lambda n: n.graph.node[0].attribute[0].ints.__setitem__(0, 2)),
        liver_recipe(),
    ),
    "another operator": lambda: (
        with_node(lambda n: setattr(n.graph.node[1], "op_type", "Sigmoid")),
        liver_recipe(),
    ),
    "a word in the recipe": lambda: (plain(), recipe_with(title="Another title")),
    "a number in the recipe": lambda: (plain(), recipe_with(input={"overlap": 0.25})),
    "a version": lambda: (plain(), recipe_with(version="1.2.1")),
    "a word in the model card": lambda: (plain(), recipe_with(card={"licence": "Other"})),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_network_has_another_digest(name: str, tmp_path: Path) -> None:
    one, other = packed(tmp_path, plain(), liver_recipe()), packed(tmp_path, *OTHERS[name]())
    assert one.card.network_digest != other.card.network_digest


def test_the_same_network_packed_again_has_the_same(tmp_path: Path) -> None:
    one, other = (packed(tmp_path, plain(), liver_recipe()) for _ in range(2))
    assert one.card.sop_instance_uid != other.card.sop_instance_uid
    assert one.card.network_digest == other.card.network_digest


@pytest.mark.parametrize("parts", [1, 3])
def test_anybody_can_make_it_from_the_instances(parts: int, tmp_path: Path) -> None:
    """As Docs/conformance.md says, with nothing of ours."""
    model = make_model(tmp_path, parts)
    card = pydicom.dcmread(model.card.path)
    block = card.private_block(0x0017, "IODEEP 1")
    architecture = block[0x22].value[: block[0x21].value]
    lines = ["iodeep-network/1"]
    for word, content in (
        ("recipe", block[0x10].value.encode()),
        ("model card", block[0x11].value.encode()),
        ("architecture", architecture),
    ):
        lines.append(f"{word} {hashlib.sha256(content).hexdigest()}")
    for part in model.weights():
        weights = pydicom.dcmread(part.path).private_block(0x0017, "IODEEP 1")
        payload = weights[0x3F].value[: weights[0x33].value]
        lines.append(f"weights {hashlib.sha256(payload).hexdigest()}")
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode("ascii")).hexdigest()
    assert model.card.network_digest == digest
    assert len(lines) == 4 + parts


def test_it_stands_in_results_and_listings(
    iodeep: Callable[..., Answer], packed: Path, tmp_path: Path
) -> None:
    answer = iodeep("show", packed, "--json")
    digest = json.loads(answer.out)["network_sha256"]
    assert len(digest) == 64
    assert digest in iodeep("show", packed).out
    [listed] = json.loads(iodeep("list", packed, "--json").out)["models"]
    assert listed["network_sha256"] == digest
    out = tmp_path / "out"
    ran = iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", out, "--json")
    assert json.loads(ran.out)["provenance"]["network_digest"] == digest
    written = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert written["provenance"]["network_digest"] == digest
    for segment in pydicom.dcmread(out / "segmentation.dcm").SegmentSequence:
        [algorithm] = segment.SegmentationAlgorithmIdentificationSequence
        assert json.loads(algorithm.AlgorithmParameters)["network_sha256"] == digest
