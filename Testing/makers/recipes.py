"""Small recipes, made to measure for tests."""

from __future__ import annotations

import copy
import json
from typing import Any

from IODeepLib.recipe import Recipe, recipe_from_json

BRAIN = {"value": "12738006", "scheme": "SCT", "meaning": "Brain"}
LIVER = {"value": "10200004", "scheme": "SCT", "meaning": "Liver"}
ABDOMEN = {"value": "818981001", "scheme": "SCT", "meaning": "Abdomen"}
ANATOMICAL_STRUCTURE = {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"}


def label(value: int, name: str = "", code: dict[str, str] = BRAIN, **more: Any) -> dict[str, Any]:
    """A label as JSON."""
    name = name or f"Label {value}"
    return {"value": value, "name": name, "category": ANATOMICAL_STRUCTURE, "type": code, **more}


BASE: dict[str, Any] = {
    "schema": "iodeep-recipe/1",
    "name": "test-network",
    "version": "1.0.0",
    "title": "A network for tests",
    "applies_to": {"modalities": ["MR"]},
    "input": {"channels": [{"name": "image"}], "orientation": "LPS"},
    "output": {"channels": 2, "labels": [label(1)]},
    "card": {"publisher": "IODeep", "intended_use": "Tests.", "licence": "MIT"},
}


def recipe_json(**changes: Any) -> dict[str, Any]:
    """The base recipe; objects in `changes` are merged into it, key by key."""

    def merge(into: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        for key, value in more.items():
            if isinstance(value, dict) and isinstance(into.get(key), dict):
                merge(into[key], value)
            else:
                into[key] = value
        return into

    return merge(copy.deepcopy(BASE), changes)


def recipe(**changes: Any) -> Recipe:
    """The same, read."""
    return recipe_from_json(json.dumps(recipe_json(**changes)))


def liver_recipe(**changes: Any) -> Recipe:
    """A recipe for a 3D network on CT and MR of the abdomen; `changes` replace top-level keys."""
    whole = recipe_json(
        name="liver",
        version="1.2.0",
        title="Leber und Milz – größer",
        applies_to={"modalities": ["CT", "MR"], "anatomic_regions": [ABDOMEN]},
        input={"orientation": "RAS"},
        output={"labels": [label(1, "Liver", LIVER)]},
        card={"publisher": "Hospital"},
    )
    return recipe_from_json(json.dumps(whole | changes))
