"""Codes out of DICOM headers."""

from __future__ import annotations

from contextlib import suppress

from pydicom.dataset import Dataset

from IODeepLib.codes.code import Code
from IODeepLib.headers import items, text


def code_sequence(dataset: Dataset, keyword: str) -> tuple[Code, ...]:
    """The codes of a code sequence (PS3.3 section 8.8), but for items that make no code."""
    found = []
    for item in items(dataset, keyword):
        values = (text(item, k) for k in ("CodeValue", "LongCodeValue", "URNCodeValue"))
        value = next(filter(None, values), "")
        scheme = text(item, "CodingSchemeDesignator")
        if value and scheme:
            with suppress(ValueError):
                found.append(Code(value, scheme, text(item, "CodeMeaning") or value))
    return tuple(found)
