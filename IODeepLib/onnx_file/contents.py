"""What a ModelProto holds: tensors that can lie elsewhere, and the operators that it asks for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from IODeepLib.onnx_file.tensor import DATA_LOCATION, EXTERNAL_DATA, Tensor, read_tensor
from IODeepLib.onnx_file.tensor import NAME as TENSOR_NAME
from IODeepLib.onnx_file.wire import DELIMITED, Field, WireError, fields, text

# The operator sets that every ONNX Runtime has: ONNX's own, whose names begin with "ai.onnx" or
# are empty, and ONNX Runtime's contributed ones.
_KNOWN_DOMAINS = ("ai.onnx", "com.microsoft")

# Messages and, for each, the fields that hold others: field number to message. "weights" are the
# TensorProtos that ONNX Runtime takes from other files wherever they stand: the initializers of
# every graph, and the values of Constant nodes. Other tensors stay where they are.
_INNER = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "weights", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "constant": {5: "constant attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "constant attribute": {5: "weights", 22: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_NODE_OUTPUT, _NODE_OPERATOR, _NODE_DOMAIN = 2, 4, 7
_FUNCTION_NAME, _FUNCTION_DOMAIN = 1, 10
_MAX_DEPTH = 100  # the nesting at which Protocol Buffers gives up, too


@dataclass(slots=True)
class Contents:
    """What was found in a model.

    Attributes:
        tensors: those that can lie in other files, in the order in which they stand.
        operators: operator names by their domain, without those that every ONNX Runtime has and
            those that the model defines itself.
        external_tensors: names of the tensors that lie in other files but cannot be used there.
    """

    tensors: list[Tensor] = field(default_factory=list)
    operators: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    external_tensors: list[str] = field(default_factory=list)


class _Message(NamedTuple):
    """A message that is still to be read: its kind, the fields around it, what names it."""

    kind: str
    begin: int
    end: int
    way: tuple[Field, ...]
    constant: str


def read_contents(buffer: memoryview) -> Contents:
    """Walk through the whole ModelProto.

    Raises:
        WireError: it is damaged, or nested too deeply.
    """
    contents = Contents()
    functions: set[tuple[str, str]] = set()
    # An own stack: the nesting of a file must not become that of Python.
    todo = [_Message("model", 0, len(buffer), (), "")]
    while todo:
        message = todo.pop()
        kind, way, constant = message.kind, message.way, message.constant
        if len(way) > _MAX_DEPTH:
            raise WireError(f"more than {_MAX_DEPTH} messages within each other")
        if kind == "weights":
            contents.tensors.append(read_tensor(buffer, way, constant))
            continue
        parts = list(fields(buffer, message.begin, message.end))
        named = {part.number: part for part in parts}
        if kind == "node":
            operator, domain = (
                _text(buffer, named, number) for number in (_NODE_OPERATOR, _NODE_DOMAIN)
            )
            if domain and not domain.startswith(_KNOWN_DOMAINS):
                contents.operators[domain].add(operator)
            elif operator == "Constant":
                kind, constant = "constant", _text(buffer, named, _NODE_OUTPUT)
        elif kind == "function":
            domain = _text(buffer, named, _FUNCTION_DOMAIN)
            functions.add((domain, _text(buffer, named, _FUNCTION_NAME)))
        elif kind == "tensor" and (EXTERNAL_DATA in named or _is_set(buffer, named)):
            contents.external_tensors.append(_text(buffer, named, TENSOR_NAME))
        inner = _INNER.get(kind, {})
        todo += (
            _Message(inner[part.number], part.begin, part.end, (*way, part), constant)
            for part in parts
            if part.number in inner and part.wire_type == DELIMITED
        )
    for domain, name in functions:
        contents.operators.get(domain, set()).discard(name)
    contents.operators = {d: names for d, names in contents.operators.items() if names}
    contents.tensors.sort(key=lambda tensor: tensor.field.start)
    return contents


def _is_set(buffer: memoryview, named: dict[int, Field]) -> bool:
    location = named.get(DATA_LOCATION)
    return location is not None and any(buffer[location.begin : location.end])


def _text(buffer: memoryview, named: dict[int, Field], number: int) -> str:
    return text(buffer, named[number]) if number in named else ""
