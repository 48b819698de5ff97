"""JSON files of other programs, whose keys we know in part."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

import msgspec

from IODeepLib.errors import ModelError
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, StructureError, parse_json
from IODeepLib.text.records import parse


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Foreign(msgspec.Struct, frozen=True):
    """The keys of an object of another program that matter to us."""


_T = TypeVar("_T", bound=Foreign)


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ModelError: there is none.
    """
    try:
        with path.open(encoding="utf-8") as file:
            value = parse_json(file.read(MAX_JSON_CHARACTERS + 1))
        if not isinstance(value, dict):
            raise StructureError("$", "no object", "an object")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read ({error})", "JSON in UTF-8", _NEXT) from None
    except StructureError as error:
        raise ModelError(f"{path}: {error.found}", error.wanted, _NEXT) from None
    return value


def take(kind: type[_T], value: Any, where: str) -> _T:
    """The keys that `kind`, a Foreign, has, checked; others are left alone.

    Args:
        kind: what is wanted.
        value: a plain JSON value.
        where: how messages call it, such as "plans.json".

    Raises:
        ModelError: a key is missing, or its value is of another type.
    """
    if isinstance(value, dict):
        value = {
            key.name: value[key.name] for key in msgspec.structs.fields(kind) if key.name in value
        }
    try:
        return parse(kind, value)
    except StructureError as error:
        raise ModelError(f"{where}: {error.path}: {error.found}", error.wanted, _NEXT) from None


_NEXT = "take the folder as the training left it"
