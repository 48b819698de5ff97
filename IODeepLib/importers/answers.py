"""What an author answers where the source says nothing: `--set PATH=VALUE` and `--set-file`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import inspect

from IODeepLib.codes import Code, region_by_term
from IODeepLib.codes.structures import structure
from IODeepLib.errors import RecipeError, UsageError
from IODeepLib.importers import recipe_path
from IODeepLib.importers.draft import Draft, Missing
from IODeepLib.importers.recipe_path import Kinds
from IODeepLib.recipe import Recipe
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, StructureError, parse_json
from IODeepLib.text.records import parse
from IODeepLib.text.wording import counted

_PLAIN = (inspect.StrType, inspect.EnumType, inspect.LiteralType)
_NUMBERS = (inspect.IntType, inspect.FloatType, inspect.BoolType)
_ANY = "any"  # of a list that limits something, what an empty one means
_CODE = "SCT^10200004^Liver, or a name that has a code (Docs/import/codes.md)"
# Between codes of a list, whose meanings may hold commas.
_NEXT_CODE = re.compile(r",\s*(?=[^,^]{1,16}\^[^,^]+\^)")


class MissingAnswersError(RecipeError):
    """The source does not say what a recipe needs; all of it is named at once.

    Attributes:
        missing: what has to be answered.
    """

    def __init__(self, source: str, missing: Sequence[Missing]) -> None:
        whys = "; ".join(f"{item.path} ({item.why})" for item in missing)
        examples = " ".join(
            f"--set {shlex.quote(f'{item.path}={item.example}')}" for item in missing
        )
        super().__init__(
            f"{source} does not say {counted(len(missing), 'thing')}: {whys}",
            "an answer to each",
            f"{examples}, each with your own answer, or all in a file with --set-file",
        )
        self.missing = tuple(missing)


def put_answers(draft: Draft, given: Sequence[str] = (), file: Path | None = None) -> None:
    """Put answers into the recipe of a draft.

    Args:
        draft: what the source says; answers go before it.
        given: answers as "PATH=VALUE". Lists have commas, or are JSON.
        file: JSON with more answers: an object of paths and values; those in `given` go before it.

    Raises:
        UsageError: there is no such place in a recipe.
        RecipeError: the file is not valid.
    """
    if file is not None:
        _put_all(draft.recipe, "", _read(file))
    for words in given:
        path, equals, text = words.partition("=")
        if not equals:
            raise UsageError(f"--set {words}", "PATH=VALUE", "such as --set card.licence=MIT")
        keys, kinds = recipe_path.find(path.strip(), draft.recipe)
        recipe_path.put(draft.recipe, keys, value_of(text, kinds, path))


def complete(draft: Draft) -> Recipe:
    """The recipe of a draft.

    Raises:
        MissingAnswersError: something is not answered.
        RecipeError: an answer is not valid.
    """
    missing = unanswered(draft)
    if missing:
        raise MissingAnswersError(draft.source, missing)
    draft.finish(draft.recipe)
    try:
        return parse(Recipe, draft.recipe)
    except StructureError as error:
        path = error.path.removeprefix("$.")
        raise RecipeError(
            f"{path}: {error.found}", error.wanted, f"give another answer for {path}"
        ) from None


def unanswered(draft: Draft) -> list[Missing]:
    """What of a draft is still to be answered."""
    return [
        item
        for item in draft.missing
        if recipe_path.get(draft.recipe, recipe_path.find(item.path, draft.recipe)[0]) is None
    ]


def value_of(text: str, kinds: Kinds, path: str) -> Any:
    """The plain JSON value that `text` means where one of these kinds may stand.

    Raises:
        UsageError: it is no JSON where nothing else can stand, or no code.
    """
    text = text.strip()
    lists = [kind for kind in kinds if isinstance(kind, (inspect.VarTupleType, inspect.TupleType))]
    if any(isinstance(kind, inspect.StructType) and kind.cls is Code for kind in kinds):
        return _json(text, path) if text.startswith("{") else _code(text, path)
    if text.startswith("[") and lists:
        return _json(text, path)
    if text.startswith("{") and any(isinstance(kind, inspect.StructType) for kind in kinds):
        return _json(text, path)
    if any(isinstance(kind, _NUMBERS) for kind in kinds):
        try:
            return parse_json(text)
        except StructureError:
            return text  # its record says what is wrong with it
    if lists and not any(isinstance(kind, _PLAIN) for kind in kinds):
        return _items(text, lists[0], path)
    if any(isinstance(kind, _PLAIN) for kind in kinds):
        return text
    raise UsageError(
        f"the answer {text!r} for {path}", "JSON: an object in {}", "give another answer"
    )


def _items(text: str, kind: inspect.VarTupleType | inspect.TupleType, path: str) -> list[Any]:
    if text in ("", _ANY):
        return []
    parts = _NEXT_CODE.split(text) if "^" in text else text.split(",")
    if isinstance(kind, inspect.TupleType):  # of a fixed length; its record says which
        types = [*kind.item_types, *[kind.item_types[-1]] * len(parts)][: len(parts)]
    else:
        types = [kind.item_type] * len(parts)
    return [
        value_of(part, recipe_path.options(one), path)
        for part, one in zip(parts, types, strict=True)
    ]


def _code(text: str, path: str) -> dict[str, str]:
    scheme, *rest = text.split("^")
    if len(rest) == 2:
        return {"value": rest[0], "scheme": scheme, "meaning": rest[1]}
    region, known = region_by_term(text), structure(text)
    if region is not None and not rest:
        code = region.code
    elif known is not None and not rest:
        code = known.type
    else:
        raise UsageError(
            f"the answer {text!r} for {path}", _CODE, f"give another one, such as {_CODE}"
        )
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _json(text: str, path: str) -> Any:
    try:
        return parse_json(text)
    except StructureError as error:
        raise UsageError(
            f"the answer for {path}: {error.found}", error.wanted, "give another answer"
        ) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open(encoding="utf-8") as opened:
            value = parse_json(opened.read(MAX_JSON_CHARACTERS + 1))
        if not isinstance(value, dict):
            raise StructureError("$", "no object", "an object of paths and values")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file}: {error}", "answers, JSON in UTF-8", "check the path") from None
    except StructureError as error:
        raise RecipeError(f"{file}: {error.found}", error.wanted, "correct the file") from None
    return value


def _put_all(recipe: dict[str, Any], prefix: str, values: dict[str, Any]) -> None:
    """Put the values under their paths; an object is put key by key where one is already."""
    for key, value in values.items():
        path = f"{prefix}.{key}".lstrip(".")
        keys, _ = recipe_path.find(path, recipe)
        if isinstance(value, dict) and isinstance(recipe_path.get(recipe, keys), dict):
            _put_all(recipe, path, value)
        else:
            recipe_path.put(recipe, keys, value)
