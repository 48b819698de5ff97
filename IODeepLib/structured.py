"""JSON to frozen dataclasses and back, with the JSON path in every error.

The dataclasses are the one definition: reading, writing and the published JSON Schema all follow
their fields. Understood: str, bool, int, float, StrEnum, tuples of fixed or any length, `X | None`,
dataclasses, and unions of dataclasses told apart by a class attribute `tag` ("step", "mode").
Limits of a value stand beside its type: `Annotated[float, Limits(above=0)]`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin

# A recipe is a page of text; what is larger or deeper than this was not written as one.
MAX_JSON_CHARACTERS = 4_000_000


class StructureError(ValueError):
    """What is wrong, and where: `path` is a JSON path such as `$.input.channels[0].name`."""

    def __init__(self, path: str, found: str, wanted: str) -> None:
        super().__init__(path, found, wanted)
        self.path, self.found, self.wanted = path, found, wanted


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a number, or the pattern and the least length of a string or tuple."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    pattern: str | None = None
    length: int | None = None

    def complaint(self, value: Any) -> str | None:
        """What `value` should have been, or None if it is within the limits."""
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"text of the form {self.pattern}"
        if self.length is not None and len(value) < self.length:
            return f"at least {self.length} of them"
        bounds: tuple[tuple[float | None, str, Callable[[Any, Any], bool]], ...] = (
            (self.minimum, "at least", lambda v, b: v >= b),
            (self.maximum, "at most", lambda v, b: v <= b),
            (self.above, "more than", lambda v, b: v > b),
            (self.below, "less than", lambda v, b: v < b),
        )
        for bound, words, holds in bounds:
            if bound is not None and not holds(value, bound):
                return f"{words} {bound if isinstance(bound, int) else f'{bound:g}'}"
        return None

    def schema(self, kind: str) -> dict[str, Any]:
        """The same as JSON Schema keywords for the JSON type `kind`."""
        length_key = "minItems" if kind == "array" else "minLength"
        pairs = {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
            "pattern": None if self.pattern is None else f"^(?:{self.pattern})$",
            length_key: self.length,
        }
        return {key: value for key, value in pairs.items() if value is not None}


def parse_json(text: str) -> Any:
    """JSON text to plain values; NaN, infinities, repeated keys and broken text are refused."""

    def refuse(constant: str) -> Any:
        raise StructureError("$", f"the number {constant}", "finite numbers")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result:
                raise StructureError("$", f"the key {key!r} twice in one object", "each key once")
            result[key] = value
        return result

    if len(text) > MAX_JSON_CHARACTERS:
        raise StructureError(
            "$", f"{len(text)} characters", f"at most {MAX_JSON_CHARACTERS} characters"
        )
    try:
        value = json.loads(text, parse_constant=refuse, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise StructureError("$", f"no JSON ({error.msg}, {where})", "JSON text") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, StructureError):
            raise
        raise StructureError("$", f"JSON that cannot be read ({error})", "plain JSON") from None
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise StructureError(
                "$", "half a surrogate pair (\\ud800 to \\udfff)", "text"
            ) from None
    return value


def parse(kind: Any, value: Any, path: str = "$") -> Any:
    """The plain JSON `value` as an instance of the type `kind`.

    Raises:
        StructureError: an unknown or missing key, a wrong type, a value outside its limits.
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        result = parse(args[0], value, path)
        for limits in args[1:]:
            wanted = None if result is None else limits.complaint(result)
            if wanted is not None:
                raise StructureError(path, _short(value), wanted)
        return result
    if origin in (Union, types.UnionType):
        return _parse_union(args, value, path)
    if origin is tuple:
        return _parse_tuple(args, value, path)
    if dataclasses.is_dataclass(kind):
        return _parse_object(kind, value, path)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        allowed = [member.value for member in kind]
        if value not in allowed or not isinstance(value, str):
            raise StructureError(path, _short(value), "one of " + ", ".join(allowed))
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**1000 else math.inf
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise StructureError(path, _short(value), _KIND_WORDS[kind])
    if kind is float and not math.isfinite(value):
        raise StructureError(path, "a number that is not finite", "a finite number")
    return value


