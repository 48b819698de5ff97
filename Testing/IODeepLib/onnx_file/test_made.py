"""Models that are made and graphs that are read here, held against the package onnx."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from makers.layered_networks import unet
from onnx import helper, numpy_helper

from IODeepLib.onnx_file import OnnxFile
from IODeepLib.onnx_file.graph import read_graph
from IODeepLib.onnx_file.made import made_model, made_node, made_tensor

SAID = {  # in the order in which onnx writes them
    "negative": -5,
    "numbers": [1, -1, 2**40],
    "real": 0.25,
    "reals": [0.5, -1.5],
    "whole": 3,
    "word": "größer",
}


def test_attributes_are_read_as_onnx_reads_and_writes_them() -> None:
    made = onnx.NodeProto.FromString(made_node("Any", ["a", ""], ["b"], "own", SAID))
    assert made == helper.make_node("Any", ["a", ""], ["b"], domain="own", **SAID)
    graph = helper.make_graph([made], "g", [], [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.graph.node[0].domain = "ai.onnx"
    [node] = read_graph(OnnxFile(model.SerializeToString(), "network")).nodes
    assert (node.operator, node.domain, node.inputs, node.outputs) == ("Any", "", ("a", ""), ("b",))
    lists = {name: tuple(v) if isinstance(v, list) else v for name, v in SAID.items()}
    assert node.attributes == lists and node.plain


def test_an_attribute_that_is_no_number_and_no_text_is_seen() -> None:
    value = helper.make_node("Any", [], ["b"], what=numpy_helper.from_array(np.ones(2), "one"))
    graph = helper.make_graph([value], "g", [], [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    [node] = read_graph(OnnxFile(model.SerializeToString(), "network")).nodes
    assert not node.plain and not node.attributes


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_tensors(shape: tuple[int, ...], kind: type) -> None:
    values = (np.random.default_rng(0).standard_normal(shape) * 9).astype(kind)
    made = onnx.TensorProto.FromString(made_tensor("name", values))
    assert made.name == "name"
    np.testing.assert_array_equal(numpy_helper.to_array(made), values)
    assert numpy_helper.to_array(made).dtype == kind


def test_a_made_model_runs() -> None:
    model = made_model(
        [
            made_node("Add", ["x", "one"], ["y"]),
            made_node("LeakyRelu", ["y"], ["z"], "", {"alpha": 0.5}),
        ],
        [made_tensor("one", np.array([1], np.float32))],
        {"x": (2, None)},
        {"z": (2, None)},
        {"": 17},
    )
    onnx.checker.check_model(onnx.ModelProto.FromString(model), full_check=True)
    OnnxFile(model, "made")  # our own reader knows every field of it
    x = np.array([[-5], [5]], np.float32)
    [z] = onnxruntime.InferenceSession(model).run(None, {"x": x})
    assert z.tolist() == [[-2], [6]]


def test_a_graph_is_read_as_onnx_reads_it() -> None:
    model = unet()
    graph = read_graph(OnnxFile(model.SerializeToString(), "network"))
    assert [n.operator for n in graph.nodes] == [n.op_type for n in model.graph.node]
    assert [list(n.inputs) for n in graph.nodes] == [list(n.input) for n in model.graph.node]
    for node, wanted in zip(graph.nodes, model.graph.node, strict=True):
        said = {a.name: helper.get_attribute_value(a) for a in wanted.attribute}
        assert {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()} == (
            node.attributes
        )
    assert set(graph.constants) == {tensor.name for tensor in model.graph.initializer}
    assert (graph.inputs, graph.opset, graph.functions) == (("image",), 17, False)
    assert graph.outputs == tuple(item.name for item in model.graph.output)
