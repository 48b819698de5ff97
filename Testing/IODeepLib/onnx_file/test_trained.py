"""What of a network is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from makers import networks
from onnx import helper, numpy_helper

from IODeepLib.onnx_file import OnnxFile
from IODeepLib.onnx_file.graph import read_graph
from IODeepLib.onnx_file.trained import trained_tensors

Values = dict[str, Any]


def trained(nodes: list[onnx.NodeProto], values: Values) -> list[str]:
    weights = [numpy_helper.from_array(np.asarray(v), name) for name, v in values.items()]
    proto = networks.model(nodes, weights, {"image": [1, 2, None, None]}, nodes[-1].output[0])
    return list(trained_tensors(read_graph(OnnxFile(proto.SerializeToString(), "network"))))


def node(operator: str, *inputs: str, **said: Any) -> onnx.NodeProto:
    return helper.make_node(operator, ["image", *inputs], ["y"], **said)


def floats(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("one", "values", "wanted"),
    [
        (node("Conv", "w", "b"), {"w": floats(1, 2, 1, 1), "b": floats(1)}, ["w", "b"]),
        (node("ConvTranspose", "w"), {"w": floats(2, 1, 2, 2)}, ["w"]),
        (node("InstanceNormalization", "s", "b"), {"s": floats(2), "b": floats(2)}, ["s", "b"]),
        (
            node("BatchNormalization", "s", "b", "mean", "variance"),
            {name: floats(2) for name in ("s", "b", "mean", "variance")},
            ["s", "b"],
        ),
        (node("PRelu", "slope"), {"slope": floats(1, 1, 1)}, ["slope"]),
        (node("Mul", "gamma"), {"gamma": floats(2, 1, 1)}, ["gamma"]),
        (node("Mul", "factor"), {"factor": floats(1)}, []),
        (node("Resize", "", "scales"), {"scales": floats(4)}, []),
        (node("Reshape", "shape"), {"shape": np.array([0, 2, -1])}, []),
        (node("Add", "whole"), {"whole": np.ones((2, 1, 1), np.int64)}, []),
        (node("MatMul", "half"), {"half": np.ones((4, 4), np.float16)}, ["half"]),
    ],
    ids=lambda item: item.op_type if isinstance(item, onnx.NodeProto) else "",
)
def test_what_operators_take_as_weights(
    one: onnx.NodeProto, values: Values, wanted: list[str]
) -> None:
    assert trained([one], values) == wanted


def test_constants_are_none() -> None:
    scale = numpy_helper.from_array(floats(2))
    nodes = [
        helper.make_node("Constant", [], ["s"], value=scale),
        node("InstanceNormalization", "s", "b"),
    ]
    assert trained(nodes, {"b": floats(2)}) == ["b"]


def test_what_is_used_twice_or_in_another_shape_is_one_tensor() -> None:
    nodes = [
        helper.make_node("Identity", ["w"], ["same"]),
        helper.make_node("Unsqueeze", ["flat", "axes"], ["tall"]),
        helper.make_node("Conv", ["image", "w"], ["x"]),
        helper.make_node("Conv", ["x", "same"], ["z"]),
        helper.make_node("Mul", ["z", "tall"], ["y"]),
    ]
    values = {"w": floats(2, 2, 1, 1), "flat": floats(2), "axes": np.array([1, 2])}
    assert trained(nodes, values) == ["w", "flat"]


def test_another_domain_says_nothing_of_its_inputs() -> None:
    assert trained([node("Conv", "w", domain="com.microsoft")], {"w": floats(1, 2, 1, 1)}) == []
