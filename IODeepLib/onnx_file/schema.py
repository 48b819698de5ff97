"""What an ONNX message may hold, and one message read so that no two readers can differ over it.

Protocol Buffers merges a message that is given twice where one is expected, takes the last of two
numbers, and keeps fields that it does not know. Whoever reads the same bytes in another way sees
another model. So every field must be one that ONNX has, in its own wire type, as often as it may
stand there, and encoded in the one shortest way. What is refused was written by no exporter.

Numbers and types are those of https://github.com/onnx/onnx/blob/main/onnx/onnx-ml.proto; a test
holds them against the package `onnx`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from IODeepLib.onnx_file.wire import (
    DELIMITED,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireError,
    fields,
    varint,
)

# A line a message: the number and type of each field; "*" before it: repeated; "?": one of those
# with a "?" at most. A name with a capital is a message, or an enumeration.
_TABLE = """
Model: 1 int64, 2 string, 3 string, 4 string, 5 int64, 6 string, 7 Graph, 8 *OperatorSetId,
    14 *StringStringEntry, 20 *TrainingInfo, 25 *Function, 26 *DeviceConfiguration
OperatorSetId: 1 string, 2 int64
StringStringEntry: 1 string, 2 string
TrainingInfo: 1 Graph, 2 Graph, 3 *StringStringEntry, 4 *StringStringEntry
DeviceConfiguration: 1 string, 2 int32, 3 *string
Function: 1 string, 4 *string, 5 *string, 6 *string, 7 *Node, 8 string, 9 *OperatorSetId,
    10 string, 11 *Attribute, 12 *ValueInfo, 13 string, 14 *StringStringEntry
Graph: 1 *Node, 2 string, 5 *Tensor, 10 string, 11 *ValueInfo, 12 *ValueInfo, 13 *ValueInfo,
    14 *TensorAnnotation, 15 *SparseTensor, 16 *StringStringEntry
TensorAnnotation: 1 string, 2 *StringStringEntry
Node: 1 *string, 2 *string, 3 string, 4 string, 5 *Attribute, 6 string, 7 string, 8 string,
    9 *StringStringEntry, 10 *NodeDeviceConfiguration
NodeDeviceConfiguration: 1 string, 2 *ShardingSpec, 3 int32
ShardingSpec: 1 string, 2 *int64, 3 *IntIntListEntry, 4 *ShardedDim
IntIntListEntry: 1 int64, 2 *int64
ShardedDim: 1 int64, 2 *SimpleShardedDim
SimpleShardedDim: 1 ?int64, 2 ?string, 3 int64
Attribute: 1 string, 2 float, 3 int64, 4 bytes, 5 Tensor, 6 Graph, 7 *float, 8 *int64, 9 *bytes,
    10 *Tensor, 11 *Graph, 13 string, 14 Type, 15 *Type, 20 AttributeType, 21 string,
    22 SparseTensor, 23 *SparseTensor
Tensor: 1 *int64, 2 int32, 3 Segment, 4 *float, 5 *int32, 6 *bytes, 7 *int64, 8 string, 9 bytes,
    10 *double, 11 *uint64, 12 string, 13 *StringStringEntry, 14 DataLocation,
    16 *StringStringEntry
Segment: 1 int64, 2 int64
SparseTensor: 1 Tensor, 2 Tensor, 3 *int64
ValueInfo: 1 string, 2 Type, 3 string, 4 *StringStringEntry
Type: 1 ?TensorType, 4 ?SequenceType, 5 ?MapType, 6 string, 7 ?OpaqueType, 8 ?SparseTensorType,
    9 ?OptionalType
