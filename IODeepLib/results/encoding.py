"""Elements as they stand in a file in Explicit VR Little Endian.

pydicom encodes whole data sets; the few elements that every slice has are put together here, which
is twenty times as fast.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from pydicom import dcmwrite
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import ItemTag, Tag

from IODeepLib.disk.files import whole_file
from IODeepLib.headers import quiet

CHARACTER_SET = "ISO_IR 192"  # UTF-8: names in any language, from any source
_LONG_HEAD = 12  # bytes before the value of a sequence (PS3.5 section 7.1.2)
_PADDING = {"UI": b"\0"}  # of texts; all others have a space (PS3.5 section 6.2)


def save(dataset: Dataset, path: Path | str) -> None:
    """Write an object with its file meta information, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as temporary, quiet():
        dataset.save_as(temporary, enforce_file_format=True)


def encoded(dataset: Dataset) -> bytes:
    """A data set, without file meta information."""
    buffer = BytesIO()
    dcmwrite(buffer, Dataset(dataset), implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def encoded_element(keyword: str, items: Sequence[Dataset]) -> RawDataElement:
    """A sequence with texts in UTF-8, which is encoded now and no second time.

    Whoever looks at it in a data set sees the items as ever, once that says how it is encoded
    (`Dataset.set_original_encoding`).
    """
    around = Dataset()
    around.SpecificCharacterSet = CHARACTER_SET
    before = len(encoded(around))
    setattr(around, keyword, items)
    value = encoded(around)[before + _LONG_HEAD :]
    group, element, vr = _head(keyword)
    return RawDataElement(Tag(group, element), vr, len(value), value, 0, False, True)


def encoded_text(keyword: str, *values: str) -> bytes:
    """An element of ASCII characters, of a VR with a short length. (PS3.5 section 7.1.2)"""
    group, element, vr = _head(keyword)
    value = "\\".join(values).encode("ascii")
    value += _PADDING.get(vr, b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", group, element, vr.encode(), len(value)) + value


def encoded_sequence(keyword: str, *items: bytes) -> bytes:
    """A sequence of items that are encoded already. (PS3.5 section 7.5)"""
    group, element, _ = _head(keyword)
    value = b"".join(map(encoded_item, items))
    return struct.pack("<HH2sHI", group, element, b"SQ", 0, len(value)) + value


def encoded_item(content: bytes) -> bytes:
    """An item of a sequence."""
    return struct.pack("<HHI", ItemTag.group, ItemTag.element, len(content)) + content


@cache
def _head(keyword: str) -> tuple[int, int, str]:
    number = tag_for_keyword(keyword)
    assert number is not None  # noqa: S101  the keywords are written in the code
    tag = Tag(number)
    return tag.group, tag.element, dictionary_VR(tag)
