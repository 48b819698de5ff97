"""Frozen records, read from plain JSON values and written to them, with the JSON path in errors.

A record is the one definition: reading, writing and the published JSON Schema follow its fields.
msgspec reads them. Limits of a value stand beside its type: `Annotated[float, Meta(gt=0)]`. Where
records of several kinds may stand in one place, a tag tells them apart: `class Clip(Record,
tag_field="step", tag="clip")` is `{"step": "clip", ...}` in JSON.

What is read comes from elsewhere, and text is for people: what could command a terminal or a window
is taken out of it here (see `foreign`), but where the texts are keys to something (`exact`).
"""

from __future__ import annotations

import functools
import json
import math
from enum import StrEnum
from typing import Annotated, Any, TypeVar, dataclass_transform

import msgspec
from msgspec import Meta

from IODeepLib.text.complaints import complaint, refuse
from IODeepLib.text.foreign import plain_lines
from IODeepLib.text.json_text import StructureError

MOST_ITEMS = 4096  # in a list; some hundred labels are the most that networks have

_T = TypeVar("_T")
Many = Annotated[tuple[_T, ...], Meta(max_length=MOST_ITEMS)]
OneOrMore = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=MOST_ITEMS)]


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all records share: they never change, and have no keys but their fields."""


def form(pattern: str, words: str) -> Meta:
    """Of a text, all of which matches `pattern`.

    Args:
        pattern: in the words of Python and of JSON Schema.
        words: the same for people, who read no patterns: an example first.
    """
    return Meta(pattern=rf"^(?:{pattern})$(?!\n)", extra={"form": words})


def within(least: float, most: float) -> Meta:
    """Of a number that lies between two others, or is one of them, and said so."""
    return Meta(ge=least, le=most, extra={"form": f"{least} to {most}"})


def parse(kind: Any, value: Any, exact: bool = False) -> Any:
    """The plain JSON `value` as an instance of the type `kind`.

    Args:
        kind: a record, or any other type that msgspec knows.
        value: what `parse_json` gives.
        exact: leave all texts as they came.

    Raises:
        StructureError: an unknown or missing key, a wrong type, a value outside its limits.
    """
    try:
        shown = value if exact else _shown(value)
        try:
            result = msgspec.convert(shown, kind)
        except msgspec.ValidationError as error:
            raise complaint(kind, value, error) from None
        if shown != value:  # what a limit refuses is not let in for being shown otherwise
            refuse(kind, value, shown)
    except RecursionError:
        raise StructureError("$", "JSON that is nested too deeply", "plain JSON") from None
    return result


def _shown(value: Any) -> Any:
    """`value` with texts that may be shown, and null for numbers that are infinite, as 1e400 is."""
    if isinstance(value, str):
        return plain_lines(value)
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dump(value: Any) -> Any:
    """A record back to plain JSON values; fields that equal their defaults are left out."""
    if isinstance(value, Record):
        config = value.__struct_config__
        result = {config.tag_field: config.tag} if config.tag_field else {}
        for name, default in _defaults(type(value)).items():
            item = getattr(value, name)
            if item != default:
                result[name] = dump(item)
        return result
    if isinstance(value, tuple):
        return [dump(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


@functools.cache
def _defaults(kind: type[Record]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(kind)}


def schema(kind: type[Record], title: str, identifier: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        **msgspec.json.schema(kind),
    }
    return json.loads(json.dumps(described))  # defaults are tuples
