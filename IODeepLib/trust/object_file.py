"""A DICOM file whose elements are looked at where they lie."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from IODeepLib.errors import InputError
from IODeepLib.headers.header_file import HeaderTooLongError, MeteredFile, inflated, open_regular
from IODeepLib.trust.elements import DamagedError, Element, Elements
from IODeepLib.trust.signed_bytes import Ambiguous, numbers

_META, _MAGIC = 128, b"DICM"  # PS3.10 section 7.1
_META_GROUP, _TRANSFER_SYNTAX = 0x0002, 0x00020010
_LONGEST_UID = 64
_PIXEL_REPRESENTATION = 0x00280103


class _File(MeteredFile):
    """Read without a budget: `Elements` has one of its own."""

    left = sys.maxsize


@dataclass(frozen=True)
class ObjectFile:
    """An open file.

    Attributes:
        path: it.
        syntax: its transfer syntax.
        elements: what reads them.
        top: the elements of the data set, by their tags.
    """

    path: Path
    syntax: str
    elements: Elements
    top: Mapping[int, Element]

    @property
    def deflated(self) -> bool:
        """Whether elements lie at other places than in the file."""
        return self.syntax == DeflatedExplicitVRLittleEndian

    @property
    def ambiguous(self) -> Ambiguous:
        """What the elements are that the file leaves open."""
        element = self.top.get(_PIXEL_REPRESENTATION)
        if element is None:
            return Ambiguous()
        value = numbers(self.elements.content(element, 2), self.elements.little)
        return Ambiguous(numbers="SS" if value == [1] else "US")

    def text(self, tag: int) -> str:
        """The value of an element of ASCII characters; "" if there is none."""
        element = self.top.get(tag)
        if element is None:
            return ""
        return self.elements.content(element, 1024).rstrip(b" \0").decode("ascii", "replace")


@contextmanager
def opened_object(path: Path | str) -> Iterator[ObjectFile]:
    """A DICOM file, open as long as the block lasts, whatever becomes of its name meanwhile.

    Raises:
        InputError: it cannot be read, or readers may understand it in different ways.
    """
    path = Path(path)
    try:
        with open_regular(path, _File) as stream:
            try:
                found = _found(path, stream)
            except (DamagedError, HeaderTooLongError, zlib.error) as error:
                raise _unreadable(path, str(error)) from None
            yield found
    except OSError as error:
        if error.filename is None or Path(str(error.filename)) != path:
            raise
        raise _unreadable(path, str(error.strerror)) from None


def _found(path: Path, stream: MeteredFile) -> ObjectFile:
    head = stream.read(_META + len(_MAGIC))
    if head[_META:] != _MAGIC:
        raise DamagedError("it is no DICOM file")
    head_elements = Elements(stream, implicit=False, little=True)
    meta = list(head_elements.top(len(head), _META_GROUP))
    syntax = next((one for one in meta if one.tag == _TRANSFER_SYNTAX), None)
    if syntax is None:
        raise DamagedError("no transfer syntax")
    uid = head_elements.content(syntax, _LONGEST_UID).rstrip(b" \0").decode("ascii", "replace")
    begin = meta[-1].end
    source: BinaryIO = stream
    if uid == DeflatedExplicitVRLittleEndian:
        stream.seek(begin)
        begin, source = 0, io.BytesIO(inflated(stream))
    elements = Elements(
        source, implicit=uid == ImplicitVRLittleEndian, little=uid != ExplicitVRBigEndian
    )
    top = {element.tag: element for element in elements.top(begin)}
    if not top or min(top) >> 16 <= _META_GROUP:
        raise DamagedError("elements of other groups than those of a data set")
    return ObjectFile(path, uid, elements, top)


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as all readers would ({why})",
        "an undamaged DICOM file",
        "retrieve or copy it again",
    )
