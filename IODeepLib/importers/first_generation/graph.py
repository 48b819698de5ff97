"""ONNX nodes and weights, put together one after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from IODeepLib.importers import packages

INPUT, OUTPUT = "image", "scores"
# The first set of operators in which all that is used here is as it is today.
_OPSET, _IR = 17, 8


class Tensor(NamedTuple):
    """A tensor between two layers: (batch, channels, *size)."""

    name: str
    channels: int
    size: tuple[int, ...]


class Graph:
    """A graph that grows.

    Args:
        shape: (channels, rows, columns) of the input; the batch is open.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape, self._onnx = shape, packages.onnx()
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    @property
    def input(self) -> Tensor:
        """The image."""
        return Tensor(INPUT, self._shape[0], self._shape[1:])

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator; the name of its output."""
        output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(
            self._onnx.helper.make_node(operator, list(inputs), [output], **attributes)
        )
        return output

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant; its name, which is kept from those of others."""
        name = f"{name}_{len(self._weights)}"
        self._weights.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def finished(self, last: Tensor) -> Any:
        """The model whose output is `last`."""
        helper, checker = self._onnx.helper, self._onnx.checker
        self._nodes.append(helper.make_node("Identity", [last.name], [OUTPUT]))
        dims: list[list[str | int | None]] = [["batch", *self._shape]]
        dims.append(["batch", last.channels, *last.size])
        image, scores = (
            helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, shape)
            for name, shape in zip((INPUT, OUTPUT), dims, strict=True)
        )
        graph = helper.make_graph(self._nodes, "network", [image], [scores], self._weights)
        opsets = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        checker.check_model(model)
        return model
