"""A ModelProto made here: nodes, constants, and the graph around them.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.onnx_file.wire import (
    FIXED32,
    VARINT,
    encode_delimited,
    encode_tag,
    encode_varint,
)

IR_VERSION = 8  # that of opset 17; every ONNX Runtime that the library takes reads it
# TensorProto.DataType, by NumPy's name.
TYPES = {"float32": 1, "uint16": 4, "int64": 7, "float16": 10, "float64": 11}
_INT, _FLOAT, _STRING, _FLOATS, _INTS = 2, 1, 3, 6, 7  # AttributeProto.AttributeType

Value = int | float | str | Sequence[int] | Sequence[float]


def made_node(
    operator: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    domain: str = "",
    attributes: Mapping[str, Value] | None = None,
) -> bytes:
    """A NodeProto."""
    parts = [encode_delimited(1, name.encode()) for name in inputs]
    parts += [encode_delimited(2, name.encode()) for name in outputs]
    parts.append(encode_delimited(4, operator.encode()))
    parts += [
        encode_delimited(5, _attribute(name, value)) for name, value in (attributes or {}).items()
    ]
    if domain:
        parts.append(encode_delimited(7, domain.encode()))
    return b"".join(parts)


def made_tensor(name: str, array: npt.NDArray[Any]) -> bytes:
    """A TensorProto with the values in itself; float32, float64 or int64."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    dims = b"".join(_number(1, size) for size in array.shape)
    kind = _number(2, TYPES[array.dtype.name])
    return b"".join(
        (dims, kind, encode_delimited(8, name.encode()), encode_delimited(9, little.tobytes()))
    )


def made_model(
    nodes: Iterable[bytes],
    tensors: Iterable[bytes],
    inputs: Mapping[str, Sequence[int | None]],
    outputs: Mapping[str, Sequence[int | None]],
    opsets: Mapping[str, int],
    types: Mapping[str, str] | None = None,
) -> bytes:
    """A ModelProto.

    Args:
        nodes: as `made_node` makes them, in the order in which they can run.
        tensors: as `made_tensor` makes them.
        inputs, outputs: by name, the shapes of these tensors; None for an open size.
        opsets: by domain, the version of its operators.
        types: of the inputs and outputs that are not of float32, by name.
    """
    graph = [encode_delimited(1, node) for node in nodes]
    graph.append(encode_delimited(2, b"made"))
    graph += [encode_delimited(5, tensor) for tensor in tensors]
    of = types or {}
    graph += [
        encode_delimited(11, _info(name, shape, of.get(name, "float32")))
        for name, shape in inputs.items()
    ]
    graph += [
        encode_delimited(12, _info(name, shape, of.get(name, "float32")))
        for name, shape in outputs.items()
    ]
    imports = [
        encode_delimited(8, encode_delimited(1, domain.encode()) + _number(2, version))
        for domain, version in opsets.items()
    ]
    return b"".join((_number(1, IR_VERSION), encode_delimited(7, b"".join(graph)), *imports))


def _attribute(name: str, value: Value) -> bytes:
    head = encode_delimited(1, name.encode())
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, _INT)
    if isinstance(value, float):
        return head + encode_tag(2, FIXED32) + struct.pack("<f", value) + _number(20, _FLOAT)
    if isinstance(value, str):
        return head + encode_delimited(4, value.encode()) + _number(20, _STRING)
    if all(isinstance(item, int) for item in value):
        packed = b"".join(encode_varint(int(item) % 2**64) for item in value)
        return head + encode_delimited(8, packed) + _number(20, _INTS)
    packed = struct.pack(f"<{len(value)}f", *value)
    return head + encode_delimited(7, packed) + _number(20, _FLOATS)


def _info(name: str, shape: Sequence[int | None], dtype: str = "float32") -> bytes:
    """A ValueInfoProto."""
    sizes = b"".join(
        encode_delimited(1, b"" if size is None else _number(1, size)) for size in shape
    )
    tensor = _number(1, TYPES[dtype]) + encode_delimited(2, sizes)
    return encode_delimited(1, name.encode()) + encode_delimited(2, encode_delimited(1, tensor))


def _number(number: int, value: int) -> bytes:
    return encode_tag(number, VARINT) + encode_varint(value % 2**64)
