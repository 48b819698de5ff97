"""What a node says, as its rule asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from IODeepLib.errors import ModelError
from IODeepLib.onnx_file.graph import Node

# `said`, then the inputs.
Rule = Callable[..., Any]


class Said:
    """A node's attributes.

    Attributes:
        operator: the node's operator.
        opset: the version of ONNX's operators that it is one of.
        outputs: how many of them are used.
        overwrites: whether its first input is nobody else's.
    """

    def __init__(self, node: Node, opset: int, where: str, overwrites: bool) -> None:
        self._attributes, self._where, self.overwrites = node.attributes, where, overwrites
        self.operator, self.opset, self.outputs = node.operator, opset, len(node.outputs)
        if not node.plain:
            raise self.refused("an attribute that is neither a number nor a text")

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        return cast(int, self._of(name, default, int))

    def real(self, name: str, default: float) -> float:
        """A number."""
        return cast(float, self._of(name, default, float))

    def number(self, name: str, default: float) -> float:
        """A number, whole or not."""
        return cast(float, self._of(name, default, (int, float)))

    def text(self, name: str, default: str) -> str:
        """A word."""
        return cast(str, self._of(name, default, str))

    def ints(self, name: str) -> tuple[int, ...] | None:
        """Whole numbers, if it says any."""
        return cast(tuple[int, ...] | None, self._of(name, None, tuple))

    def has(self, name: str) -> bool:
        """Whether it says something of this name."""
        return name in self._attributes

    def refused(self, what: str) -> ModelError:
        """The error that it has something which cannot be trained."""
        return ModelError(
            f"{self._where} has the operator {self.operator} with {what}",
            "operators as exporters write them for networks that segment",
            "export it in another way (opset 17), or tune it where it was trained",
        )

    def _of(self, name: str, default: Any, kind: type | tuple[type, ...]) -> Any:
        value = self._attributes.get(name, default)
        if value is not default and not isinstance(value, kind):
            raise self.refused(f"{name} {value!r}")
        return value
