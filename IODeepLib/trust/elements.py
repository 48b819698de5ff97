"""The elements of a DICOM data set as they stand in a file, byte by byte.

A reader of our own: a signature is over bytes. pydicom converts values, reads sequences without a
length whole, and forgives what another reader may understand in another way; such a file is refused
here. Nothing is held that is not asked for.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from pydicom.datadict import dictionary_VR
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from IODeepLib.headers.header_file import MOST_READINGS, READINGS

UNDEFINED = 0xFFFFFFFF  # length of what ends with a delimiter (PS3.5 section 7.5)
DELIMITER_BYTES = 8
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_FIRST_GROUP = 0x0008  # of a data set
_MOST_DEPTH = 24  # sequences within each other; structured reports have some ten
_MOST_READINGS = 4 * MOST_READINGS  # elements that are looked at, some of them twice
_WINDOW = 2**16  # bytes that are read at once
# Ends of sequences and items without a length that are remembered: 40 MB.
_MOST_ENDS = 400_000


class DamagedError(ValueError):
    """It is no data set that all readers understand alike; the message says what is wrong."""


class Element(NamedTuple):
    """Where an element lies.

    Attributes:
        tag: group and element in one number.
        vr: as the file says, or else the dictionary; "" where neither does.
        start: of its tag.
        value: of its value.
        length: of the value; UNDEFINED where it has an end of its own.
        end: behind all of it.
        implicit: whether what is in it, if it is a sequence, has no VRs.
    """

    tag: int
    vr: str
    start: int
    value: int
    length: int
    end: int
    implicit: bool

    @property
    def is_empty(self) -> bool:
        """Whether it has no value, or no items."""
        return self.end - self.value == (DELIMITER_BYTES if self.length == UNDEFINED else 0)


class Elements:
    """The elements in a stream. What they raise is a DamagedError.

    Args:
        stream: it.
        implicit: whether elements have no VR.
        little: whether they are little endian.

    Attributes:
        size: of the stream in bytes.
    """

    def __init__(self, stream: BinaryIO, *, implicit: bool, little: bool) -> None:
        self._stream, self.implicit, self.little = stream, implicit, little
        order = "<" if little else ">"
        self._endian: Literal["little", "big"] = "little" if little else "big"
        self._numbers, self._length = struct.Struct(f"{order}HH"), f"{order}I"
        self._delimiters = {
            tag: struct.pack(f"{order}HHI", tag >> 16, tag & 0xFFFF, 0)
            for tag in (ITEM_END, SEQUENCE_END)
        }
        self.size = stream.seek(0, io.SEEK_END)
        self._left = min(READINGS + self.size // 2, _MOST_READINGS)
        self._window, self._window_start, self._window_end = b"", 0, 0
        self._ends: dict[int, int] = {}  # by where what has an end of its own begins

    def top(self, begin: int, group: int | None = None) -> Iterator[Element]:
        """Those of the data set from byte `begin` on; with `group`, the first ones, of it."""
        # pydicom would take them for explicit: it looks at the first one.
        if self.implicit and begin < self.size and self._read(begin, 6)[4:].isupper():
            raise DamagedError("elements without VR that begin with one")
        yield from self._elements(begin, self.size, self.implicit, 0, group)

    def items(self, sequence: Element, depth: int = 1) -> Iterator[Iterator[Element]]:
        """The elements of each item of a sequence, which lies so deep."""
        if depth > _MOST_DEPTH:
            raise DamagedError(f"more than {_MOST_DEPTH} sequences within each other")
        for begin, end in self.places_of_items(sequence, depth):
            yield self._elements(begin, end, sequence.implicit, depth)

    def places_of_items(self, sequence: Element, depth: int = 1) -> Iterator[tuple[int, int]]:
        """Where the elements of each item begin and end."""
        position, end = sequence.value, sequence.end
        if sequence.length == UNDEFINED:
            end -= DELIMITER_BYTES
        while position < end:
            begin, stop, position = self._item(position, sequence.implicit, depth)
            if position > end:
                raise DamagedError(f"an item that is longer than {shown(sequence.tag)}")
            yield begin, stop

    def content(self, element: Element, most: int) -> bytes:
        """The bytes of an element's value, which has `most` at most, as they stand in the file."""
        if element.length > most:
            raise DamagedError(f"more than {most} bytes in {shown(element.tag)}")
        return self._read(element.value, element.length)

    def between(self, begin: int, end: int) -> bytes:
        """The bytes between two places."""
        return self._read(begin, end - begin)

    def chunks(self, element: Element, size: int) -> Iterator[bytes]:
        """The same in parts of this size."""
        for place in range(element.value, element.end, size):
            yield self._read(place, min(size, element.end - place))

    def _elements(
        self, begin: int, end: int, implicit: bool, depth: int, group: int | None = None
    ) -> Iterator[Element]:
        """Those between two places, of which `end` is exact; see `top`."""
        last, position = 0, begin
        while position < end:
            if group is not None and self._read(position, 2) != struct.pack("<H", group):
                return
            element = self._element(position, implicit, depth)
            if element.tag <= last or element.end > end:
                raise DamagedError(f"{shown(element.tag)} in the wrong place")
            last, position = element.tag, element.end
            yield element

    def _element(self, start: int, implicit: bool, depth: int) -> Element:
        tag, vr, length, value = self._head(start, implicit)
        # Those of files and messages are in no signature, and have no place in an item.
        if tag >> 16 == 0xFFFE or (depth > 0 and tag >> 16 < _FIRST_GROUP):
            raise DamagedError(f"{shown(tag)} in the wrong place")
        if vr == "UN" and self.little:  # PS3.5 section 6.2.2: what is in there has no VRs
            vr, implicit = _dictionary_vr(tag) or "UN", True
        end = value + length
        if length == UNDEFINED:
            if vr not in ("OB", "OW", "SQ", "UN", ""):
                raise DamagedError(f"{shown(tag)} has no length")
            fragments = vr in ("OB", "OW")  # compressed pixels (PS3.5 annex A.4)
            end = self._end_of_items(value, None if fragments else implicit, depth + 1)
        if end > self.size:
            raise DamagedError(f"{shown(tag)} is longer than what it lies in")
        return Element(tag, vr, start, value, length, end, implicit)

    def _end_of_items(self, begin: int, implicit: bool | None, depth: int) -> int:
        """The end of items without a length, behind their delimiter; None for fragments, which are
        items of bytes.
        """
        if depth > _MOST_DEPTH:
            raise DamagedError(f"more than {_MOST_DEPTH} sequences within each other")
        if (known := self._ends.get(begin)) is not None:
            return known
        position = begin
        while not self._is_delimiter(position, SEQUENCE_END):
            _, _, position = self._item(position, implicit, depth)
        return self._remember(begin, position + DELIMITER_BYTES)

    def _end_of_elements(self, begin: int, implicit: bool, depth: int) -> int:
        """The end of the elements of an item without a length, before its delimiter."""
        if (known := self._ends.get(begin)) is not None:
            return known
        position = begin
        while not self._is_delimiter(position, ITEM_END):
            position = self._element(position, implicit, depth).end
        return self._remember(begin, position)

    def _item(self, position: int, implicit: bool | None, depth: int) -> tuple[int, int, int]:
        """Where what is in an item begins and ends, and where the next one begins."""
        tag, _, length, begin = self._head(position, implicit=True)
        if tag != ITEM:
            raise DamagedError(f"{shown(tag)} in the place of an item")
        if length != UNDEFINED:
            return begin, begin + length, begin + length
        if implicit is None:
            raise DamagedError("a fragment without a length")
        stop = self._end_of_elements(begin, implicit, depth)
        return begin, stop, stop + DELIMITER_BYTES

    def _is_delimiter(self, position: int, tag: int) -> bool:
        return self._read(position, DELIMITER_BYTES) == self._delimiters[tag]

    def _remember(self, begin: int, end: int) -> int:
        """Or else what lies deep would be looked at once more for each level above it."""
        if len(self._ends) == _MOST_ENDS:
            self._ends.clear()
        self._ends[begin] = end
        return end

    def _head(self, start: int, implicit: bool) -> tuple[int, str, int, int]:
        """Tag, VR, length of what begins at `start`, and where its value begins."""
        self._left -= 1
        if self._left < 0:
            raise DamagedError("more elements than are looked at")
        head = self._read(start, 8)
        group, number = self._numbers.unpack_from(head)
        tag = group << 16 | number
        if implicit or group == 0xFFFE:
            (length,) = struct.unpack_from(self._length, head, 4)
            return tag, "" if group == 0xFFFE else _dictionary_vr(tag), length, start + 8
        vr = head[4:6].decode("latin1")
        if vr in EXPLICIT_VR_LENGTH_16:
            return tag, vr, int.from_bytes(head[6:], self._endian), start + 8
        if vr not in EXPLICIT_VR_LENGTH_32:
            raise DamagedError(f"{shown(tag)} without a VR")
        (length,) = struct.unpack(self._length, self._read(start + 8, 4))
        return tag, vr, length, start + 12

    def _read(self, start: int, length: int) -> bytes:
        begin = start - self._window_start
        if begin < 0 or start + length > self._window_end:
            self._stream.seek(start)
            self._window, self._window_start = self._stream.read(max(length, _WINDOW)), start
            self._window_end, begin = start + len(self._window), 0
            if length > len(self._window):
                raise DamagedError("the end of the file within an element")
        return self._window[begin : begin + length]


def shown(tag: int) -> str:
    """A tag as people write it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _dictionary_vr(tag: int) -> str:
    """As the dictionary says; "" for what it does not have."""
    if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"  # whose the private elements are (PS3.5 section 7.8.1)
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""
