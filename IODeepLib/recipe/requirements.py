"""What a recipe asks of a series: the small part of it that selection looks at."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, fields

from IODeepLib import structured
from IODeepLib.recipe.applies_to import AppliesTo
from IODeepLib.recipe.input import Channel, Input

_DEFAULTS = {field.name: field.default for field in fields(Input)}


@dataclass(frozen=True, slots=True, eq=False)
class Requirements:
    """What a network asks of a series.

    Recipes that ask the same share one object: what was found out for one of them holds for all.

    Attributes:
        applies_to: which series it may be run on.
        channels: what fills its input.
        spatial_dims: 2 (slice by slice) or 3.
    """

    applies_to: AppliesTo
    channels: tuple[Channel, ...]
    spatial_dims: int


def parse_requirements(recipe_json: str) -> Requirements:
    """What the JSON of a recipe asks; nothing else in it is looked at.

    Raises:
        StructureError: it is no JSON, or what it asks is not valid.
    """
    whole = structured.parse_json(recipe_json)
    asked = structured.parse(dict, whole).get("applies_to")
    input_ = structured.parse(dict, whole.get("input"), "$.input")
    axis_order = input_.get("axis_order", _DEFAULTS["axis_order"])
    return _parsed(json.dumps([asked, input_.get("channels"), axis_order]))


@functools.lru_cache(maxsize=10_000)
def _parsed(text: str) -> Requirements:
    applies_to, channels, axis_order = json.loads(text)
    hints = structured.hints_of(Input)
    axis_order = structured.parse(hints["axis_order"], axis_order, "$.input.axis_order")
    return Requirements(
        structured.parse(AppliesTo, applies_to, "$.applies_to"),
        structured.parse(hints["channels"], channels, "$.input.channels"),
        sum(letter in "XYZ" for letter in axis_order),
    )
