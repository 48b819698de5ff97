"""Ranges of bytes in files, and large contents as lists of them and of short pieces in memory.

So weights are moved from file to file without ever being held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from IODeepLib.errors import ModelError

CHUNK = 2**20  # bytes; larger ones do not stay in the processor, from reading to digest to writing


class ByteRange(NamedTuple):
    """A range of bytes in a file."""

    path: Path
    offset: int
    length: int


Piece = bytes | memoryview | ByteRange


def size_of(pieces: Iterable[Piece]) -> int:
    """How many bytes the pieces have together."""
    return sum(piece.length if isinstance(piece, ByteRange) else len(piece) for piece in pieces)


def chunks(pieces: Iterable[Piece]) -> Iterator[memoryview]:
    """The bytes of `pieces` in their order; a chunk is good until the next one is asked for.

    Raises:
        ModelError: a file cannot be read, or is shorter than its range.
    """
    buffer = memoryview(bytearray())
    for piece in pieces:
        if not isinstance(piece, ByteRange):
            for start in range(0, len(piece), CHUNK):
                yield memoryview(piece)[start : start + CHUNK]
            continue
        if not buffer:
            buffer = memoryview(bytearray(CHUNK))
        try:
            with piece.path.open("rb", buffering=0) as file:
                file.seek(piece.offset)
                left = piece.length
                while left:
                    count = file.readinto(buffer[: min(left, CHUNK)])
                    if not count:
                        raise EOFError(f"it ends {left} bytes too early")
                    left -= count
                    yield buffer[:count]
        except (OSError, EOFError) as error:
            raise ModelError(
                f"{piece.path} cannot be read ({error})", "the file as before", "copy it again"
            ) from None


def joined(pieces: Iterable[Piece]) -> bytes:
    """The bytes of `pieces` in one; for small contents."""
    return b"".join(bytes(chunk) for chunk in chunks(pieces))
