"""One tensor of weights: a TensorProto, where its values lie, and how they are moved elsewhere.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, and external
data is described in https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import NamedTuple

from IODeepLib.disk.byte_ranges import ByteRange, Piece
from IODeepLib.onnx_file.wire import (
    DELIMITED,
    VARINT,
    Field,
    WireError,
    encode_delimited,
    encode_tag,
    encode_varint,
    fields,
    text,
    varint,
)

DIMS, DATA_TYPE, SEGMENT, NAME, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 3, 8, 13, 14
FLOAT_DATA, RAW_DATA, DOUBLE_DATA = 4, 9, 10
INT32_DATA, STRING_DATA, INT64_DATA, UINT64_DATA = 5, 6, 7, 11
GRAPH = 7  # of a ModelProto
KEY, VALUE = 1, 2  # of a StringStringEntryProto
_MAX_RANK = 64  # as in NumPy
_INT64 = 7
_MAX_DIGITS = 19  # of a number below 2**63
# ONNX Runtime knows more of them: weights that it has packed itself, which it takes unchecked.
_EXTERNAL_KEYS = ("location", "offset", "length", "checksum")

# The fields whose packed values are the little-endian bytes that raw_data would hold, by data type.
_TYPED_FIELD = {1: FLOAT_DATA, 14: FLOAT_DATA, 11: DOUBLE_DATA, 15: DOUBLE_DATA}
_DATA = {
    *(FLOAT_DATA, DOUBLE_DATA, RAW_DATA),
    *(INT32_DATA, STRING_DATA, INT64_DATA, UINT64_DATA, SEGMENT),
}


class DataType(NamedTuple):
    """A TensorProto.DataType: bits of one value, and its name in safetensors ("" for none)."""

    bits: int
    safetensors: str


DATA_TYPES = {
    1: DataType(32, "F32"),
    2: DataType(8, "U8"),
    3: DataType(8, "I8"),
    4: DataType(16, "U16"),
    5: DataType(16, "I16"),
    6: DataType(32, "I32"),
    7: DataType(64, "I64"),
    9: DataType(8, "BOOL"),
    10: DataType(16, "F16"),
    11: DataType(64, "F64"),
    12: DataType(32, "U32"),
    13: DataType(64, "U64"),
    14: DataType(64, ""),  # complex64
    15: DataType(128, ""),  # complex128
    16: DataType(16, "BF16"),
    17: DataType(8, "F8_E4M3"),
    18: DataType(8, ""),  # float8e4m3fnuz
    19: DataType(8, "F8_E5M2"),
    20: DataType(8, ""),  # float8e5m2fnuz
    21: DataType(4, ""),  # uint4, two in a byte
    22: DataType(4, ""),  # int4
    23: DataType(4, ""),  # float4e2m1
    24: DataType(8, ""),  # float8e8m0
    25: DataType(2, ""),  # uint2
    26: DataType(2, ""),  # int2
}


class ExternalData(NamedTuple):
    """Where a tensor's values lie: a file, named relative to the model, and a range in it."""

    location: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """An initializer of a graph, or the value of a Constant node.

    Attributes:
        name: its name; of a nameless Constant, that of the node's output.
        shape: its dimensions.
        data_type: its type; it is in DATA_TYPES if the tensor can be moved.
        nbytes: length of its values as little-endian bytes; 0 if the type is not in DATA_TYPES.
        inline: the range of those bytes in the ModelProto, if they lie there as such.
        external: where else they lie, if they do. A tensor that has neither cannot be moved.
        typed: whether they lie in float_data or double_data, as `inline` says, not in raw_data.
        way: the fields in which it stands, from the outermost to its own.
    """

    name: str
    shape: tuple[int, ...]
    data_type: int
    nbytes: int
    inline: tuple[int, int] | None
    external: ExternalData | None
    typed: bool
    way: tuple[Field, ...]

    @property
    def field(self) -> Field:
        """Its own field in the message around it."""
        return self.way[-1]

    @property
    def in_main_graph(self) -> bool:
        """Whether it is an initializer of the main graph."""
        return len(self.way) == 2 and self.way[0].number == GRAPH


