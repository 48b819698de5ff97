"""JSON to dataclasses: what is accepted, what is refused, and where the error points."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from msgspec import Meta, inspect

from IODeepLib.codes import Code
from IODeepLib.model_object import manifest
from IODeepLib.recipe import Recipe, limits
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import MOST_ITEMS, Many, OneOrMore, Record, dump, form, parse, schema


class Circle(Record, tag_field="shape", tag="circle"):
    """Round."""

    radius: Annotated[float, Meta(gt=0)]


class FilledBox(Record, tag_field="shape", tag="filled_box"):
    """Square."""

    size: tuple[int, int]

    def __post_init__(self) -> None:
        if self.size == (0, 0):
            raise StructureError("$.size[1]", "0", "another size")
        if self.size == (1, 1):
            raise ValueError("too small")


class Drawing(Record):
    """Shapes."""

    shapes: OneOrMore[Circle | FilledBox]
    name: Annotated[str, form("[a-z]+", "abc: small letters")] = "plain"
    weight: float | str | None = None
    title: Annotated[str, form(r"[^\x00-\x1f]*", "a b")] = ""
    frame: FilledBox | None = None


def test_what_is_read_is_written_back() -> None:
    plain = {"shapes": [{"shape": "filled_box", "size": [1, 2]}, {"shape": "circle", "radius": 3}]}
    drawing = parse(Drawing, plain)
    assert drawing.shapes == (FilledBox((1, 2)), Circle(3.0))
    assert dump(drawing) == plain
    assert dump(parse(Drawing, plain | {"name": "plain", "weight": None})) == plain


@pytest.mark.parametrize(
    ("value", "path", "wanted"),
    [
        ({"shapes": [{"shape": "circle", "radius": -1}]}, "$.shapes[0].radius", "more than 0"),
        ({"shapes": [{"shape": "circle"}]}, "$.shapes[0].radius", "required"),
        ({"shapes": [{"shape": "cone"}]}, "$.shapes[0].shape", "circle, filled_box"),
        ({"shapes": [{"shape": ["circle"]}]}, "$.shapes[0].shape", "circle, filled_box"),
        ({"shapes": [7]}, "$.shapes[0].shape", "circle"),
        ({"shapes": []}, "$.shapes", "at least 1"),
        ({"shapes": [{"shape": "filled_box", "size": [1]}]}, "$.shapes[0].size", "2 values"),
        ({"shapes": [{"shape": "filled_box", "size": [1, True]}]}, "$.shapes[0].size[1]", "whole"),
        ({"shapes": [{"shape": "filled_box", "size": [1, 2.5]}]}, "$.shapes[0].size[1]", "whole"),
        ({"shapes": [{"shape": "circle", "radius": 1, "r": 2}]}, "$.shapes[0].r", "one of"),
        ({"shapes": [{"shape": "circle", "radius": 10**400}]}, "$.shapes[0].radius", "finite"),
        ({"shapes": "circle"}, "$.shapes", "a list"),
        ([], "$", "an object"),
        ({"shapes": [{"shape": "circle", "radius": 1}], "name": "A"}, "$.name", "abc: small"),
        ({"shapes": [{"shape": "circle", "radius": 1}], "name": "a\n"}, "$.name", "abc: small"),
        ({"shapes": [{"shape": "circle", "radius": 1}], "weight": [1]}, "$.weight", "number or"),
        ({"shapes": [{"shape": "circle", "radius": 1}], "frame": [1]}, "$.frame", "an object"),
        ({"shapes": [{"radius": 1}]}, "$.shapes[0].shape", "circle, filled_box"),
        ({"shapes": [{"shape": "filled_box", "size": [0, 0]}]}, "$.shapes[0].size[1]", "another"),
        ({"shapes": [{"shape": "filled_box", "size": [1, 1]}]}, "$.shapes[0]", "agree"),
        ({"x - at `$.shapes[7]`": 1}, "$.x - at `$.shapes[7]`", "one of shapes"),
    ],
)
def test_errors_name_the_place(value: object, path: str, wanted: str) -> None:
    with pytest.raises(StructureError) as caught:
        parse(Drawing, value)
    assert caught.value.path == path
    assert wanted in caught.value.wanted


@pytest.mark.parametrize("inner", [[], {}], ids=["lists", "objects"])
def test_what_is_nested_deeply_is_refused(inner: Any) -> None:
    for _ in range(5000):
        inner = [inner] if isinstance(inner, list) else {"name": inner}
    for exact in (True, False):
        for value in (inner, {"shapes": inner}, {"shapes": [], "name": inner}):
            with pytest.raises(StructureError):
                parse(Drawing, value, exact)


def test_text_is_made_plain_but_counts_as_it_came() -> None:
    circle = {"shape": "circle", "radius": 1}
    drawing = parse(Drawing, {"shapes": [circle], "weight": "a\x1bb\r\n\u202ec"})
    assert drawing.weight == "a\ufffdb\n\ufffdc"
    exact = parse(Drawing, {"shapes": [circle], "weight": "a\x1bb"}, exact=True)
    assert exact.weight == "a\x1bb"
    with pytest.raises(StructureError) as caught:
        parse(Drawing, {"shapes": [circle], "title": "a\x1bb"})
    assert (caught.value.path, caught.value.wanted) == ("$.title", "text of the form a b")
    assert caught.value.found == '"a\\u001bb"'


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize(
    ("key", "wanted"), [("weight", "a finite number"), ("name", "text"), ("shapes", "a list")]
)
def test_infinite_numbers_are_none(key: str, value: float, wanted: str) -> None:
    """1e400 in JSON."""
    with pytest.raises(StructureError) as caught:
        parse(Drawing, {"shapes": [{"shape": "circle", "radius": 1}], key: value})
    assert (caught.value.path, caught.value.wanted) == (f"$.{key}", wanted)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (limits.Name, "liver ct"),
        (limits.Version, "1.0"),
        (limits.Title, " "),
        (limits.Keyword, "imageType"),
        (limits.Modality, "ct"),
        (limits.Uid, "1..2"),
        (manifest.Digest, "xyz"),
        (Code, {"value": "1", "scheme": "", "meaning": "Liver"}),
    ],
)
def test_people_are_shown_words_and_an_example_not_a_pattern(kind: Any, value: Any) -> None:
    with pytest.raises(StructureError) as caught:
        parse(kind, value)
    said = caught.value.wanted
    assert said.startswith("text of the form ") and not set(said) & set("[]{}\\^$?*|")


def types_in(node: Any) -> Iterator[Any]:
    """Every type that a value of the type `node` may have somewhere in it."""
    todo, seen = [node], set()
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, inspect.StructType) and node.cls not in seen:
            seen.add(node.cls)
            todo += [field.type for field in node.fields]
        for name in ("type", "item_type"):
            todo += [getattr(node, name)] if hasattr(node, name) else []
        for name in ("types", "item_types"):
            todo += getattr(node, name, ())


def test_every_pattern_has_its_form_in_words_and_every_list_its_end() -> None:
    both = [t for kind in (Recipe, manifest.Manifest) for t in types_in(inspect.type_info(kind))]
    worded = [node.type for node in both if isinstance(node, inspect.Metadata) and node.extra]
    patterns = [n for n in both if getattr(n, "pattern", None) is not None]
    assert len(patterns) >= 15 and all(any(n is w for w in worded) for n in patterns)
    lists = [n for n in types_in(inspect.type_info(Recipe)) if isinstance(n, inspect.VarTupleType)]
    assert len(lists) >= 20 and all(n.max_length == MOST_ITEMS for n in lists)


class Lists(Record):
    """Many."""

    numbers: Many[int] = ()
    texts: Many[str] = ()
    shapes: Many[Circle | FilledBox] = ()
    some: OneOrMore[str] = ("a",)
    none: Many[float] | None = None


@pytest.mark.parametrize(
    ("key", "item"),
    [
        ("numbers", 1),
        ("texts", "a"),
        ("shapes", {"shape": "circle", "radius": 1}),
        ("some", "a"),
        ("none", 1.5),
    ],
)
def test_a_list_is_only_so_long(key: str, item: object) -> None:
    most = MOST_ITEMS
    parse(Lists, {key: [item] * most})
    with pytest.raises(StructureError) as error:
        parse(Lists, {key: [item] * (most + 1)})
    assert error.value.path == f"$.{key}"
    assert (error.value.found, error.value.wanted) == (f"{most + 1} values", f"at most {most}")
    described = schema(Lists, "Lists", "urn:lists")["$defs"]["Lists"]
    described = described["properties"][key]
    assert most in (described.get("maxItems"), described.get("anyOf", [{}])[0].get("maxItems"))


def test_names_of_tensors_may_be_more() -> None:
    names = [f"tensor\x1b{i}" for i in range(MOST_ITEMS + 1)]
    part = {"sop_instance_uid": "1.2.3", "length": 1, "sha256": "0" * 64, "tensors": names}
    whole = {"schema": manifest.SCHEMA, "series_instance_uid": "1.2", "parts": [part]}
    read = manifest.Manifest.from_json(json.dumps(whole), "here")
    assert read.parts[0].tensors == tuple(names)
    assert json.loads(read.to_json()) == whole
