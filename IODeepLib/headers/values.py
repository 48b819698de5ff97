"""Values of DICOM headers as real files have them: empty, garbled, repeated or missing.

Nothing here raises because of what a file holds: a value that cannot be understood is a missing
one. Numbers and short codes are parsed from the element's own bytes, which is also much faster
than pydicom's way through its value classes; text goes through pydicom for its character set.
"""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from functools import cache
from typing import Any

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_sequence
from pydicom.tag import BaseTag, Tag

from IODeepLib.headers.header_file import MOST_READINGS, READINGS, READINGS_A_FRAME, MeteredBytes
from IODeepLib.headers.silence import quiet
from IODeepLib.text.foreign import plain

_DECIMAL_STRINGS = {"DS", "IS"}
_ASCII_STRINGS = {"CS", "UI", "DA", "TM", "DT", "AS", *_DECIMAL_STRINGS}
_BINARY_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_NO_TEXT = (Dataset, type(None))
_PADDING = " \0\t\r\n"
_SHORT_SEQUENCE = 2**16  # bytes: parsed in a moment, whatever is in it


def text(dataset: Dataset, keyword: str) -> str:
    """The value as stripped text, several values joined by a backslash; "" if there is none."""
    return "\\".join(texts(dataset, keyword))


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as stripped, printable text; empty if there is none. UIDs are as they stand."""
    return _texts(dataset, keyword, exact=False)


def exact_texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values with every character as it stands: to be compared or passed on, not shown."""
    return _texts(dataset, keyword, exact=True)


def stored(dataset: Dataset, keyword: str) -> Any:
    """The value as it was stored, to be compared quickly; None where there is no element."""
    element, _ = _element(dataset, keyword)
    return None if element is None else element.value


def _texts(dataset: Dataset, keyword: str, *, exact: bool) -> tuple[str, ...]:
    element, vr = _element(dataset, keyword)
    if element is None:
        return ()
    if vr in _ASCII_STRINGS and _is_raw(element):
        values = element.value.decode("ascii", "replace").split("\\")
    else:
        values = _converted(dataset, element)
    found = tuple(str(v).strip(_PADDING) for v in values if not isinstance(v, _NO_TEXT))
    if not exact and vr != "UI":
        found = tuple(map(plain, found))
    return found if any(found) else ()


def number(value: Any) -> float | None:
    """A value (of an element, or any other) as a finite number, or None."""
    try:
        converted = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """All values as finite numbers; empty if there is none, or if one of them is no number."""
    element, vr = _element(dataset, keyword)
    if element is None:
        return ()
    values: Any
    if vr in _DECIMAL_STRINGS and _is_raw(element):
        values = [part.strip(b" \0") for part in element.value.strip(b" \0").split(b"\\")]
    elif vr in _BINARY_FORMATS and _is_raw(element):
        order, code = "<" if element.is_little_endian else ">", _BINARY_FORMATS[vr]
        count = len(element.value) // struct.calcsize(code)
        values = struct.unpack_from(f"{order}{count}{code}", element.value)
    else:
        values = _converted(dataset, element)
    found = tuple(number(v) for v in values)
    return () if None in found else found  # type: ignore[return-value]


def first_number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number, or None."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """The first value as a whole number, or None (also if it has a fraction)."""
    found = first_number(dataset, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(dataset: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; empty if there is none, or if it is no sequence."""
    element, _ = _element(dataset, keyword)
    if element is None:
        return ()
    if _is_raw(element) and len(element.value) > _SHORT_SEQUENCE:
        element = _parsed(dataset, element)
    return tuple(item for item in _converted(dataset, element) if isinstance(item, Dataset))


def private_number(dataset: Dataset, group: int, creator: str, element: int) -> float | None:
    """A number in the private block of `creator` (PS3.5 section 7.8), or None."""
    blocks = [int(t) & 0xFFFF for t in dataset.keys() if int(t) >> 16 == group]  # noqa: SIM118
    for block in filter(range(0x10, 0x100).__contains__, blocks):
        with suppress(Exception):  # pydicom's converters raise whatever they meet
            if str(dataset[group << 16 | block].value).strip() == creator:
                return number(dataset[group << 16 | block << 8 | element].value)
    return None


@cache
def _tag_and_vr(keyword: str) -> tuple[BaseTag, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(f"{keyword} is not a DICOM keyword")
    return Tag(tag), dictionary_VR(tag)  # a number would become a tag at every look


def _element(dataset: Dataset, keyword: str) -> tuple[Any, str]:
    """The element as it stands in the file, and its VR (the dictionary's, where it has none)."""
    tag, vr = _tag_and_vr(keyword)
    try:
        element = dataset.get_item(tag)  # converts what was left in the file for later
    except Exception:  # its converters raise whatever they meet
        return None, vr
    if element is None:
        return None, vr
    return element, vr if element.VR in (None, "UN") else str(element.VR)


def _parsed(dataset: Dataset, element: RawDataElement) -> DataElement:
    """A sequence that was left as it was stored, parsed within a budget; empty if it is beyond."""
    frames = max(1, integer(dataset, "NumberOfFrames") or 1)
    stream = MeteredBytes(element.value or b"")
    stream.left = min(READINGS + READINGS_A_FRAME * frames, MOST_READINGS)
    found: Any = []
    with suppress(Exception), quiet():  # pydicom raises whatever a broken sequence leads it to
        found = read_sequence(
            stream,
            element.is_implicit_VR,
            element.is_little_endian,
            len(element.value or b""),
            getattr(dataset, "_character_set", default_encoding),
        )
    parsed = DataElement(element.tag, "SQ", found)
    dataset[element.tag] = parsed  # not to be parsed again
    return parsed


def _is_raw(element: Any) -> bool:
    return isinstance(element, RawDataElement) and isinstance(element.value, bytes)


def _converted(dataset: Dataset, element: Any) -> list[Any]:
    """The values as pydicom reads them, or the bytes as Latin-1 where it cannot; [] if empty."""
    if isinstance(element, RawDataElement):
        try:
            with quiet():
                value = dataset[element.tag].value
        except Exception:  # its converters raise whatever they meet
            raw = element.value
            value = raw.decode("latin-1").split("\\") if isinstance(raw, bytes) else None
    else:
        value = element.value
    if value is None or (isinstance(value, (str, bytes)) and not value):
        return []
    one = isinstance(value, (str, bytes)) or not hasattr(value, "append")
    return [value] if one else list(value)
