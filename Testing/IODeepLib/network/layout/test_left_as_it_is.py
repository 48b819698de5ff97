"""What is not exactly known is left as it is, and the log says why."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from makers.layered_networks import Layers
from onnx import helper

from IODeepLib.network.layout import rewriting, trying
from IODeepLib.network.layout.rewriting import UnknownError, rewrite
from IODeepLib.onnx_file import OnnxFile
from IODeepLib.onnx_file.graph import read_graph

SIZE = (8, 12, 16)


def reason(model: onnx.ModelProto, shape: tuple[int, ...]) -> str:
    """Why it is not rewritten; "" if it is."""
    file = OnnxFile(model.SerializeToString(), "network")
    graph = read_graph(file)
    try:
        rewrite(graph, trying.constants_of(file, graph, None), shape, 8)
    except UnknownError as error:
        return str(error)
    return ""


def conv(**said: object) -> Callable[[Layers], str]:
    return lambda net: net.conv("image", 16, 16, **said)


def grouped(net: Layers) -> str:
    weights = net.random(16, 8, 3, 3, 3)
    return net.node("Conv", ["image", weights], pads=[1] * 6, group=2)


def computed_weights(net: Layers) -> str:
    weights = net.node("Relu", [net.random(16, 16, 3, 3, 3)])
    return net.node("Conv", ["image", weights], pads=[1] * 6)


def pooled(**said: object) -> Callable[[Layers], str]:
    def build(net: Layers) -> str:
        return net.pool("MaxPool", net.conv("image", 16, 16), [2, 2, 2], **said)

    return build


def transposed(**said: object) -> Callable[[Layers], str]:
    def build(net: Layers) -> str:
        return net.node(
            "ConvTranspose", ["image", net.random(16, 16, 2, 2, 2)], **{"strides": [2] * 3, **said}
        )

    return build


def after_conv(kind: str, *others: object, **said: object) -> Callable[[Layers], str]:
    def build(net: Layers) -> str:
        inputs = [net.conv("image", 16, 16), *(net.constant(other) for other in others)]
        return net.node(kind, inputs, **said)

    return build


def two_outputs(net: Layers) -> str:
    tensor = net.conv("image", 16, 16)
    said = {"kernel_shape": [2] * 3, "strides": [2] * 3}
    net.nodes.append(helper.make_node("MaxPool", [tensor], ["most", "where"], **said))
    return "most"


def doubled(net: Layers) -> str:
    """A thousand million images that follow one another."""
    tensor = net.conv("image", 16, 16)
    for _ in range(30):
        tensor = net.node("Concat", [tensor, tensor], axis=1)
    return tensor


def many_nodes(net: Layers) -> str:
    tensor = net.conv("image", 16, 16)
    for _ in range(2000):
        tensor = net.node("Relu", [tensor])
    return tensor


UNKNOWN = {
    "dilation": conv(dilations=[2, 2, 2], pads=[2] * 6),
    "pads": conv(pads=[0] * 6),
    "uneven pads": conv(pads=[1, 1, 1, 1, 1, 0]),
    "no pads": lambda net: net.node("Conv", ["image", net.random(16, 16, 3, 3, 3)]),
    "auto_pad": conv(auto_pad="SAME_UPPER"),
    "a kernel of 5": conv(kernel=[5, 5, 5]),
    "a stride of 3": conv(strides=[3, 3, 3]),
    "groups": grouped,
    "weights that are computed": computed_weights,
    "weights of other channels": lambda net: net.conv("image", 8, 16),
    "overlapping pooling": pooled(kernel_shape=[3, 3, 3]),
    "padded pooling": pooled(pads=[0, 0, 0, 1, 1, 1]),
    "ceil_mode": pooled(ceil_mode=1),
    "two outputs": two_outputs,
    "transposed: a kernel of 3": transposed(strides=[1, 1, 1]),
    "transposed: pads": transposed(pads=[0, 0, 0, 1, 1, 1]),
    "transposed: output_padding": transposed(output_padding=[1, 1, 1]),
    "transposed: output_shape": transposed(output_shape=[16, 24, 32]),
    "another operator": after_conv("Erf"),
    "a sum with a constant": after_conv("Add", [1.0]),
    "a slope a channel": after_conv("PRelu", np.ones((16, 1, 1, 1))),
    "joined along rows": lambda net: net.node("Concat", [net.conv("image", 16, 16)] * 2, axis=3),
    "nothing to gain": lambda net: net.node("Relu", ["image"]),
    "doubled": doubled,
    "many nodes": many_nodes,
    "narrow": lambda net: net.conv("image", 16, 1),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_other_graphs(name: str) -> None:
    net = Layers(16)
    assert reason(net.model(UNKNOWN[name](net)), (1, 16, *SIZE))


def test_weights_that_are_used_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that would become many: each use has rewritten ones of its own."""
    net = Layers(16)
    tensor, weights = "image", net.random(16, 16, 3, 3, 3)
    for _ in range(40):
        tensor = net.node("Conv", [tensor, weights], pads=[1] * 6)
    model = net.model(tensor)
    assert reason(model, (1, 16, *SIZE)) == ""
    monkeypatch.setattr(rewriting, "MOST_BYTES", 2**20)
    assert reason(model, (1, 16, *SIZE)) == "weights that are used again and again"


