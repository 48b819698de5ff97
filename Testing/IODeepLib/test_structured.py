"""JSON to dataclasses: what is accepted, what is refused, and where the error points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest

from IODeepLib import structured
from IODeepLib.structured import Limits, StructureError


@dataclass(frozen=True)
class Circle:
    """Round."""

    tag: ClassVar[str] = "shape"
    radius: Annotated[float, Limits(above=0)]


@dataclass(frozen=True)
class FilledBox:
    """Square."""

    tag: ClassVar[str] = "shape"
    size: tuple[int, int]


@dataclass(frozen=True)
class Drawing:
    """Shapes."""

    shapes: Annotated[tuple[Circle | FilledBox, ...], Limits(length=1)]
    name: Annotated[str, Limits(pattern="[a-z]+")] = "plain"
    weight: float | str | None = None


def test_what_is_read_is_written_back() -> None:
    plain = {"shapes": [{"shape": "filled_box", "size": [1, 2]}, {"shape": "circle", "radius": 3}]}
    drawing = structured.parse(Drawing, plain)
    assert drawing.shapes == (FilledBox((1, 2)), Circle(3.0))
    assert structured.dump(drawing) == plain


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
        ({"shapes": [{"shape": "circle", "radius": 1}], "name": "A"}, "$.name", "[a-z]+"),
        ({"shapes": [{"shape": "circle", "radius": 1}], "weight": [1]}, "$.weight", "number or"),
    ],
)
def test_errors_name_the_place(value: object, path: str, wanted: str) -> None:
    with pytest.raises(StructureError) as caught:
        structured.parse(Drawing, value)
    assert caught.value.path == path
    assert wanted in caught.value.wanted


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        "{",
        "",
        "[" * 100_000,
        '{"a":' * 50_000,
        " " * (structured.MAX_JSON_CHARACTERS + 1),
        "1" * 10_000,
        r'["half a \ud83d pair"]',
    ],
    ids=["nan", "infinity", "twice", "cut", "empty", "deep", "deeper", "long", "digits", "half"],
)
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(StructureError):
        structured.parse(Drawing, structured.parse_json(text))