TensorType: 1 int32, 2 TensorShape
SparseTensorType: 1 int32, 2 TensorShape
SequenceType: 1 Type
OptionalType: 1 Type
MapType: 1 int32, 2 Type
OpaqueType: 1 string, 2 string
TensorShape: 1 *Dimension
Dimension: 1 ?int64, 2 ?string, 3 string
"""
# By message and field number.
MESSAGES = {
    name: {int(number): kind for number, kind in (item.split() for item in items.split(","))}
    for name, items in (line.split(":") for line in _TABLE.replace(",\n", ",").strip().splitlines())
}
# Enumerations, with their highest value.
ENUMS = {"AttributeType": 14, "DataLocation": 1}

_WIRE_TYPES = {
    **dict.fromkeys(("int32", "int64", "uint64", *ENUMS), VARINT),
    "float": FIXED32,
    "double": FIXED64,
}
# Far more than any network has, with numbers that are not packed; a second or two of reading.
MAX_FIELDS = 2**21
_ONE_OF = 1  # the bit of those of which one at most may stand there
# A packed number too long, or not the shortest that it can be.
_NO_NUMBERS = re.compile(rb"[\x80-\xff]{10}|[\x80-\xff]\x00")


_Check = Callable[[memoryview, Field], None]


class _Kind(NamedTuple):
    """What a field of this number and wire type may be.

    Attributes:
        bit: what marks that it was there, or 0 for a repeated one.
        kept: whether it is more than one of many numbers.
        check: raises WireError for a value that it cannot have.
    """

    bit: int
    kept: bool
    check: _Check | None


class MessageReader:
    """Reads the messages of one model, which together have so many fields at most."""

    def __init__(self, buffer: memoryview) -> None:
        self._buffer, self._left = buffer, MAX_FIELDS

    def message(self, message: str, begin: int, end: int) -> list[Field]:
        """The fields of the `message` between `begin` and `end`, in their order.

        Repeated numbers are checked but left out: there may be millions.

        Raises:
            WireError: it is damaged, could be read in two ways, or there are too many of them.
        """
        buffer, kinds, seen = self._buffer, _KINDS[message], 0
        kept: list[Field] = []
        left = self._left
        for field in fields(buffer, begin, end):
            kind = kinds.get(field[:2])
            if kind is None:
                raise _unknown(message, field)
            bit, is_kept, check = kind
            if bit:
                if seen & bit:
                    raise WireError(f"in {message} the field {field.number} twice")
                seen |= bit
            if check is not None:
                check(buffer, field)
            if is_kept:
                kept.append(field)
            left -= 1
            if left < 0:
                raise WireError(f"more than {MAX_FIELDS} fields")
        self._left = left
        return kept


def _unknown(message: str, field: Field) -> WireError:
    """Why there is no such field."""
    known = field.number in MESSAGES[message]
    what = f"the wire type {field.wire_type} of" if known else "the"
    return WireError(f"in {message} {what} field {field.number} at byte {field.start}")


def _check_packed(buffer: memoryview, field: Field) -> None:
    packed = buffer[field.begin : field.end]
    if packed and (packed[-1] >= 0x80 or _NO_NUMBERS.search(packed)):
        raise WireError(f"no packed numbers at byte {field.start}")


def _check_sizes(size: int) -> _Check:
    def check(buffer: memoryview, field: Field) -> None:
        if (field.end - field.begin) % size:
            raise WireError(f"no packed numbers at byte {field.start}")

    return check


def _check_string(buffer: memoryview, field: Field) -> None:
    try:
        str(buffer[field.begin : field.end], "utf-8")
    except UnicodeDecodeError:
        raise WireError(f"no UTF-8 text at byte {field.start}") from None


def _check_int32(buffer: memoryview, field: Field) -> None:
    number, _ = varint(buffer, field.begin, field.end)
    if 2**31 <= number < 2**64 - 2**31:
        raise WireError(f"no number of 32 bits at byte {field.start}")


def _check_enum(highest: int) -> _Check:
    def check(buffer: memoryview, field: Field) -> None:
        number, _ = varint(buffer, field.begin, field.end)
        if number > highest:
            raise WireError(f"a value that ONNX does not know at byte {field.start}")

    return check


_CHECKS: dict[str, _Check] = {
    "string": _check_string,
    "int32": _check_int32,
    **{name: _check_enum(highest) for name, highest in ENUMS.items()},
}
_PACKED: dict[int, _Check] = {
    VARINT: _check_packed,
    FIXED32: _check_sizes(4),
    FIXED64: _check_sizes(8),
}


def _kinds(number: int, words: str) -> dict[tuple[int, int], _Kind]:
    """What a field may be, by number and wire type."""
    name = words.lstrip("*?")
    wire_type = _WIRE_TYPES.get(name, DELIMITED)
    if words[0] == "*" and wire_type != DELIMITED:
        return {
            (number, wire_type): _Kind(0, False, _CHECKS.get(name)),
            (number, DELIMITED): _Kind(0, False, _PACKED[wire_type]),
        }
    bit = 0 if words[0] == "*" else _ONE_OF if words[0] == "?" else 1 << number
    return {(number, wire_type): _Kind(bit, True, _CHECKS.get(name))}


_KINDS = {
    message: {
        key: kind for number, words in table.items() for key, kind in _kinds(number, words).items()
    }
    for message, table in MESSAGES.items()
}
_INNER = {
    message: {
        number: words.lstrip("*?")
        for number, words in table.items()
        if words.lstrip("*?") in MESSAGES
    }
    for message, table in MESSAGES.items()
}


def inner_messages(message: str) -> dict[int, str]:
    """The messages that the fields of a `message` are, by their number."""
    return _INNER[message]
