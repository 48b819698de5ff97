"""Protocol Buffers at wire level: enough to walk and to rewrite a message without its schema.

A message is a run of fields; a field is a tag (number and wire type) and a value. Numbers must be
in as few bytes as possible, for readers differ over longer ones.
https://protobuf.dev/programming-guides/encoding

Ours because the package onnx holds a network with all its weights in memory, and protobuf ends at
2 GB: here a file is walked through where it lies, whatever it claims to hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from mmap import mmap
from typing import NamedTuple

from IODeepLib.disk.byte_ranges import Piece, size_of

Buffer = bytes | memoryview | mmap

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_MAX_TAG = 2**32 - 1
_MAX_NUMBER = 2**64 - 1
_MAX_TEXT = 2**16  # bytes; names and paths are shorter


class WireError(ValueError):
    """The bytes are no Protocol Buffers message."""


class Field(NamedTuple):
    """One field of a message; all positions count from the beginning of the buffer.

    Attributes:
        number: the field's number in the schema.
        wire_type: VARINT, FIXED64, DELIMITED or FIXED32.
        start: where its tag begins.
        begin: where its value begins; after the length, if it has one.
        end: where its value ends, exclusive.
    """

    number: int
    wire_type: int
    start: int
    begin: int
    end: int


def fields(buffer: Buffer, begin: int, end: int) -> Iterator[Field]:
    """The fields of the message between `begin` and `end`, in their order.

    Raises:
        WireError: a field is malformed, or reaches beyond `end`.
    """
    position = begin
    while position < end:
        start = position
        tag, position = varint(buffer, start, end)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or tag > _MAX_TAG:
            raise WireError(f"no field tag at byte {start}")
        value = position
        if wire_type == DELIMITED:
            length, value = varint(buffer, position, end)
            position = value + length
        elif wire_type == VARINT:
            _, position = varint(buffer, position, end)
        elif wire_type in _FIXED_SIZES:
            position += _FIXED_SIZES[wire_type]
        else:
            raise WireError(f"wire type {wire_type} at byte {start}")
        if position > end:
            raise WireError(f"the field at byte {start} ends {position - end} bytes too late")
        yield Field(number, wire_type, start, value, position)


def varint(buffer: Buffer, position: int, end: int) -> tuple[int, int]:
    """The unsigned number of up to 64 bits at `position`, and where it ends."""
    if position < end and buffer[position] < 0x80:  # most are one byte
        return buffer[position], position + 1
    result = shift = 0
    while position < end and shift < 70:
        byte = buffer[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 or result > _MAX_NUMBER:
                break
            return result, position
        shift += 7
    raise WireError(f"no number at byte {position}")


def encode_varint(value: int) -> bytes:
    """`value` (not negative) in as few bytes as possible."""
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def encode_tag(number: int, wire_type: int) -> bytes:
    """The tag of a field."""
    return encode_varint(number << 3 | wire_type)


def encode_delimited(number: int, value: bytes) -> bytes:
    """A whole length-delimited field: bytes, text or a message."""
    return encode_tag(number, DELIMITED) + encode_varint(len(value)) + value


def replaced(
    buffer: memoryview, begin: int, end: int, changes: Sequence[tuple[Sequence[Field], list[Piece]]]
) -> list[Piece]:
    """The message between `begin` and `end` with other values in some fields.

    Args:
        buffer: where it lies.
        begin, end: its range.
        changes: for each field that changes, in their order: the fields in which it stands, from
            the outermost to its own, and its new value. All of them are length-delimited.
    """
    pieces: list[Piece] = []
    done = begin
    for field, group in groupby(changes, key=lambda change: change[0][0]):
        inside = [(way[1:], value) for way, value in group]
        deeper, value = inside[0]
        if deeper:
            value = replaced(buffer, field.begin, field.end, inside)
        head = encode_tag(field.number, DELIMITED) + encode_varint(size_of(value))
        pieces += [buffer[done : field.start], head, *value]
        done = field.end
    pieces.append(buffer[done:end])
    return pieces


def text(buffer: Buffer, field: Field) -> str:
    """The value of a length-delimited field as text.

    Raises:
        WireError: it is no text, or longer than a name can be.
    """
    if field.wire_type != DELIMITED or field.end - field.begin > _MAX_TEXT:
        raise WireError(f"no text at byte {field.start}")
    try:
        return bytes(buffer[field.begin : field.end]).decode()
    except UnicodeDecodeError:
        raise WireError(f"no UTF-8 text at byte {field.start}") from None
