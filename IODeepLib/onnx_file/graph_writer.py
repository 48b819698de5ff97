"""A small ONNX model written node by node, for what is computed around a network.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from IODeepLib.onnx_file.wire import VARINT, encode_delimited, encode_tag, encode_varint

FLOAT, INT64, FLOAT16 = 1, 7, 10  # of TensorProto.DataType
# The first set of operators in which all that is used here is as it is today.
_OPSET, _IR = 17, 8
_IR_VERSION, _GRAPH, _OPSET_IMPORT, _OPSET_VERSION = 1, 7, 8, 2
_NODE, _GRAPH_NAME, _INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _INT, _STRING, _INTS, _ATTRIBUTE_TYPE = 1, 3, 4, 8, 20
_INT_TYPE, _STRING_TYPE, _INTS_TYPE = 2, 3, 7
_VALUE_NAME, _VALUE_TYPE, _TENSOR_TYPE, _ELEMENTS, _SHAPE, _DIM = 1, 2, 1, 1, 2, 1
_DIMS, _DATA_TYPE, _TENSOR_NAME, _RAW_DATA = 1, 2, 8, 9

Attribute = int | str | Sequence[int]


class GraphWriter:
    """A model of one graph that grows; all sizes of its inputs and outputs are open."""

    def __init__(self) -> None:
        self._parts: list[bytes] = [_text(_GRAPH_NAME, "graph")]
        self._count = 0

    def input(self, name: str, data_type: int, rank: int) -> str:
        """Add an input of the whole; its name."""
        self._parts.append(encode_delimited(_GRAPH_INPUT, _value(name, data_type, rank)))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant of one axis; its name."""
        name = self._new_name()
        tensor = (
            _number(_DIMS, len(values))
            + _number(_DATA_TYPE, INT64)
            + _text(_TENSOR_NAME, name)
            + encode_delimited(_RAW_DATA, struct.pack(f"<{len(values)}q", *values))
        )
        self._parts.append(encode_delimited(_INITIALIZER, tensor))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Add an operator with one output; its name."""
        return self._node(operator, inputs, self._new_name(), attributes)

    def output(self, name: str, rank: int, operator: str, *inputs: str, **more: Attribute) -> None:
        """Add an operator whose output, of float32, is one of the whole."""
        self._node(operator, inputs, name, more)
        self._parts.append(encode_delimited(_GRAPH_OUTPUT, _value(name, FLOAT, rank)))

    def model(self) -> bytes:
        """The whole as a ModelProto."""
        return (
            _number(_IR_VERSION, _IR)
            + encode_delimited(_GRAPH, b"".join(self._parts))
            + encode_delimited(_OPSET_IMPORT, _number(_OPSET_VERSION, _OPSET))
        )

    def _node(
        self, operator: str, inputs: Sequence[str], output: str, attributes: dict[str, Attribute]
    ) -> str:
        node = b"".join(_text(_NODE_INPUT, name) for name in inputs)
        node += _text(_NODE_OUTPUT, output) + _text(_OPERATOR, operator)
        for name, value in attributes.items():
            node += encode_delimited(_ATTRIBUTE, _text(_ATTRIBUTE_NAME, name) + _attribute(value))
        self._parts.append(encode_delimited(_NODE, node))
        return output

    def _new_name(self) -> str:
        self._count += 1
        return f"v{self._count}"


def _attribute(value: Attribute) -> bytes:
    if isinstance(value, int):
        return _number(_INT, value) + _number(_ATTRIBUTE_TYPE, _INT_TYPE)
    if isinstance(value, str):
        return _text(_STRING, value) + _number(_ATTRIBUTE_TYPE, _STRING_TYPE)
    numbers = b"".join(_number(_INTS, number) for number in value)
    return numbers + _number(_ATTRIBUTE_TYPE, _INTS_TYPE)


def _value(name: str, data_type: int, rank: int) -> bytes:
    """A ValueInfoProto of a tensor."""
    shape = encode_delimited(_DIM, b"") * rank
    tensor = _number(_ELEMENTS, data_type) + encode_delimited(_SHAPE, shape)
    type_ = encode_delimited(_TENSOR_TYPE, tensor)
    return _text(_VALUE_NAME, name) + encode_delimited(_VALUE_TYPE, type_)


def _number(field: int, value: int) -> bytes:
    return encode_tag(field, VARINT) + encode_varint(value)


def _text(field: int, value: str) -> bytes:
    return encode_delimited(field, value.encode())
