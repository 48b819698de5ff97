"""Networks of every kind are trained: slices, other orders of axes, labels that overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import networks
from makers.recipes import label, recipe
from makers.shifted_brains import Brain, brain
from onnx import numpy_helper

torch = pytest.importorskip("torch")

from IODeepLib.model_object import write_model  # noqa: E402
from IODeepLib.training.settings import Settings  # noqa: E402
from IODeepLib.training.torch_network import TorchNetwork  # noqa: E402
from IODeepLib.training.train import train  # noqa: E402

QUICK = Settings(steps=2, validate_every=1, batch_size=2)
KINDS: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "slices": (2, {"axis_order": "NCYX", "patch_size": [24, 32]}, {}),
    "slices with those beside": (2, {"axis_order": "NCYX", "neighbours": 1}, {}),
    "sagittal slices": (2, {"axis_order": "NCZY", "patch_size": [24, 32]}, {}),
    "axes the other way": (3, {"axis_order": "NCXYZ", "patch_size": [16, 24, 32]}, {}),
    "channels last": (2, {"axis_order": "NCXY", "orientation": "RAS"}, {}),
    "coarser": (3, {"grid": {"mode": "spacing", "spacing": [4, 3, 3]}}, {}),
    "padded": (3, {"patch_size": [64, 64, 64], "outside": "minimum"}, {}),
    "labels that overlap": (
        3,
        {"patch_size": [16, 16, 16]},
        {"decision": "threshold", "activation": "sigmoid"},
    ),
    "regions": (
        3,
        {"patch_size": [16, 16, 16]},
        {"decision": "regions", "activation": "sigmoid"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind: str, tmp_path: Path) -> None:
    spatial, input_, output = KINDS[kind]
    whole = networks.conv(spatial, channels=3)
    if input_.get("neighbours"):
        kernel = np.random.default_rng(0).standard_normal((3, 3, 3, 3)).astype(np.float32)
        whole.graph.initializer[0].CopyFrom(numpy_helper.from_array(kernel, "layer0.weight"))
        whole.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3
    asked = recipe(
        input={"intensity": [{"step": "min_max"}], **input_},
        output={"channels": 3, "labels": [label(1), label(2)], **output},
    )
    path = networks.save(whole, tmp_path / "network.onnx")
    network = TorchNetwork.of(write_model(path, asked, tmp_path / "model"))
    before = network.weights()
    cases = [brain(1), brain(2)]
    if asked.overlapping:
        cases = [Brain(c.series, np.stack([c.truth > 0, c.truth == 2]), c.patient) for c in cases]
    done = train(network, asked, cases[:1], cases[1:], QUICK, tmp_path / "work", device="cpu")
    assert [look.step for look in done.history] == [0, 1, 2]
    assert all(look.dice is not None for look in done.history)
    assert done.weights.keys() == before.keys()
