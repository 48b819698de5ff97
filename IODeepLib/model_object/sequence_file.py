"""The items of a sequence where they lie in a file; large elements stay there.

pydicom reads a sequence whole, with all that is in it, and then no longer knows where it lay.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from IODeepLib.headers.header_file import HeaderTooLongError, MeteredFile, open_regular
from IODeepLib.model_object.deflated import MAX_INFLATED_BYTES

# Tags of an item and of the end of a sequence of undefined length (PS3.5 section 7.5).
_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_ITEM_HEADER = 8  # bytes: tag and length


class DamagedSequenceError(ValueError):
    """It is no sequence, or longer than what it lies in; the message says what was found."""


class SmallElements(MeteredFile):
    """A file of which no more is read than a card can have beside what is left in the file.

    What stands in a sequence without a length pydicom reads whole.
    """

    room = MAX_INFLATED_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """See `MeteredFile`."""
        if size is None or not 0 <= size <= self.room:
            raise HeaderTooLongError(f"more than {MAX_INFLATED_BYTES} bytes to be held")
        data = super().read(size)
        self.room -= len(data)
        return data


def read_items(
    path: Path,
    begin: int,
    length: int,
    *,
    implicit: bool,
    little: bool,
    most: int,
    defer: int,
) -> list[Dataset]:
    """The items of the sequence whose value begins at byte `begin` of the file at `path`.

    Args:
        path: the file.
        begin: where the value begins.
        length: of the value in bytes; 0xFFFFFFFF where it has an end of its own.
        implicit: whether its elements have no VR. Those of an explicit file may have none either
            (VR UN, PS3.5 section 6.2.2).
        little: whether it is little endian.
        most: how many items there may be.
        defer: elements of more bytes are left in the file.

    Raises:
        DamagedSequenceError: it is no sequence, has more items, or does not end where it says.
    """
    found: list[Dataset] = []
    with open_regular(path, SmallElements) as file:
        size = os.fstat(file.fileno()).st_size
        end = size if length == _UNDEFINED else begin + length
        if end > size:
            raise DamagedSequenceError(f"{size - begin} of {length} bytes")
        file.seek(begin)
        while length == _UNDEFINED or file.tell() < end:
            tag, item = _item_header(file, little)
            if tag == _END and length == _UNDEFINED:
                return found
            if tag != _ITEM:
                raise DamagedSequenceError(f"the tag {tag:08X} in the place of an item")
            start = file.tell()
            if item != _UNDEFINED and start + item > end:
                raise DamagedSequenceError(f"an item of {item} bytes in {end - start}")
            if len(found) == most:
                raise DamagedSequenceError(f"more than {most} items")
            found.append(
                read_dataset(
                    file,
                    implicit,
                    little,
                    bytelength=None if item == _UNDEFINED else item,
                    defer_size=defer,
                    at_top_level=False,
                )
            )
            if item != _UNDEFINED:
                file.seek(start + item)
    return found


def _item_header(file: BinaryIO, little: bool) -> tuple[int, int]:
    """Tag and length of what begins here."""
    header = file.read(_ITEM_HEADER)
    if len(header) < _ITEM_HEADER:
        raise DamagedSequenceError("no end")
    group, element, length = struct.unpack("<HHL" if little else ">HHL", header)
    return group << 16 | element, length
