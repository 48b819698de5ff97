"""How large the compressed images in a file say they are, before a decoder takes memory for them.

A decoder believes the codestream: some hundred bytes that claim 60,000 x 60,000 pixels would cost
many gigabytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread

_ITEM, _ELEMENT_HEADER = b"\xfe\xff\x00\xe0", 12  # PS3.5 sections A.4 and 7.1.2
_HEAD = 2**16  # bytes of a fragment; what stands before the size is shorter
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
# Start of Frame markers of JPEG (ISO 10918-1 table B.1) and JPEG-LS (ISO 14495-1 table C.1).
_FRAMES = {0xC0 + i for i in range(16)} - {0xC4, 0xC8, 0xCC} | {0xF7}


def sizes_in(path: Path) -> Iterator[tuple[int, int]]:
    """(rows, columns) that each JPEG, JPEG-LS and JPEG 2000 codestream of `path` says.

    Raises:
        OSError, and what pydicom raises over a damaged file.
    """
    with path.open("rb") as stream:
        dcmread(stream, stop_before_pixels=True, force=True, specific_tags=[])
        stream.seek(_ELEMENT_HEADER, 1)
        for fragment in _fragments(stream):
            size = _size(fragment)
            if size is not None:
                yield size


def _fragments(stream: BinaryIO) -> Iterator[bytes]:
    """The beginning of each fragment; the offset table, which is the first, among them."""
    while True:
        head = stream.read(8)
        if len(head) < 8 or head[:4] != _ITEM:
            return
        (length,) = struct.unpack_from("<I", head, 4)
        begin = stream.tell()
        yield stream.read(min(length, _HEAD))
        stream.seek(begin + length)


def _size(data: bytes) -> tuple[int, int] | None:
    """What the codestream that `data` begins with says; None if it is none, or says it later."""
    start = data.find(_JPEG_2000, 0, 256)  # in a file format's box, perhaps
    if start >= 0 and len(data) >= start + 24:
        right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
        return max(0, bottom - top), max(0, right - left)
    position = 2 if data.startswith(_JPEG) else len(data)
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker, (length,) = data[position + 1], struct.unpack_from(">H", data, position + 2)
        if marker in _FRAMES:
            rows, columns = struct.unpack_from(">2H", data, position + 5)
            return (rows, columns) if rows else None  # nought: said at the end of the scan
        position += 1 if marker == 0xFF else 2 + length  # marker: fill bytes may come before
    return None
