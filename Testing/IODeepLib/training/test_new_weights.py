"""A version with other weights: the same network otherwise, whatever it was packed with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from makers import networks
from makers.packed_models import make_network
from makers.recipes import LIVER, label, liver_recipe
from onnx import numpy_helper

from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model, packing, unpack, verify, write_model
from IODeepLib.model_object.new_version import next_version, with_version
from IODeepLib.network.runtime import open_session
from IODeepLib.sources.folder import find_model
from IODeepLib.training.new_weights import shapes_of, with_weights

Weights = dict[str, np.ndarray]
RECIPE = liver_recipe(output={"channels": 16, "labels": [label(1, "Liver", LIVER)]})
IMAGE = np.random.default_rng(0).standard_normal((1, 1, 8, 8, 8)).astype(np.float32)


def make_model(folder: Path, parts: int = 1) -> Model:
    """In one part, or in three."""
    size = {1: 2**20, 3: 20_000}[parts]
    return write_model(make_network(folder), RECIPE, folder / "packed", max_part_bytes=size)


def other_weights(model: Model, network: str = "") -> Weights:
    generator = np.random.default_rng(7)
    return {
        name: generator.standard_normal(shape).astype(np.float32)
        for name, shape in shapes_of(model, network).items()
    }


def changed(model: Model, weights: Weights, out: Path, network: str = "") -> Model:
    recipe = with_version(model.card, next_version(model.card.version))
    return with_weights(model, weights, recipe, out, network=network)


def scores(model: Model) -> np.ndarray:
    return open_session(model, providers="cpu").run({"image": IMAGE})[0]


def wanted_scores(weights: Weights, folder: Path) -> np.ndarray:
    """Of the network that `make_network` makes, with these weights, in a file of its own."""
    whole = networks.conv(3, layers=3)
    for tensor in whole.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    model = write_model(networks.save(whole, folder / "own.onnx"), RECIPE, folder / "own")
    return scores(model)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_version_differs_in_its_weights_alone(parts: int, tmp_path: Path) -> None:
    model = make_model(tmp_path, parts)
    weights = other_weights(model)
    new = changed(model, weights, tmp_path / "new")
    verify(new)
    assert (new.label, new.card.parent_uid) == ("liver@1.3.0", model.card.sop_instance_uid)
    if parts == 1:
        assert new.card.networks[0].digest == model.card.networks[0].digest
        assert new.card.read_architecture() == model.card.read_architecture()
    np.testing.assert_array_equal(scores(new), wanted_scores(weights, tmp_path))
    assert not np.array_equal(scores(new), scores(model))


def test_the_same_weights_make_the_same_payload(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    back = onnx.load(unpack(model, tmp_path / "back"))
    weights = {t.name: numpy_helper.to_array(t) for t in back.graph.initializer}
    new = changed(model, weights, tmp_path / "new")
    assert [part.sha256 for part in new.parts] == [part.sha256 for part in model.parts]


def test_a_version_of_before_is_read_and_can_be_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as former:  # all small tensors stayed inside
        former.setattr(packing, "trained_tensors", lambda graph: {})
        old = write_model(make_network(tmp_path), RECIPE, tmp_path / "old")
    assert old.card.manifest.parts[0].tensors == tuple(f"layer{i}.weight" for i in range(3))
    verify(find_model(tmp_path / "old"))
    today = make_model(tmp_path)
    assert old.card.networks[0].digest != today.card.networks[0].digest
    np.testing.assert_array_equal(scores(old), scores(today))
    weights = other_weights(old)
    assert weights.keys() == shapes_of(today).keys()
    new = changed(old, weights, tmp_path / "new")
    np.testing.assert_array_equal(scores(new), wanted_scores(weights, tmp_path))
    again = changed(new, other_weights(new), tmp_path / "again")
    assert again.card.networks[0].digest == new.card.networks[0].digest


def test_values_in_typed_fields_are_replaced_too(tmp_path: Path) -> None:
    whole = networks.conv(3, layers=1)
    bias = whole.graph.initializer[1]
    values = numpy_helper.to_array(bias)
    bias.CopyFrom(onnx.helper.make_tensor(bias.name, onnx.TensorProto.FLOAT, [16], values))
    path = networks.save(whole, tmp_path / "typed.onnx")
    model = write_model(path, RECIPE, tmp_path / "model")
    assert model.card.manifest.parts[0].typed == ("layer0.bias",)
    weights = other_weights(model)
    new = changed(model, weights, tmp_path / "new")
    assert new.card.networks[0].digest == model.card.networks[0].digest
    back = onnx.load(unpack(new, tmp_path / "back"))
    for tensor in back.graph.initializer:
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), weights[tensor.name])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda w: w.pop("layer1.bias"), r"nothing for 'layer1\.bias'"),
        (lambda w: w.update(more=np.zeros(1, np.float32)), "values for the unknown 'more'"),
        (
            lambda w: w.update({"layer1.bias": np.zeros(15, np.float32)}),
            r"float32 of shape \(15,\) for 'layer1\.bias'",
        ),
        (lambda w: w.update({"layer1.bias": np.zeros(16)}), "float64 of shape"),
        (lambda w: w["layer1.bias"].__setitem__(3, np.nan), r"not finite in 'layer1\.bias'"),
        (lambda w: w["layer0.weight"].__setitem__(0, np.inf), r"not finite in 'layer0\.weight'"),
    ],
)
def test_what_are_no_weights_of_the_network_is_refused(
    change: object, found: str, tmp_path: Path
) -> None:
    model = make_model(tmp_path)
    weights = other_weights(model)
    change(weights)  # type: ignore[operator]
    with pytest.raises(ModelError, match=found):
        changed(model, weights, tmp_path / "new")
    assert not (tmp_path / "new").exists()
