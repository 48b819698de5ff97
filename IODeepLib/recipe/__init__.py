"""The recipe: what a network needs, what it gives, and what it may be used on.

A recipe is JSON (`"schema": "iodeep-recipe/2"`; version 1 is read for ever), read into the frozen
records below; the published JSON Schema, `recipe.schema.json`, is made from them. Docs/recipe.md
explains every key with examples.

All sizes that have one number an axis (`patch_size`, `spacing`, `shape`) are in the order of the
network's own spatial axes, as `axis_order` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from IODeepLib.errors import RecipeError
from IODeepLib.recipe.applies_to import (
    AppliesTo,
    AttributeConstraint,
    Laterality,
    Operator,
    Plane,
    Range,
    Sex,
)
from IODeepLib.recipe.card import Measurement, ModelCard
from IODeepLib.recipe.grid import (
    Anchor,
    Axes,
    Conform,
    CropAbove,
    GridMode,
    Interpolation,
    Native,
    OnGrid,
    Outside,
    Resize,
    SeparateAxis,
    Spacing,
)
from IODeepLib.recipe.input import (
    SOURCE_ORIENTATION,
    Channel,
    Color,
    Crop,
    Gaussian,
    GaussianCenter,
    ImportanceMap,
    Input,
    LabelInterpolation,
    PatchStarts,
)
from IODeepLib.recipe.intensity import (
    Clip,
    IntensityStep,
    MinMax,
    Over,
    Per,
    PercentileClip,
    PercentileScale,
    Quantise,
    ScaleOffset,
    SuvBw,
    Window,
    ZScore,
)
from IODeepLib.recipe.limits import Name, Title, Uid, Version
from IODeepLib.recipe.output import (
    Activation,
    AfterStep,
    Aggregate,
    AlgorithmType,
    Blend,
    Connectivity,
    Decision,
    FillHoles,
    Label,
    LargestComponent,
    MinimumVolume,
    Output,
)
from IODeepLib.recipe.requirements import Requirements, parse_requirements
from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, StructureError, parse_json
from IODeepLib.text.records import Many, Record, dump, form, parse, schema

__all__ = [
    "SCHEMA",
    "SCHEMAS",
    "SOURCE_ORIENTATION",
    "Activation",
    "AfterStep",
    "Aggregate",
    "AlgorithmType",
    "Anchor",
    "AppliesTo",
    "AttributeConstraint",
    "Axes",
    "Blend",
    "Channel",
    "Clip",
    "Color",
    "Conform",
    "Connectivity",
    "Crop",
    "CropAbove",
    "Decision",
    "FillHoles",
    "Gaussian",
    "GaussianCenter",
    "GridMode",
    "ImportanceMap",
    "Input",
    "IntensityStep",
    "Interpolation",
    "Label",
    "LabelInterpolation",
    "LargestComponent",
    "Laterality",
    "Measurement",
    "MinMax",
    "MinimumVolume",
    "ModelCard",
    "Native",
    "OnGrid",
    "Operator",
    "Output",
    "Outside",
    "Over",
    "PatchStarts",
    "Per",
    "PercentileClip",
    "PercentileScale",
    "Plane",
    "Quantise",
    "Range",
    "Recipe",
    "Requirements",
    "Resize",
    "ScaleOffset",
    "SeparateAxis",
    "Sex",
    "Spacing",
    "SuvBw",
    "Task",
    "Window",
    "ZScore",
    "read_recipe",
    "recipe_from_json",
    "recipe_from_parts",
    "recipe_parts",
    "recipe_schema",
    "recipe_to_json",
    "requirements_from_json",
]

# What has no key of the second may go on being called the first, so that older ones read it.
SCHEMAS = ("iodeep-recipe/1", "iodeep-recipe/2")
SCHEMA = SCHEMAS[-1]
_T = TypeVar("_T")


class Task(StrEnum):
    """What the network does (element xx06 of the IODeep instances)."""

    SEGMENTATION = "SEGMENTATION"
    CLASSIFICATION = "CLASSIFICATION"
    REGRESSION = "REGRESSION"


class Recipe(Record):
    """What a network needs and gives, what it may be used on, and who says so."""

    schema: Annotated[str, form("|".join(SCHEMAS), " or ".join(SCHEMAS))]
    name: Name
    version: Version
    title: Title
    applies_to: AppliesTo
    input: Input
    output: Output
    card: ModelCard
    task: Task = Task.SEGMENTATION
    after: Many[AfterStep] = ()
    model_uid: Uid | None = None

    def __post_init__(self) -> None:
        names = dict.fromkeys(label.name for label in self.output.labels)
        for i, step in enumerate(self.after):
            for j, name in enumerate(step.labels or ()):
                if name not in names:
                    raise StructureError(
                        f"$.after[{i}].labels[{j}]", repr(name), "one of " + ", ".join(names)
                    )
        if self.after and self.task is not Task.SEGMENTATION:
            raise StructureError(
                "$.after", f"steps for the task {self.task.value}", "no steps: there are no voxels"
            )


def read_recipe(path: Path | str) -> Recipe:
    """The recipe in the JSON file at `path`.

    Raises:
        RecipeError: the file cannot be read or is not a valid recipe.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MAX_JSON_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: {error}", "a recipe, JSON in UTF-8", "check the path") from None
    return recipe_from_json(text, str(path))


def recipe_from_json(text: str, where: str = "recipe") -> Recipe:
    """The recipe that the JSON `text` holds; `where` names it in errors."""
    return _in(where, lambda: parse(Recipe, parse_json(text)))


def recipe_to_json(recipe: Recipe) -> str:
    """`recipe` as JSON text; values at their defaults are left out."""
    return _text(dump(recipe))


def recipe_parts(recipe: Recipe) -> tuple[str, str]:
    """JSON of the recipe without its card, and of the card: two elements in the DICOM instance."""
    whole = dump(recipe)
    card = whole.pop("card")
    return _text(whole), _text(card)


def recipe_from_parts(recipe_json: str, card_json: str, where: str = "recipe") -> Recipe:
    """The recipe from its two elements, as `recipe_parts` made them."""

    def join() -> Recipe:
        whole = parse_json(recipe_json)
        if isinstance(whole, dict):
            whole["card"] = parse_json(card_json)
        return parse(Recipe, whole)

    return _in(where, join)


def requirements_from_json(recipe_json: str, where: str = "recipe") -> Requirements:
    """What the recipe in the JSON text asks of a series, without reading all of it."""
    return _in(where, lambda: parse_requirements(recipe_json))


def recipe_schema() -> dict[str, Any]:
    """The published JSON Schema of a recipe."""
    return schema(Recipe, "IODeep recipe", "urn:iodeep:recipe:2")


def _in(where: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except StructureError as error:
        raise RecipeError(
            f"{where}: {error.path}: {error.found}",
            error.wanted,
            "correct the recipe there (Docs/recipe.md describes every key)",
        ) from None


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
