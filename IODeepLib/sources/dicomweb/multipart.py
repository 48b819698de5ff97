"""Multipart messages (RFC 2046 section 5.1) as streams, of which only a chunk is ever held.

Ours because dicomweb-client and Python's email package hold messages whole, and a part of the
weights has up to 512 MiB.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from IODeepLib.disk.byte_ranges import ByteRange, Piece, chunks
from IODeepLib.sources.archive import TransientError

_LONGEST_HEADER = 64 * 2**10  # bytes; of a part, and of what stands before the first


def parts(message: Iterable[bytes], boundary: str) -> Iterator[Iterator[bytes]]:
    """The parts of a message, each as its chunks; a part is good until the next one is asked for.

    Raises:
        TransientError: the message breaks off.
    """
    return iter(_Reader(message, boundary))


class _Reader:
    def __init__(self, message: Iterable[bytes], boundary: str) -> None:
        self._chunks = iter(message)
        self._delimiter = b"\r\n--" + boundary.encode()
        self._buffer = b"\r\n"  # stands before the first delimiter, too

    def __iter__(self) -> Iterator[Iterator[bytes]]:
        before = 0  # what stands before the first part says nothing
        for chunk in self._up_to_delimiter():
            before += len(chunk)
            if before > _LONGEST_HEADER:
                raise _broken("has no part")
        while self._at_least(2) != b"--":
            self._skip_header()
            part = self._up_to_delimiter()
            yield part
            _exhaust(part)

    def _up_to_delimiter(self) -> Iterator[bytes]:
        """Everything before the next delimiter, which is taken out as well."""
        keep = len(self._delimiter) - 1  # so much of one may stand at the end of a chunk
        while True:
            found = self._buffer.find(self._delimiter)
            if found >= 0:
                before, self._buffer = (
                    self._buffer[:found],
                    self._buffer[found + len(self._delimiter) :],
                )
                if before:
                    yield before
                return
            before, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
            if before:
                yield before
            self._read_on()

    def _skip_header(self) -> None:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _LONGEST_HEADER:
                raise _broken("has a part without an end of its header")
            self._read_on()
        self._buffer = self._buffer[end + 4 :]

    def _at_least(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._read_on()
        return self._buffer[:count]

    def _read_on(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise _broken("breaks off")
        self._buffer += chunk


def _exhaust(stream: Iterator[bytes]) -> None:
    for _ in stream:
        pass


def _broken(how: str) -> TransientError:
    return TransientError(
        f"the multipart answer {how}", "one that is complete", "try again, or check the server"
    )


class DicomMessage:
    """A message with one DICOM file, to be sent: it can be read again, and knows its length.

    The boundary is long and random: a server that finds a short one within the weights would take
    them for the end.
    """

    def __init__(self, path: Path) -> None:
        boundary = secrets.token_hex(30)
        self.content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        self._size = path.stat().st_size
        self._pieces: list[Piece] = [head, ByteRange(path, 0, self._size), tail]
        self._length = len(head) + self._size + len(tail)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, chunks(self._pieces))