def read_tensor(buffer: memoryview, way: tuple[Field, ...], constant: str = "") -> Tensor:
    """The tensor at the end of `way`.

    Args:
        buffer: the ModelProto.
        way: the fields in which it stands, from the outermost to its own.
        constant: the output of its node, for the value of a Constant.

    Raises:
        WireError: it is damaged.
    """
    name, data_type, external_flag = constant, 0, 0
    shape: list[int] = []
    entries: list[Field] = []
    data: list[Field] = []
    for part in fields(buffer, way[-1].begin, way[-1].end):
        if part.number == DIMS:
            shape += unsigned_numbers(buffer, part)
        elif part.number == NAME and part.wire_type == DELIMITED:
            name = text(buffer, part) or constant
        elif part.number == DATA_TYPE and part.wire_type == VARINT:
            data_type, _ = varint(buffer, part.begin, part.end)
        elif part.number == DATA_LOCATION and part.wire_type == VARINT:
            external_flag, _ = varint(buffer, part.begin, part.end)
        elif part.number == EXTERNAL_DATA and part.wire_type == DELIMITED:
            entries.append(part)
        elif part.number in _DATA:
            data.append(part)
    if len(shape) > _MAX_RANK or any(size >= 2**63 for size in shape):
        raise WireError(f"{name!r} has {len(shape)} dimensions, or a negative one")
    kind = DATA_TYPES.get(data_type)
    nbytes = -(-math.prod(shape) * kind.bits // 8) if kind else 0
    inline = external = None
    typed = False
    if entries and not external_flag:
        raise WireError(f"{name!r} names a file, but has its values in the model")
    if external_flag:
        if kind is None or data:
            raise WireError(f"{name!r} of type {data_type} has its values both inside and outside")
        external = _external_data(buffer, entries, name, nbytes)
    elif kind and len(data) == 1 and _is_plain(data[0], data_type):
        inline, typed = (data[0].begin, data[0].end), data[0].number != RAW_DATA
        if inline[1] - inline[0] != nbytes:
            raise WireError(
                f"{name!r} has {inline[1] - inline[0]} bytes, its shape {tuple(shape)} {nbytes}"
            )
    return Tensor(name, tuple(shape), data_type, nbytes, inline, external, typed, way)


def moved_out(buffer: memoryview, tensor: Tensor, place: ExternalData) -> list[Piece]:
    """The TensorProto with its values at `place` instead of where they are now.

    Where data_location was absent it is put in front of the entries, against the usual order:
    `moved_in` knows by that to take it away again.
    """
    entries = b"".join(
        encode_delimited(EXTERNAL_DATA, _entry(key, str(value)))
        for key, value in place._asdict().items()
    )
    parts = list(fields(buffer, tensor.field.begin, tensor.field.end))
    external = encode_tag(DATA_LOCATION, VARINT) + b"\x01"
    if not any(part.number == DATA_LOCATION for part in parts):
        entries = external + entries
    pieces: list[Piece] = []
    for part in parts:
        if part.number in _DATA or part.number == EXTERNAL_DATA:
            pieces.append(entries)
            entries = b""
        elif part.number == DATA_LOCATION:
            pieces.append(external)
        else:
            pieces.append(buffer[part.start : part.end])
    return pieces


def moved_in(buffer: memoryview, tensor: Tensor, values: ByteRange, typed: bool) -> list[Piece]:
    """The TensorProto with its external `values` in itself: undoes `moved_out`.

    They go to raw_data, or to float_data or double_data if `typed`.
    """
    data_field = _TYPED_FIELD[tensor.data_type] if typed else RAW_DATA
    parts = list(fields(buffer, tensor.field.begin, tensor.field.end))
    first = next(i for i, part in enumerate(parts) if part.number == EXTERNAL_DATA)
    pieces: list[Piece] = []
    for i, part in enumerate(parts):
        if i == first:
            head = encode_tag(data_field, DELIMITED) + encode_varint(values.length)
            pieces += [head, values]
        elif part.number == DATA_LOCATION and i != first - 1:
            pieces.append(encode_tag(DATA_LOCATION, VARINT) + b"\x00")
        elif part.number not in (EXTERNAL_DATA, DATA_LOCATION):
            pieces.append(buffer[part.start : part.end])
    return pieces


def _is_plain(data: Field, data_type: int) -> bool:
    return data.wire_type == DELIMITED and data.number in (RAW_DATA, _TYPED_FIELD.get(data_type))


def read_integers(buffer: memoryview, tensor: Tensor, most: int) -> tuple[int, ...] | None:
    """The values of a tensor of int64 in the model, if it is one, and has so many at most."""
    if tensor.data_type != _INT64 or tensor.external or math.prod(tensor.shape) > most:
        return None
    if tensor.inline:
        begin, end = tensor.inline
        return struct.unpack(f"<{tensor.nbytes // 8}q", buffer[begin:end])
    parts = fields(buffer, tensor.field.begin, tensor.field.end)
    return tuple(
        signed(number)
        for part in parts
        if part.number == INT64_DATA
        for number in unsigned_numbers(buffer, part)
    )


def signed(number: int) -> int:
    """A number of 64 bits, as two's complement."""
    return number - 2**64 if number >= 2**63 else number


def unsigned_numbers(buffer: memoryview, part: Field) -> list[int]:
    """The unsigned numbers of 64 bits in a field, which is one of them or packed."""
    found, position = [], part.begin
    while position < part.end and part.wire_type in (VARINT, DELIMITED):
        number, position = varint(buffer, position, part.end)
        found.append(number)
    return found


def _entry(key: str, value: str) -> bytes:
    return encode_delimited(KEY, key.encode()) + encode_delimited(VALUE, value.encode())


def _external_data(
    buffer: memoryview, entries: list[Field], name: str, nbytes: int
) -> ExternalData:
    said: dict[str, str] = {}
    for entry in entries:
        parts = {part.number: part for part in fields(buffer, entry.begin, entry.end)}
        key, value = (
            text(buffer, parts[number]) if number in parts else "" for number in (KEY, VALUE)
        )
        if key in said or key not in _EXTERNAL_KEYS:
            raise WireError(f"{name!r} has {key!r} twice, or unknown, in its external data")
        said[key] = value
    offset, length = (
        _number(said.get(key, default))
        for key, default in (("offset", "0"), ("length", str(nbytes)))
    )
    if not said.get("location") or offset is None or length is None:
        raise WireError(f"{name!r} does not say in which file its values lie, and where there")
    if length != nbytes:
        raise WireError(f"{name!r} has {length} bytes elsewhere, its shape needs {nbytes}")
    return ExternalData(said["location"], offset, length)


def _number(digits: str) -> int | None:
    """A number as `str` writes it, which every reader takes for the same one; None for others."""
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        return None
    number = int(digits)
    return number if str(number) == digits and number < 2**63 else None
