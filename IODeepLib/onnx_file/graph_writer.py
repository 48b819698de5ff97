"""A small ONNX model written node by node, for what is computed around a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from IODeepLib.onnx_file.made import Value, made_model, made_node, made_tensor

# The first set of operators in which all that is used here is as it is today.
_OPSET = 17


class GraphWriter:
    """A model of one graph that grows; all sizes of its inputs and outputs are open."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: dict[str, Sequence[None]] = {}
        self._outputs: dict[str, Sequence[None]] = {}
        self._types: dict[str, str] = {}

    def input(self, name: str, dtype: str, rank: int) -> str:
        """Add an input of the whole; its name."""
        self._inputs[name], self._types[name] = (None,) * rank, dtype
        return name

    def integers(self, *values: int) -> str:
        """Add a constant of one axis; its name."""
        name = f"constant {len(self._constants)}"
        self._constants.append(made_tensor(name, np.array(values, np.int64)))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Value) -> str:
        """Add an operator with one output; its name."""
        name = f"value {len(self._nodes)}"
        self._nodes.append(made_node(operator, inputs, [name], attributes=attributes))
        return name

    def output(
        self,
        name: str,
        rank: int,
        operator: str,
        *inputs: str,
        dtype: str = "float32",
        **attributes: Value,
    ) -> None:
        """Add an operator whose output is one of the whole."""
        self._nodes.append(made_node(operator, inputs, [name], attributes=attributes))
        self._outputs[name], self._types[name] = (None,) * rank, dtype

    def model(self) -> bytes:
        """The whole as a ModelProto."""
        opsets = {"": _OPSET}
        return made_model(
            self._nodes, self._constants, self._inputs, self._outputs, opsets, self._types
        )
