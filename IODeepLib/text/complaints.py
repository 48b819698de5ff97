"""What is wrong with a JSON value, in words: where it is, what was found and what was wanted.

msgspec says that something is wrong, and where. To that place the value and its type are followed
here: msgspec's words are for programmers, and its patterns no words at all.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from msgspec import ValidationError, inspect

from IODeepLib.text.json_text import StructureError

_PLACE = re.compile(r" - at `(\$(?:\.\w+|\[\d+\])*)`\Z")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_LIST = list, "a list"
_OBJECT = dict, "an object"
# What each type is in plain JSON, and in words.
_JSON: dict[type, tuple[Any, str]] = {
    inspect.StrType: (str, "text"),
    inspect.EnumType: (str, "text"),
    inspect.LiteralType: (str, "text"),
    inspect.BoolType: (bool, "true or false"),
    inspect.IntType: (int, "a whole number"),
    inspect.FloatType: ((int, float), "a number"),
    inspect.DateType: (date, "a date without quotation marks, such as 2026-12-31"),
    inspect.VarTupleType: _LIST,
    inspect.TupleType: _LIST,
    inspect.DictType: _OBJECT,
    inspect.StructType: _OBJECT,
}
_BOUNDS = {
    "ge": ("at least", operator.ge),
    "le": ("at most", operator.le),
    "gt": ("more than", operator.gt),
    "lt": ("less than", operator.lt),
}


def complaint(kind: Any, value: Any, error: ValidationError) -> StructureError:
    """What msgspec refused in the plain JSON `value`, which is no `kind`."""
    place = _PLACE.search(str(error))
    path = place[1] if place else "$"
    cause = error.__cause__  # of a record that refused values which are well each for itself
    if isinstance(cause, StructureError):
        return StructureError(path + cause.path.removeprefix("$"), cause.found, cause.wanted)
    if cause is not None:
        return StructureError(path, str(cause), "values that agree with each other")
    return _of(*_at(kind, value, path)) or StructureError(path, short(value), "another value")


def refuse(kind: Any, value: Any, shown: Any) -> None:
    """Raise StructureError if `value`, whose `shown` form is a `kind`, is none as it came."""
    _refuse("$", _type(kind), value, shown)


def short(value: Any) -> str:
    """A plain JSON value for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


@functools.cache
def _type(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _at(kind: Any, value: Any, path: str) -> tuple[str, inspect.Type, Any]:
    """The place at `path`, the type of it and the value there; at a tag, those of its object."""
    node, walked = _chosen(_type(kind), value), "$"
    for step in _STEP.finditer(path):
        key: Any = step[1] or int(step[2])
        if isinstance(key, str) and getattr(node, "tag_field", key) == key:
            break
        node, value = _chosen(_inside(node, key), value[key]), value[key]
        walked += step[0]
    return walked, node, value


def _refuse(path: str, node: inspect.Type, value: Any, shown: Any) -> None:
    if value == shown:
        return
    node = _chosen(node, value)
    if isinstance(value, dict):
        for key, item in value.items():
            if key != getattr(node, "tag_field", None):
                _refuse(f"{path}.{key}", _inside(node, key), item, shown[key])
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _refuse(f"{path}[{i}]", _inside(node, i), item, shown[i])
    elif (wrong := _of(path, node, value)) is not None:
        raise wrong


def _inside(node: inspect.Type, key: Any) -> inspect.Type:
    """The type of what is in an object or a list of this type."""
    if isinstance(node, inspect.StructType):
        return next(field.type for field in node.fields if field.encode_name == key)
    if isinstance(node, inspect.TupleType):
        return node.item_types[key]
    return getattr(node, "item_type", node)


def _chosen(node: inspect.Type, value: Any) -> inspect.Type:
    """Of several types the one that `value` is meant to be, as far as that can be known."""
    options = _options(node)
    if len(options) == 1:
        return options[0]
    for option in options:
        bare = _bare(option)
        if _is(bare, value) and not (
            isinstance(bare, inspect.StructType) and value.get(bare.tag_field) != bare.tag
        ):
            return option
    return node


def _options(node: inspect.Type) -> list[inspect.Type]:
    types = node.types if isinstance(node, inspect.UnionType) else (node,)
    return [one for one in types if not isinstance(one, inspect.NoneType)]


def _bare(node: inspect.Type) -> inspect.Type:
    return node.type if isinstance(node, inspect.Metadata) else node


def _is(bare: inspect.Type, value: Any) -> bool:
    kind = _JSON[type(bare)][0]
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _of(path: str, node: inspect.Type, value: Any) -> StructureError | None:
    """What is wrong with `value`; with a list or object as such, not with what is in it."""
    bare, words = _bare(node), [_JSON[type(_bare(one))][1] for one in _options(node)]
    if isinstance(bare, inspect.UnionType) and set(words) == {_OBJECT[1]}:
        return _of_tag(path, _options(node), value)
    if isinstance(bare, inspect.EnumType):
        return StructureError(path, short(value), _one_of(one.value for one in bare.cls))
    if isinstance(bare, inspect.LiteralType):
        return StructureError(path, short(value), _one_of(bare.values))
    if isinstance(bare, inspect.UnionType) or not _is(bare, value):
        return StructureError(path, short(value), " or ".join(words))
    if isinstance(bare, inspect.StructType):
        return _of_keys(path, bare, value)
    if isinstance(bare, inspect.TupleType):
        return StructureError(path, f"{len(value)} values", f"{len(bare.item_types)} values")
    if isinstance(bare, inspect.VarTupleType) and len(value) > (bare.max_length or len(value)):
        return StructureError(path, f"{len(value)} values", f"at most {bare.max_length}")
    form = (node.extra or {}).get("form") if isinstance(node, inspect.Metadata) else None
    wanted = next(_broken(bare, value, form), None)
    return None if wanted is None else StructureError(path, short(value), wanted)


def _of_tag(path: str, records: list[Any], value: Any) -> StructureError:
    key = records[0].tag_field
    found = value.get(key, f"no {key!r}") if isinstance(value, dict) else value
    tags = _one_of(sorted(str(record.tag) for record in records))
    return StructureError(f"{path}.{key}", short(found), tags)


def _of_keys(path: str, record: inspect.StructType, value: dict[str, Any]) -> StructureError | None:
    known = [field.encode_name for field in record.fields]
    known += [record.tag_field] if record.tag_field else []
    for key in value:
        if key not in known:
            wanted = _one_of(known)
            return StructureError(f"{path}.{key}", "a key that is not known here", wanted)
    for field in record.fields:
        if field.required and field.encode_name not in value:
            place = f"{path}.{field.encode_name}"
            return StructureError(place, "nothing", "a value: this key is required")
    return None


def _broken(bare: inspect.Type, value: Any, form: str | None) -> Iterator[str]:
    """The limits that `value` does not keep to, in words."""
    pattern, length = getattr(bare, "pattern", None), getattr(bare, "min_length", None)
    if pattern is not None and not re.search(pattern, value):
        yield f"text of the form {form or pattern}"
    if length is not None and len(value) < length:
        yield f"at least {length} of them"
    for limit, (words, holds) in _BOUNDS.items():
        bound = getattr(bare, limit, None)
        if bound is not None and not holds(value, bound):
            yield form or f"{words} {bound if isinstance(bound, int) else f'{bound:g}'}"
    if isinstance(bare, inspect.FloatType):
        yield "a finite number"


def _one_of(words: Iterable[Any]) -> str:
    several = [str(word) for word in words]
    return several[0] if len(several) == 1 else "one of " + ", ".join(several)
