"""What the second version added, judged by the schema that was published for the first."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from makers.recipes import label, recipe_json

from IODeepLib.errors import RecipeError
from IODeepLib.recipe import recipe_from_json
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.recipe.second_version import KEYS, RECORDS, WORDS

ROOT = Path(__file__).resolve().parents[3]
FIRST = json.loads((Path(__file__).parent / "recipe-1.schema.json").read_text(encoding="utf-8"))
REFERENCE = (ROOT / "Docs" / "recipe.md").read_text(encoding="utf-8")

SPACING = {"mode": "spacing", "spacing": [1.0, 1.0, 1.0]}
RESIZE = {"mode": "resize", "shape": [8, 8, 8]}
CONFORM = {"mode": "conform", "spacing": [1.0, 1.0, 1.0], "shape": [8, 8, 8]}
NETWORK = {"decide_on": "network"}
JOINT = {"step": "z_score", "per": "image"}
SCALE = {"step": "percentile_scale", "lower": 1, "upper": 99}
# Where the schema of the first says that something is new, and a recipe that has it.
NEW: list[tuple[str, dict[str, Any]]] = [
    ("$.input.orientation", {"input": {"orientation": "source"}}),
    ("$.input.crop", {"input": {"crop": {"above": 0}}}),
    ("$.input.crop", {"input": {"crop": {}}}),
    ("$.input.crop", {"input": {"crop": {"component": "largest"}}}),
    ("$.input.patch_starts", {"input": {"patch_starts": "even", "patch_size": [8, 8, 8]}}),
    ("$.input.gaussian", {"input": {"gaussian": {"sigma": 0.25}, "patch_size": [8, 8, 8]}}),
    ("$.input.mirror", {"input": {"mirror": "X"}}),
    ("$.input.outside", {"input": {"outside": "reflect"}}),
    *(
        (f"$.input.grid.{key}", {"input": {"grid": grid | {key: value}}})
        for grid, key, value in [
            (SPACING, "interpolation", "cubic"),
            (RESIZE, "interpolation", "area"),
            (CONFORM, "interpolation", "nearest-even"),
            (SPACING, "anchor", "extent"),
            (SPACING, "clip", True),
            (RESIZE, "clip", True),
            (CONFORM, "clip", True),
            (SPACING, "separate_axis", {}),
        ]
    ),
    (
        "$.input.grid.axes",
        {"input": {"grid": CONFORM | {"axes": "patient"}}, "output": NETWORK},
    ),
    ("$.input.intensity[0]", {"input": {"intensity": [SCALE]}}),
    (
        "$.input.channels[0].intensity[0]",
        {"input": {"channels": [{"name": "a", "intensity": [SCALE]}]}},
    ),
    (
        "$.input.intensity_before_grid[1].per",
        {"input": {"intensity_before_grid": [{"step": "min_max"}, JOINT]}},
    ),
    ("$.output.interpolate", {"output": {"activation": "softmax", "interpolate": "probabilities"}}),
    ("$.output.label_interpolation", {"output": NETWORK | {"label_interpolation": "linear"}}),
    (
        "$.after[0].on",
        {"after": [{"step": "largest_component", "on": "network"}], "output": NETWORK},
    ),
    ("$.card.trained_on", {"card": {"trained_on": {"slices": {"min": 20}}}}),
    ("$.networks", {"networks": ["a", "b"]}),
    ("$.stages", {"stages": True}),
]


def whole(changes: dict[str, Any], schema: str) -> dict[str, Any]:
    made = recipe_json(schema=schema, **changes)
    if "stages" in changes:
        parts = {key: made.pop(key) for key in ("input", "output")}
        made["stages"] = [{"name": "only", **parts}]
    return made


@pytest.mark.parametrize(("place", "changes"), NEW)
def test_what_is_new_is_refused_in_a_recipe_of_the_first(
    place: str, changes: dict[str, Any]
) -> None:
    first = whole(changes, "iodeep-recipe/1")
    # The schema takes any text as orientation; the code did not.
    valid = jsonschema.Draft202012Validator(FIRST).is_valid(first)
    assert valid == (place == "$.input.orientation")
    read = recipe_from_json(json.dumps(first))  # a card that somebody wrote is read nonetheless
    with pytest.raises(RecipeError) as caught:
        refuse_contradictions(read)
    assert caught.value.found.startswith(f"recipe: {place}: ")
    assert "iodeep-recipe/1 does not have" in caught.value.found
    assert "'iodeep-recipe/2' as schema" in caught.value.wanted
    refuse_contradictions(recipe_from_json(json.dumps(whole(changes, "iodeep-recipe/2"))))


def test_words_of_people_are_no_words_of_the_recipe() -> None:
    first = recipe_json(
        title="area",
        input={"channels": [{"name": "image", "words": ["cubic", "reflect"]}]},
        output={"labels": [label(1, "source")]},
    )
    jsonschema.validate(first, FIRST)
    refuse_contradictions(recipe_from_json(json.dumps(first)))


@pytest.mark.parametrize("path", sorted((ROOT / "Testing" / "recipes").glob("*.json")))
def test_recipes_of_the_first_stay_what_they_are(path: Path) -> None:
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), FIRST)
    refuse_contradictions(recipe_from_json(path.read_text(encoding="utf-8")))


def test_the_reference_marks_what_is_new() -> None:
    marked = set(re.findall(r"`([a-z_-]+)`²", REFERENCE))
    known = {key for keys in KEYS.values() for key in keys} | {word.value for word in WORDS}
    known |= {record.__struct_config__.tag for record in RECORDS} - {None}
    # An object in the place of a word has no name; in it, `on` is the one that a step has, too.
    assert marked - known == {"component", "source"}
    assert known - marked == set()
