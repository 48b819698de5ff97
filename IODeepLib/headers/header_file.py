"""DICOM headers out of files that may be anything: a pipe, a device, a header without end.

Whoever puts a file into a folder decides on what is in it. Only regular files are opened, and never
waited for; a header is parsed until its budget is spent.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.filereader import (
    _read_file_meta_info,
    read_dataset,
    read_partial,
    read_preamble,
)
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

# What a header may cost, in readings of its bytes, of which an element takes two or three and 5 us
# each: rich headers take some hundreds, and as many again for every frame (Philips, enhanced: 320).
READINGS, READINGS_A_FRAME, MOST_READINGS = 100_000, 2_000, 4_000_000

_NUMBER_OF_FRAMES = 0x00280008
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)
# The data set of a deflated file is inflated at once: no header is longer. In bytes.
MOST_INFLATED = 2**28
_META, _CHUNK = 2**11, 2**20
_LONGEST_NUMBER = 16  # characters of an IS and more


_TOO_LONG = "its header takes too long to read"
_read_file, _read_bytes = io.BufferedReader.read, io.BytesIO.read  # called for every element


class NotRegularError(OSError):
    """What lies there is no file; `strerror` says what it is."""


class HeaderTooLongError(ValueError):
    """A header that takes more than its budget."""


class MeteredFile(io.BufferedReader):
    """A file that is parsed within a budget of readings."""

    left = READINGS

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BufferedReader`."""
        self.left -= 1
        if self.left < 0:
            raise HeaderTooLongError(_TOO_LONG)
        return _read_file(self, size)


class MeteredBytes(io.BytesIO):
    """Bytes in memory that are parsed within a budget of readings."""

    left = READINGS

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BytesIO`."""
        self.left -= 1
        if self.left < 0:
            raise HeaderTooLongError(_TOO_LONG)
        return _read_bytes(self, size)


def open_regular(path: Path | str, kind: type[MeteredFile] = MeteredFile) -> MeteredFile:
    """Open a file to be read, if it is one, as a `kind` of file.

    Raises:
        NotRegularError: it is a pipe, a socket, a device or a folder, or became one meanwhile.
        OSError: it cannot be opened.
    """
    _check_regular(os.stat(path), path)  # noqa: PTH116  a device is not even opened
    raw = io.FileIO(path, "rb", opener=_without_waiting)
    try:
        _check_regular(os.fstat(raw.fileno()), path)
        return kind(raw)
    except BaseException:
        raw.close()
        raise


def read_header(stream: MeteredFile, wanted: Sequence[int] | None = None) -> FileDataset:
    """The elements in front of the pixels; the stream stands there then, unless it is deflated.

    Args:
        stream: from `open_regular`, at its beginning.
        wanted: their tags; None for all.

    Raises:
        HeaderTooLongError: it costs more than its budget.
        Exception: pydicom raises whatever a broken file leads it to.
    """
    deflated = DeflatedExplicitVRLittleEndian.encode() in stream.read(_META)
    stream.seek(0)
    if not deflated:
        with _within_budget(stream):
            return read_partial(stream, _stop(stream), force=True, specific_tags=_tags(wanted))
    preamble = read_preamble(stream, force=True)
    meta = _read_file_meta_info(stream)
    content, tags = MeteredBytes(inflated(stream)), _tags(wanted)
    with _within_budget(content):
        dataset = read_dataset(content, False, True, stop_when=_stop(content), specific_tags=tags)
    return FileDataset(stream, dataset, preamble, meta, is_implicit_VR=False)


@contextmanager
def _within_budget(stream: MeteredFile | MeteredBytes) -> Iterator[None]:
    """pydicom takes the end of the budget for that of the file, and goes on or says so."""
    try:
        yield
    finally:
        if stream.left < 0:
            raise HeaderTooLongError(_TOO_LONG)


def _tags(wanted: Sequence[int] | None) -> list[BaseTag | int] | None:
    return None if wanted is None else list(wanted)


def _stop(stream: MeteredFile | MeteredBytes) -> Callable[[BaseTag, str | None, int], bool]:
    """Tells pydicom to stop at the pixels, and allows for the frames that an image has."""
    stream.left = READINGS

    def stop(tag: BaseTag, _: str | None, length: int) -> bool:
        number = int(tag)  # tags are compared slowly
        if number == _NUMBER_OF_FRAMES and length <= _LONGEST_NUMBER:
            value = stream.read(length)
            stream.seek(-len(value), os.SEEK_CUR)
            if value.strip(b" \0").isdigit():
                more = READINGS_A_FRAME * int(value.strip(b" \0"))
                stream.left = min(stream.left + more, MOST_READINGS)
        return number in _PIXELS

    return stop


def inflated(stream: MeteredFile) -> bytes:
    """The data set of a deflated file, whose stream stands behind the file meta information.

    Raises:
        HeaderTooLongError: it is longer than any.
        zlib.error: it is damaged.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = bytearray()
    while not inflater.eof:
        stream.left = READINGS
        chunk = inflater.unconsumed_tail or stream.read(_CHUNK)
        if not chunk:
            break
        content += inflater.decompress(chunk, _CHUNK)
        if len(content) > MOST_INFLATED:
            raise HeaderTooLongError(f"it inflates to more than {MOST_INFLATED} bytes")
    return bytes(content)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(status: os.stat_result, path: Path | str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "no file")
    raise NotRegularError(None, f"{kind}, not a file", str(path))
