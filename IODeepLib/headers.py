"""Values of DICOM headers as real files have them: empty, garbled, repeated or missing.

Nothing here raises because of what a file holds: a value that cannot be understood is a missing
one. Numbers and short codes are parsed from the element's own bytes, which is also much faster
than pydicom's way through its value classes; text goes through pydicom for its character set.
"""

from __future__ import annotations

import logging
import math
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

if TYPE_CHECKING:
    from IODeepLib.codes import Code

_DECIMAL_STRINGS = {"DS", "IS"}
_ASCII_STRINGS = {"CS", "UI", "DA", "TM", "DT", "AS", *_DECIMAL_STRINGS}
_BINARY_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_NO_TEXT = (Dataset, type(None))
_PADDING = " \0\t\r\n"
# All that pydicom has: what a logger holds back, those below it do not.
_LOGGERS = (
    "pydicom",
    "pydicom.pixels.decoders.base",
    "pydicom.pixels.encoders.base",
    "pydicom.pixels.utils",
)


def text(dataset: Dataset, keyword: str) -> str:
    """The value as stripped text, several values joined by a backslash; "" if there is none."""
    return "\\".join(texts(dataset, keyword))


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as stripped text; empty if there is none."""
    element, vr = _element(dataset, keyword)
    if element is None:
        return ()
    if vr in _ASCII_STRINGS and _is_raw(element):
        values = element.value.decode("ascii", "replace").split("\\")
    else:
        values = _converted(dataset, element)
    stripped = tuple(str(v).strip(_PADDING) for v in values if not isinstance(v, _NO_TEXT))
    return stripped if any(stripped) else ()


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
    return tuple(item for item in _converted(dataset, element) if isinstance(item, Dataset))


def code_sequence(dataset: Dataset, keyword: str) -> tuple[Code, ...]:
    """The codes of a code sequence (PS3.3 section 8.8), but for items that make no code."""
    from IODeepLib.codes import Code

    found = []
    for item in items(dataset, keyword):
        values = (text(item, k) for k in ("CodeValue", "LongCodeValue", "URNCodeValue"))
        value = next(filter(None, values), "")
        scheme = text(item, "CodingSchemeDesignator")
        if value and scheme:
            with suppress(ValueError):
                found.append(Code(value, scheme, text(item, "CodeMeaning") or value))
    return tuple(found)


@contextmanager
def quiet() -> Iterator[None]:
    """Holds back what pydicom says about odd values, which would be a warning or more a slice.

    Only in this thread: filters and levels that another thread relies on stay as they are.
    """
    if not warnings.filters or warnings.filters[0][2] is not _WarnedHere:
        # Again whenever others have put theirs before it, as `warnings.catch_warnings` lets them.
        warnings.simplefilter("ignore", _WarnedHere)
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1


class _Here(threading.local):
    """How many blocks of `quiet` this thread is in."""

    depth = 0


class _InQuiet(type):
    def __subclasscheck__(cls, subclass: type) -> bool:
        return _here.depth > 0


class _WarnedHere(Warning, metaclass=_InQuiet):
    """The category of every warning of a thread that is in `quiet`, as the filters see it."""


def _not_logged_here(record: logging.LogRecord) -> bool:
    return _here.depth == 0


_here = _Here()
for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_not_logged_here)


@cache
def _tag_and_vr(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(f"{keyword} is not a DICOM keyword")
    return tag, dictionary_VR(tag)


def _element(dataset: Dataset, keyword: str) -> tuple[Any, str]:
    """The element as it stands in the file, and its VR (the dictionary's, where it has none)."""
    tag, vr = _tag_and_vr(keyword)
    if tag not in dataset:
        return None, vr
    try:
        element = dataset.get_item(tag)  # converts what was left in the file for later
    except Exception:  # its converters raise whatever they meet
        return None, vr
    return element, vr if element.VR in (None, "UN") else str(element.VR)


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
