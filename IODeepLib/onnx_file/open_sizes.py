"""A model whose tensors may have any size along the axes of an image."""

from __future__ import annotations

from collections.abc import Sequence

from IODeepLib.disk.byte_ranges import Piece, joined
from IODeepLib.onnx_file.graph import INPUT, OUTPUT
from IODeepLib.onnx_file.tensor import GRAPH
from IODeepLib.onnx_file.wire import (
    DELIMITED,
    Field,
    encode_tag,
    fields,
    replaced,
)

# Batch and channels come first; the convolutions' weights fix these.
_FIXED_AXES = 2
_VALUE_INFO = 13  # of a GraphProto: the shapes of what lies between
_TYPE, _TENSOR_TYPE, _SHAPE, _DIMENSION = 2, 1, 2, 1  # the way from a ValueInfoProto to its sizes
_OPEN = encode_tag(_DIMENSION, DELIMITED) + b"\0"


def with_open_sizes(content: bytes) -> bytes:
    """The ModelProto with inputs and outputs of any size along all axes but the first two.

    Whether its nodes can work with other sizes is not looked at. Field numbers are those of
    https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

    Raises:
        WireError: the bytes are no ModelProto.
    """
    buffer = memoryview(content)
    changes: list[tuple[Sequence[Field], list[Piece]]] = []
    for graph in _of(buffer, None, GRAPH):
        for part in fields(buffer, graph.begin, graph.end):
            if part.number == _VALUE_INFO:
                named = next(iter(_of(buffer, part, 1)), None)
                kept = b"" if named is None else bytes(buffer[named.start : named.end])
                changes.append(([graph, part], [kept]))
            elif part.number in (INPUT, OUTPUT):
                changes += [
                    ([graph, *way], [_opened(buffer, way[-1])]) for way in _shapes(buffer, part)
                ]
    return joined(replaced(buffer, 0, len(buffer), changes))


def _shapes(buffer: memoryview, part: Field) -> list[list[Field]]:
    """The ways from an input or output to its TensorShapeProto."""
    ways = [[part]]
    for number in (_TYPE, _TENSOR_TYPE, _SHAPE):
        ways = [[*way, inner] for way in ways for inner in _of(buffer, way[-1], number)]
    return ways


def _opened(buffer: memoryview, shape: Field) -> bytes:
    sizes = [bytes(buffer[d.start : d.end]) for d in _of(buffer, shape, _DIMENSION)]
    return b"".join(sizes[:_FIXED_AXES]) + _OPEN * len(sizes[_FIXED_AXES:])


def _of(buffer: memoryview, message: Field | None, number: int) -> list[Field]:
    """The messages of this number in a message, or in the whole buffer.

    Where something else has the number, readers of Protocol Buffers pass over it.
    """
    begin, end = (0, len(buffer)) if message is None else (message.begin, message.end)
    found = (part for part in fields(buffer, begin, end) if part.number == number)
    return [part for part in found if part.wire_type == DELIMITED]