def known() -> onnx.ModelProto:
    net = Layers(16)
    return net.model(net.conv("image", 16, 16))


def test_what_differs_from_a_known_graph_in_nothing_is_rewritten() -> None:
    assert reason(known(), (1, 16, *SIZE)) == ""


def test_weights_in_constant_nodes_are_weights_too() -> None:
    model = known()
    for tensor in reversed(model.graph.initializer):
        node = helper.make_node("Constant", [], [tensor.name], value=tensor)
        model.graph.node.insert(0, node)
    del model.graph.initializer[:]
    assert reason(model, (1, 16, *SIZE)) == ""


@pytest.mark.parametrize("shape", [(2, 16, *SIZE), (1, 8, *SIZE), (1, 16, 12, 16), (1, 16, 8)])
def test_other_shapes(shape: tuple[int, ...]) -> None:
    assert reason(known(), shape)


@pytest.mark.parametrize("opset", [10, 26])
def test_operator_sets_that_may_mean_something_else(opset: int) -> None:
    model = known()
    model.opset_import[0].version = opset
    assert reason(model, (1, 16, *SIZE)) == f"operator set {opset}"


def test_operators_of_other_domains() -> None:
    model = known()
    model.graph.node[0].domain = "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert reason(model, (1, 16, *SIZE)) == "the operator Conv"


def test_operators_that_the_model_defines() -> None:
    model = known()
    model.opset_import.append(helper.make_opsetid("own", 1))
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(
        helper.make_function("own", "Own", ["x"], ["y"], [node], [helper.make_opsetid("", 17)])
    )
    assert reason(model, (1, 16, *SIZE)) == "functions of its own"


def test_weights_in_half_precision() -> None:
    model = known()
    model.graph.initializer[0].data_type = onnx.TensorProto.FLOAT16
    raw = np.frombuffer(model.graph.initializer[0].raw_data, np.float32).astype(np.float16)
    model.graph.initializer[0].raw_data = raw.tobytes()
    assert reason(model, (1, 16, *SIZE)) == "Conv with other weights"


class Said:
    """Gives, in their turn, arrays that stand for what networks give."""

    def __init__(self, *given: np.ndarray) -> None:
        self._given = iter(given)

    def run_once(self, feeds: object) -> list[np.ndarray]:
        return [next(self._given)]


@pytest.mark.parametrize(
    ("apart", "kept"), [(0.0, True), (0.9e-4, True), (1.1e-4, False), (float("nan"), False)]
)
def test_outputs_that_are_apart(
    apart: float, kept: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rewritten graph that gives something else than the network never runs."""
    monkeypatch.setattr(trying, "LEAST_MULTIPLICATIONS", 1)
    given = np.linspace(0, 1, 50, dtype=np.float32)
    other = given.copy()
    other[7] += apart
    opened = [Said(np.zeros((1, 8, 1, 1))), Said(other), Said()]
    caplog.set_level(logging.INFO)
    found = trying.rewritten(
        Said(given), known().SerializeToString(), None, (1, 16, *SIZE), (1, 16, *SIZE),
        lambda content, folder=None: opened.pop(0),
    )  # fmt: skip
    assert (found is not None) == kept
    assert ("apart" in caplog.text) != kept


def test_small_networks(caplog: pytest.LogCaptureFixture) -> None:
    """Below a second or so of work, opening it twice more takes longer than is gained."""
    caplog.set_level(logging.INFO)
    shape = (1, 16, *SIZE)
    content = known().SerializeToString()
    found = trying.rewritten(
        Said(),
        content,
        None,
        shape,
        shape,
        lambda content, folder=None: Said(np.zeros((1, 8, 1, 1))),
    )
    assert found is None
    assert "multiplications a patch" in caplog.text
