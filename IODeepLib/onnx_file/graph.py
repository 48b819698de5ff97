"""The main graph of a model: its nodes, with what they say and where their constants lie."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IODeepLib.onnx_file.tensor import (
    GRAPH,
    Tensor,
    read_integers,
    read_tensor,
    signed,
    unsigned_numbers,
)
from IODeepLib.onnx_file.wire import DELIMITED, Field, WireError, fields, text, varint

if TYPE_CHECKING:
    from IODeepLib.onnx_file.model import OnnxFile

# Of an attribute. Tensors are given apart; graphs and types are left out.
Value = int | float | str | tuple[int, ...] | tuple[float, ...]

_NODE, INPUT, OUTPUT = 1, 11, 12  # of a GraphProto
_OPSET_IMPORT, _FUNCTION = 8, 25  # of a ModelProto
# How a number of a TensorProto.DataType is packed: float32, int32, int64, float64.
_NUMBERS = {1: "<f", 6: "<i", 7: "<q", 11: "<d"}
_FLOAT, _INT, _STRING, _TENSOR, _FLOATS, _INTS = 2, 3, 4, 5, 7, 8  # of an AttributeProto


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph.

    Attributes:
        operator: its operator, of the domain `domain`.
        domain: "" for ONNX's own.
        inputs, outputs: names; "" for one that is left out.
        attributes: by name, those that are numbers or text; also tensors of one number.
        plain: whether it has no others, and none twice.
    """

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Value]
    plain: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The main graph of a model.

    Attributes:
        nodes: in the order in which they run, without those that are constants.
        constants: by name, initializers and the tensors of Constant nodes; also by the names that
            Identity nodes give them, as exporters do with equal ones.
        inputs, outputs: names; inputs also of initializers, if those can be given instead.
        opset: the version of ONNX's own operators, 0 if it has none.
        functions: whether the model defines operators of its own.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opset: int
    functions: bool


def read_graph(file: OnnxFile) -> Graph:
    """The main graph of a model, which was checked when it was opened."""
    buffer, tensors = file.buffer, {tensor.field.start: tensor for tensor in file.tensors}
    constants = {tensor.name: tensor for tensor in file.tensors if tensor.in_main_graph}
    nodes: list[Node] = []
    inputs: list[str] = []
    outputs: list[str] = []
    opset, functions = 0, False
    for part in fields(buffer, 0, len(buffer)):
        if part.number == _OPSET_IMPORT:
            said = _by_number(buffer, part)
            domain = text(buffer, said[1]) if 1 in said else ""
            if domain in ("", "ai.onnx") and 2 in said:
                opset = _integer(buffer, said[2])
        functions = functions or part.number == _FUNCTION
        if part.number != GRAPH:
            continue
        for inner in fields(buffer, part.begin, part.end):
            if inner.number in (INPUT, OUTPUT):
                names = inputs if inner.number == INPUT else outputs
                said = _by_number(buffer, inner)
                names.append(text(buffer, said[1]) if 1 in said else "")
            elif inner.number == _NODE:
                node, values = _node(buffer, inner, tensors)
                gives_one = len(node.outputs) == 1
                alone = len(values) == 1 and not node.attributes
                if node.operator == "Constant" and gives_one and alone:
                    constants[node.outputs[0]] = values[0]
                elif (
                    node.operator == "Identity" and gives_one and constants.keys() & node.inputs[:1]
                ):
                    constants[node.outputs[0]] = constants[node.inputs[0]]
                else:
                    nodes.append(node)
    return Graph(tuple(nodes), constants, tuple(inputs), tuple(outputs), opset, functions)


def _node(
    buffer: memoryview, field: Field, tensors: dict[int, Tensor]
) -> tuple[Node, list[Tensor]]:
    """A node, and the tensors among its attributes that `tensors` has, by where they start."""
    inputs: list[str] = []
    outputs: list[str] = []
    words = {3: "", 4: "", 7: ""}
    attributes: dict[str, Value] = {}
    values: list[Tensor] = []
    plain = True
    for part in fields(buffer, field.begin, field.end):
        if part.number in (1, 2):
            (inputs if part.number == 1 else outputs).append(text(buffer, part))
        elif part.number in words:
            words[part.number] = text(buffer, part)
        elif part.number == 5:
            said = _by_number(buffer, part)
            value = _value(buffer, part)
            name = text(buffer, said[1]) if 1 in said else ""
            if value is not None and name not in attributes:
                attributes[name] = value
            else:
                tensor = tensors.get(said[_TENSOR].start) if _TENSOR in said else None
                values += [] if tensor is None else [tensor]
                single = None
                if _TENSOR in said and tensor is None and name not in attributes:
                    single = _single(buffer, said[_TENSOR])
                if single is None:
                    plain = False
                else:
                    attributes[name] = single
    domain = "" if words[7] == "ai.onnx" else words[7]
    return Node(words[4], domain, tuple(inputs), tuple(outputs), attributes, plain), values


def _value(buffer: memoryview, field: Field) -> Value | None:
    """What an attribute says, by the type that it has; None if that is no number and no text."""
    parts = list(fields(buffer, field.begin, field.end))
    kind = next((_integer(buffer, part) for part in parts if part.number == 20), 0)
    if kind == 1:
        single = [_floats(buffer, part)[0] for part in parts if part.number == _FLOAT]
        return single[0] if single else 0.0
    if kind == 2:
        whole = [_integer(buffer, part) for part in parts if part.number == _INT]
        return whole[0] if whole else 0
    if kind == 3:
        try:
            words = [text(buffer, part) for part in parts if part.number == _STRING]
        except WireError:  # bytes that are no text
            return None
        return words[0] if words else ""
    if kind == 6:
        return tuple(x for p in parts if p.number == _FLOATS for x in _floats(buffer, p))
    if kind == 7:
        numbers = (n for p in parts if p.number == _INTS for n in unsigned_numbers(buffer, p))
        return tuple(map(signed, numbers))
    return None


def _single(buffer: memoryview, field: Field) -> Value | None:
    """The only number of a tensor, of the types that nodes have as such."""
    tensor = read_tensor(buffer, (field,))
    if math.prod(tensor.shape) != 1 or tensor.external:
        return None
    if tensor.inline and tensor.data_type in _NUMBERS:
        begin, end = tensor.inline
        number: int | float = struct.unpack(_NUMBERS[tensor.data_type], buffer[begin:end])[0]
        return number
    integers = read_integers(buffer, tensor, 1)
    return integers[0] if integers else None


def _floats(buffer: memoryview, part: Field) -> tuple[float, ...]:
    return struct.unpack(f"<{(part.end - part.begin) // 4}f", buffer[part.begin : part.end])


def _integer(buffer: memoryview, part: Field) -> int:
    return signed(varint(buffer, part.begin, part.end)[0])


def _by_number(buffer: memoryview, field: Field) -> dict[int, Field]:
    """The fields of a message by their numbers."""
    if field.wire_type != DELIMITED:
        return {}
    return {part.number: part for part in fields(buffer, field.begin, field.end)}
