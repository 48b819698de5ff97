"""Whether a step is what somebody searches for (PS3.4 section C.2.2.2)."""

from __future__ import annotations

import re
from typing import Any, Protocol

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

# What says how to read the keys, and is none; and the secret of who performs a step.
_NO_KEYS = {0x00080005, 0x00080201, 0x00081195}
_TIMES = {"DA", "TM", "DT"}
_AS_ONE = {"LT", "ST", "UT"}  # where \ is no separator
_RANGE = re.compile(r"([\d.]*(?:[+]\d{4})?)-([\d.]*(?:[+-]\d{4})?)")


class Attributes(Protocol):
    """What has attributes: a data set, or a step that was found."""

    def get(self, tag: BaseTag, /) -> Any:
        """An attribute as an element; None if it is not there."""


def matches(step: Attributes, keys: Dataset) -> bool:
    """Whether a step has the values that stand in `keys`; empty ones match all.

    Times are compared as they are written.
    """
    return all(_fits(step, key) for key in keys if key.tag not in _NO_KEYS)


def answer(step: Attributes, keys: Dataset) -> Dataset:
    """Of a step what was asked for in `keys`."""
    found = Dataset()
    for key in keys:
        if key.tag in _NO_KEYS:
            continue
        if (element := step.get(key.tag)) is not None:
            found.add(element)
        else:
            found.add(DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None))
    return found


def _fits(step: Attributes, key: DataElement) -> bool:
    if key.VR == "SQ":
        wanted = key.value[0] if key.value else Dataset()
        if not len(wanted):
            return True
        has = step.get(key.tag)
        items = has.value if has is not None and has.VR == "SQ" else []
        return any(matches(item, wanted) for item in items)
    asked = _texts(key)
    if not asked:
        return True
    has = step.get(key.tag)
    values = _texts(has) if has is not None else []
    if key.VR in _TIMES and (span := _RANGE.fullmatch(asked[0])):
        first, last = span.groups()
        return any(first <= one and one[: len(last)] <= last for one in values)
    if key.VR == "UI":
        return any(one in asked for one in values)
    if key.VR == "PN":
        asked, values = [one.lower() for one in asked], [one.lower() for one in values]
    return any(_is_like(one, pattern) for pattern in asked for one in values)


def _texts(element: DataElement) -> list[str]:
    value = element.value
    if element.VM > 1 and element.VR not in _AS_ONE:
        return [str(one).strip() for one in value]
    return [] if value in (None, "") or element.VM == 0 else [str(value).strip()]


def _is_like(value: str, pattern: str) -> bool:
    """Whether a value matches a pattern with * and ?.

    No regular expression does it: those with many * may take for ever.
    """
    at = place = 0
    star, since = -1, 0  # the last *, and what comes behind all that it stands for
    while place < len(value):
        if at < len(pattern) and pattern[at] == "*":
            star, since, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in ("?", value[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            at, since = star + 1, since + 1
            place = since
        else:
            return False
    return not pattern[at:].strip("*")
