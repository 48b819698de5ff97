"""What a ModelProto holds: tensors that can lie elsewhere, and what would be run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from IODeepLib.onnx_file.declared import MOST_VALUES, Declared
from IODeepLib.onnx_file.growth import Body, complaint
from IODeepLib.onnx_file.operators import OBEYED_METADATA, Operator, barred
from IODeepLib.onnx_file.schema import MessageReader, inner_messages
from IODeepLib.onnx_file.tensor import (
    DATA_LOCATION,
    EXTERNAL_DATA,
    KEY,
    Tensor,
    read_integers,
    read_tensor,
    signed,
    unsigned_numbers,
)
from IODeepLib.onnx_file.tensor import NAME as TENSOR_NAME
from IODeepLib.onnx_file.wire import Field, WireError, fields, text, varint

_MODEL_METADATA = 14
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_DOMAIN, _NODE_OVERLOAD = 1, 2, 4, 7, 8
_FUNCTION_NAME, _FUNCTION_DOMAIN, _FUNCTION_OVERLOAD = 1, 10, 13
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 1, 3, 5, 8
_SPARSE_DIMS = 3
_ONNX = ("", "ai.onnx")
_MAX_DEPTH = 100  # the nesting at which Protocol Buffers gives up, too


@dataclass(slots=True)
class Contents:
    """What was found in a model.

    Attributes:
        tensors: those that can lie in other files, in the order in which they stand: the
            initializers of every graph, and the values of Constant nodes.
        external_tensors: names of those that lie in other files but cannot be used there.
        barred: the operators that may not run, in words.
        obeyed: keys in its metadata that ONNX Runtime would obey.
        endless: what would take for ever, in words; "" for nothing.
        largest: bytes of the largest tensor whose size stands in the model.
    """

    tensors: list[Tensor] = field(default_factory=list)
    external_tensors: list[str] = field(default_factory=list)
    barred: str = ""
    obeyed: list[str] = field(default_factory=list)
    endless: str = ""
    largest: int = 0


class _Message(NamedTuple):
    """A message that is still to be read.

    Attributes:
        kind: its name in the schema.
        holder: that of the message around it.
        begin, end: where it lies.
        way: the fields around it, and its own.
        constant: in a Constant node, the name of its output.
        body: the main graph, or the function that it is part of.
        level: how many graphs it is in.
    """

    kind: str
    holder: str
    begin: int
    end: int
    way: tuple[Field, ...]
    constant: str
    body: Body
    level: int


def read_contents(buffer: memoryview) -> Contents:
    """Walk through the whole ModelProto.

    Raises:
        WireError: it is damaged, or could be read in two ways.
    """
    return _Walk(buffer).contents()


class _Walk:
    def __init__(self, buffer: memoryview) -> None:
        self._buffer, self._reader = buffer, MessageReader(buffer)
        self._found, self._declared, self._main = Contents(), Declared(), Body()
        self._functions: dict[Operator, Body] = {}

    def contents(self) -> Contents:
        # An own stack: the nesting of a file must not become that of Python.
        todo = [_Message("Model", "", 0, len(self._buffer), (), "", self._main, 0)]
        while todo:
            message = todo.pop()
            if len(message.way) > _MAX_DEPTH:
                raise WireError(f"more than {_MAX_DEPTH} messages within each other")
            parts = self._reader.message(message.kind, message.begin, message.end)
            message = self._noted(message, parts)
            kind, inner = message.kind, inner_messages(message.kind)
            todo += (
                _Message(
                    inner[part.number],
                    kind,
                    part.begin,
                    part.end,
                    (*message.way, part),
                    message.constant,
                    message.body,
                    message.level + (inner[part.number] == "Graph"),
                )
                for part in parts
                if part.number in inner
            )
        return self._judged()

    def _judged(self) -> Contents:
        bodies = (self._main, *self._functions.values())
        used = {operator for body in bodies for operator in body.calls}
        found = self._found
        found.barred = barred(used, self._functions)
        found.endless = complaint(self._main, self._functions) or self._declared.complaint()
        found.largest = self._declared.largest()
        found.tensors.sort(key=lambda tensor: tensor.field.start)
        return found

    def _noted(self, message: _Message, parts: list[Field]) -> _Message:
        """Note what a message says, and return it with what holds for those within it."""
        if message.kind == "Node":
            return message._replace(constant=self._node(message, parts))
        if message.kind == "Function":
            return message._replace(body=self._function(parts), level=1)
        if message.kind == "Tensor":
            self._tensor(message, parts)
        elif message.kind == "Attribute" and message.constant:
            self._constant(message, parts)
        elif message.kind == "SparseTensor":  # ONNX Runtime makes it a dense one
            self._declared.add_shape(self._numbers(message, _SPARSE_DIMS))
        elif message.kind == "Graph":  # not of the node around it, if that is a Constant
            return message._replace(constant="")
        elif message.kind == "StringStringEntry" and message.way[0].number == _MODEL_METADATA:
            key = self._text(parts, KEY)
            self._found.obeyed += [key] if key in OBEYED_METADATA else []
        return message

    def _node(self, message: _Message, parts: list[Field]) -> str:
        """The name of its output if it is a Constant, or ""."""
        domain, name, overload = (
            self._text(parts, number) for number in (_NODE_DOMAIN, _NODE_OPERATOR, _NODE_OVERLOAD)
        )
        message.body.add((domain, name, overload), message.level)
        if domain not in _ONNX:
            return ""
        inputs = tuple(text(self._buffer, p) for p in parts if p.number == _NODE_INPUT)
        self._declared.add_node(name, inputs)
        return self._text(parts, _NODE_OUTPUT) if name == "Constant" else ""

    def _function(self, parts: list[Field]) -> Body:
        domain, name, overload = (
            self._text(parts, number)
            for number in (_FUNCTION_DOMAIN, _FUNCTION_NAME, _FUNCTION_OVERLOAD)
        )
        if (domain, name, overload) in self._functions:
            raise WireError(f"two functions {name!r}")
        return self._functions.setdefault((domain, name, overload), Body())

    def _tensor(self, message: _Message, parts: list[Field]) -> None:
        holder, place = message.holder, message.way[-1].number
        is_value = holder == "Attribute" and message.constant and place == _ATTRIBUTE_TENSOR
        if holder == "Graph" or is_value:
            constant = message.constant if is_value else ""
            tensor = read_tensor(self._buffer, message.way, constant)
            self._found.tensors.append(tensor)
            if not tensor.inline and not tensor.external:
                self._declared.add_shape(tensor.shape)
            values = read_integers(self._buffer, tensor, MOST_VALUES)
            if values is not None:
                self._declared.add_constant(constant or tensor.name, values)
            return
        named = {part.number: part for part in parts}
        flag = named.get(DATA_LOCATION)
        if EXTERNAL_DATA in named or (flag and varint(self._buffer, flag.begin, flag.end)[0]):
            self._found.external_tensors.append(self._text(parts, TENSOR_NAME))

    def _constant(self, message: _Message, parts: list[Field]) -> None:
        """Note the integers of a Constant that are no tensor."""
        name = self._text(parts, _ATTRIBUTE_NAME)
        wanted = {"value_int": _ATTRIBUTE_INT, "value_ints": _ATTRIBUTE_INTS}.get(name)
        if wanted is None:
            return
        values = self._numbers(message, wanted)
        if len(values) <= MOST_VALUES:
            self._declared.add_constant(message.constant, tuple(map(signed, values)))

    def _numbers(self, message: _Message, wanted: int) -> list[int]:
        """The numbers in the field `wanted` of a message; not many more than are looked at."""
        values: list[int] = []
        for part in fields(self._buffer, message.begin, message.end):
            if part.number == wanted and len(values) <= MOST_VALUES:
                values += unsigned_numbers(self._buffer, part)
        return values

    def _text(self, parts: list[Field], number: int) -> str:
        return next((text(self._buffer, part) for part in parts if part.number == number), "")