def _parse_union(args: tuple[Any, ...], value: Any, path: str) -> Any:
    if types.NoneType in args:
        if value is None:
            return None
        args = tuple(a for a in args if a is not types.NoneType)
    if len(args) == 1:
        return parse(args[0], value, path)
    tagged = {_tag_value(a): a for a in args if dataclasses.is_dataclass(a)}
    if tagged and (isinstance(value, dict) or len(tagged) == len(args)):
        key = args[0].tag
        word = value.get(key) if isinstance(value, dict) else None
        if not isinstance(word, str) or word not in tagged:
            found = value.get(key, f"no {key!r}") if isinstance(value, dict) else value
            allowed = ", ".join(sorted(map(str, tagged)))
            raise StructureError(f"{path}.{key}", _short(found), f"one of {allowed}")
        return parse(tagged[word], value, path)
    errors = []
    for kind in args:
        try:
            return parse(kind, value, path)
        except StructureError as error:
            errors.append(error)
    deepest = max(errors, key=lambda e: len(e.path))
    if deepest.path != path:
        raise deepest
    raise StructureError(path, _short(value), " or ".join(e.wanted for e in errors))


def _parse_tuple(args: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise StructureError(path, _short(value), "a list")
    if args[-1] is ...:
        if args[0] is str and all(isinstance(item, str) for item in value):
            return tuple(value)  # names of tensors: there may be thousands
        args = (args[0],) * len(value)
    if len(args) != len(value):
        raise StructureError(path, f"{len(value)} values", f"{len(args)} values")
    return tuple(
        parse(kind, item, f"{path}[{i}]")
        for i, (kind, item) in enumerate(zip(args, value, strict=True))
    )


def _parse_object(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise StructureError(path, _short(value), "an object")
    hints = hints_of(kind)
    fields = dataclasses.fields(kind)
    tag = getattr(kind, "tag", None)
    names = [f.name for f in fields] + ([tag] if tag else [])
    for key in value:
        if key not in names:
            raise StructureError(
                f"{path}.{key}", "a key that is not known here", "one of " + ", ".join(names)
            )
    given = {}
    for field in fields:
        if field.name in value:
            given[field.name] = parse(hints[field.name], value[field.name], f"{path}.{field.name}")
        elif _is_required(field):
            raise StructureError(f"{path}.{field.name}", "nothing", "a value: this key is required")
    try:
        return kind(**given)
    except StructureError as error:
        inner = error.path.removeprefix("$")
        raise StructureError(path + inner, error.found, error.wanted) from None
    except ValueError as error:
        raise StructureError(path, str(error), "values that agree with each other") from None


def dump(value: Any) -> Any:
    """An instance back to plain JSON values; fields at their defaults are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tag = getattr(value, "tag", None)
        result = {tag: _tag_value(type(value))} if tag else {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if _is_required(field) or item != field.default:
                result[field.name] = dump(item)
        return result
    if isinstance(value, tuple):
        return [dump(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def schema(kind: Any, title: str, identifier: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the dataclass `kind`."""
    definitions: dict[str, Any] = {}
    root = _schema_of(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        result = _schema_of(args[0], definitions)
        for limits in args[1:]:
            result |= limits.schema(str(result.get("type")))
        return result
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(a, definitions) for a in args]}
    if origin is tuple and args[-1] is ...:
        return {"type": "array", "items": _schema_of(args[0], definitions)}
    if origin is tuple:
        items = [_schema_of(a, definitions) for a in args]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    if dataclasses.is_dataclass(kind):
        name = str(kind.__name__)  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = {}  # holds the place while its fields are described
            definitions[name] = _schema_of_object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    return {"type": _JSON_TYPES[kind]}


def _schema_of_object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = hints_of(kind)
    tag = getattr(kind, "tag", None)
    properties: dict[str, Any] = {tag: {"const": _tag_value(kind)}} if tag else {}
    required = [tag] if tag else []
    for field in dataclasses.fields(kind):
        properties[field.name] = _schema_of(hints[field.name], definitions)
        if _is_required(field):
            required.append(field.name)
        else:
            properties[field.name]["default"] = dump(field.default)
    summary = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    return {
        "type": "object",
        "description": summary,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The type of each field of the dataclass `kind`, with its limits."""
    return typing.get_type_hints(kind, include_extras=True)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING


def _tag_value(kind: Any) -> str:
    """The class name as the word in JSON: `LargestComponent` is "largest_component"."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z]|[A-Z]$)", "_", kind.__name__).lower()


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


_KIND_WORDS: dict[Any, str] = {
    str: "text",
    dict: "an object",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    types.NoneType: "null",
}
_JSON_TYPES: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    types.NoneType: "null",
}
