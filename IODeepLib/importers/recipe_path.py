"""Places in a recipe by their paths, such as `input.grid.spacing` and `output.labels[Liver].type`.

Which places there are, and what may stand there, the recipe's own records say.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from IODeepLib.errors import UsageError
from IODeepLib.recipe import Recipe
from IODeepLib.text.wording import counted

Key = str | int
Kinds = tuple[inspect.Type, ...]  # what may stand in a place; several where records have tags

_KEY = r"[A-Za-z_]\w{0,63}"
_PATH = re.compile(rf"{_KEY}(?:\.{_KEY}|\[[^\[\]]{{1,64}}\])*", re.ASCII)
_STEP = re.compile(rf"({_KEY})|\[([^\[\]]+)\]", re.ASCII)
_NEAREST = 3


def find(path: str, recipe: dict[str, Any]) -> tuple[list[Key], Kinds]:
    """The keys that lead to a place, and what may stand there.

    Args:
        path: keys with dots between them; items of lists by their number from 0 or by their name.
        recipe: the recipe so far, which says of what kind a grid is and what its labels are called.

    Raises:
        UsageError: recipes have no such place, or this one has not.
    """
    if _PATH.fullmatch(path) is None:
        raise _unknown(path, path)
    keys: list[Key] = []
    kinds: Kinds = options(inspect.type_info(Recipe))
    here: Any = recipe
    for step in _STEP.finditer(path):
        key: Key = step[1] or step[2]
        if step[2] is not None:
            key = _index(step[2], here, path[: step.start()])
        kinds = _inside(kinds, key, here)
        if not kinds:
            raise _unknown(path, path[: step.end()])
        keys.append(key)
        here = _get(here, key)
    return keys, kinds


def get(recipe: dict[str, Any], keys: list[Key]) -> Any:
    """What stands there; None if nothing does."""
    return functools.reduce(_get, keys, recipe)


def put(recipe: dict[str, Any], keys: list[Key], value: Any) -> None:
    """Put a plain JSON value there; what lies between is made."""
    here: Any = recipe
    for i, key in enumerate(keys[:-1]):
        following = _get(here, key)
        kind = list if isinstance(keys[i + 1], int) else dict
        if not isinstance(following, kind):
            following = kind()
            _put(here, key, following)
        here = following
    _put(here, keys[-1], value)


def _get(value: Any, key: Key) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def _put(here: Any, key: Key, value: Any) -> None:
    if isinstance(here, list) and key == len(here):
        here.append(value)
    else:
        here[key] = value


def _index(words: str, items: Any, path: str) -> int:
    """The number of an item of the list at `path`, which `words` give, or its name."""
    known = items if isinstance(items, list) else []
    names = [item.get("name") if isinstance(item, dict) else None for item in known]
    if words in names:
        return names.index(words)
    if words.isdecimal() and len(words) <= 4 and int(words) <= len(known):  # one may be added
        return int(words)
    named = [name for name in names if name is not None]
    close = difflib.get_close_matches(words, named, _NEAREST, 0.0)
    raise UsageError(
        f"{path}[{words}], where there are {counted(len(known), 'item')}",
        " or ".join(filter(None, (", ".join(close), f"a number from 0 to {len(known)}"))),
        "correct the path",
    )


def options(node: inspect.Type) -> Kinds:
    """The types that may stand in a place, without None and without limits."""
    if isinstance(node, inspect.Metadata):
        return options(node.type)
    if isinstance(node, inspect.UnionType):
        return tuple(one for kind in node.types for one in options(kind))
    return () if isinstance(node, inspect.NoneType) else (node,)


def _inside(kinds: Kinds, key: Key, value: Any) -> Kinds:
    """What may stand under a key of what has one of these kinds; () if that has no such key."""
    if isinstance(key, int):
        for kind in kinds:
            if isinstance(kind, inspect.VarTupleType):
                return options(kind.item_type)
            if isinstance(kind, inspect.TupleType) and key < len(kind.item_types):
                return options(kind.item_types[key])
        return ()
    records = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
    if isinstance(value, dict) and len(records) > 1:
        records = [one for one in records if value.get(one.tag_field, one.tag) == one.tag]
    for record in records:
        for field in record.fields:
            if field.encode_name == key:
                return options(field.type)
        if key == record.tag_field:
            return (inspect.StrType(),)
    return ()


def _unknown(path: str, where: str) -> UsageError:
    plain = re.sub(r"\[[^\[\]]*\]", "[0]", path)
    close = difflib.get_close_matches(plain, _known(), _NEAREST, 0.0)
    return UsageError(
        f"an answer for {path}, and no recipe has {where}",
        "a place in a recipe, such as " + ", ".join(close),
        "correct the path (Docs/recipe.md describes every key)",
    )


@functools.cache
def _known() -> tuple[str, ...]:
    """The paths of all places, each list with its first item."""
    return tuple(_below("", options(inspect.type_info(Recipe))))


def _below(path: str, kinds: Kinds) -> Iterator[str]:
    for kind in kinds:
        if isinstance(kind, inspect.VarTupleType):
            yield from _below(f"{path}[0]", options(kind.item_type))
        elif isinstance(kind, inspect.StructType):
            for field in kind.fields:
                place = f"{path}.{field.encode_name}".lstrip(".")
                yield place
                yield from _below(place, options(field.type))
