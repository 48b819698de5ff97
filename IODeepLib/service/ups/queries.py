"""What somebody searches for, from the parameters of a query (PS3.18 section 8.3.4)."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from IODeepLib.headers import quiet
from IODeepLib.service.ups.refusals import Status, UpsError
from IODeepLib.service.ups.worklist import MOST_FOUND

_NO_KEYS = {"includefield", "fuzzymatching", "filter"}
_DEEPEST, _MOST = 8, 100  # of sequences, and of parameters
_USUAL = 100  # steps, where nobody says how many


def keys_of(parameters: Iterable[tuple[str, str]]) -> tuple[Dataset, int, int]:
    """The keys, which step is the first that is wanted, and how many are at most.

    Raises:
        UpsError: an attribute that is none, or a value that is none of it.
    """
    keys, numbers = Dataset(), {"offset": 0, "limit": _USUAL}
    for count, (name, value) in enumerate(parameters):
        if count >= _MOST:
            raise UpsError(Status.BAD_VALUE, "too many parameters")
        if name in numbers:
            if not value.isdecimal() or len(value) > 9:
                raise UpsError(Status.BAD_VALUE, name)
            numbers[name] = int(value)
        elif name not in _NO_KEYS:
            _add(keys, name, value)
    return keys, numbers["offset"], min(numbers["limit"], MOST_FOUND)


def _add(keys: Dataset, name: str, value: str) -> None:
    *sequences, last = [_tag(part, name) for part in name.split(".")[: _DEEPEST + 1]]
    for tag in sequences:
        if dictionary_VR(tag) != "SQ":
            raise UpsError(Status.BAD_VALUE, name[:64])
        if tag not in keys:
            keys.add(DataElement(tag, "SQ", [Dataset()]))
        keys = keys[tag].value[0]
    vr = dictionary_VR(last)
    values: str | list[str] = value
    if vr == "UI":
        values = value.replace(",", "\\").split("\\")
    try:
        with quiet():
            keys.add(DataElement(last, vr, [] if vr == "SQ" else values))
    except Exception:  # pydicom raises whatever an odd value leads it to
        raise UpsError(Status.BAD_VALUE, name[:64]) from None


def _tag(words: str, name: str) -> int:
    """An attribute by keyword, or by tag in eight digits."""
    try:
        tag = tag_for_keyword(words) or int(words, 16)
        dictionary_VR(tag)
    except (KeyError, ValueError):
        raise UpsError(Status.NO_SUCH_ATTRIBUTE, name[:64]) from None
    return tag
