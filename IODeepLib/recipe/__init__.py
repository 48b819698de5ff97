"""The recipe: what a network needs, what it gives, and what it may be used on.

A recipe is JSON (`"schema": "iodeep-recipe/2"`; version 1 is read for ever), read into the frozen
records below; the published JSON Schema, `recipe.schema.json`, is made from them. Docs/recipe.md
explains every key with examples.

All sizes that have one number an axis (`patch_size`, `spacing`, `shape`) are in the order of the
network's own spatial axes, as `axis_order` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
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
    Component,
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
from IODeepLib.recipe.limits import Name, NetworkName, Title, Uid, Version
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
from IODeepLib.recipe.stages import (
    Region,
    Stage,
    check_stages,
    check_steps,
    needed_stages,
    result_stages,
    series_channels,
)
from IODeepLib.recipe.training import ContrastPhase, PercentileRange, TrainedOn
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
    "Component",
    "Conform",
    "Connectivity",
    "ContrastPhase",
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
    "PercentileRange",
    "PercentileScale",
    "Plane",
    "Quantise",
    "Range",
    "Recipe",
    "Region",
    "Requirements",
    "Resize",
    "ScaleOffset",
    "SeparateAxis",
    "Sex",
    "Spacing",
    "Stage",
    "SuvBw",
    "Task",
    "TrainedOn",
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


class Recipe(Record, kw_only=True):
    """What a network needs and gives, what it may be used on, and who says so.

    A model of one stage has its `input` and `output` here; one of several has `stages`. Whoever
    runs, shows or checks it asks for `all_stages` and `labels`.
    """

    schema: Annotated[str, form("|".join(SCHEMAS), " or ".join(SCHEMAS))]
    name: Name
    version: Version
    title: Title
    applies_to: AppliesTo
    input: Input | None = None
    output: Output | None = None
    card: ModelCard
    task: Task = Task.SEGMENTATION
    after: Many[AfterStep] = ()
    model_uid: Uid | None = None
    networks: Many[NetworkName] = ()
    stages: Many[Stage] = ()

    def __post_init__(self) -> None:
        self._check_keys()
        check_stages(self.all_stages)
        if self.task is not Task.SEGMENTATION:
            self._check_without_voxels()
        check_steps("$.after", self.after, self.labels)

    def _check_keys(self) -> None:
        """One network at the top, or stages."""
        for key in ("input", "output"):
            there = getattr(self, key) is not None
            if there and self.stages:
                raise StructureError(f"$.{key}", "it, beside stages", "it in each stage")
            if not there and not self.stages:
                raise StructureError(f"$.{key}", "nothing", "it, or stages that have it")
        if self.networks and self.stages:
            raise StructureError("$.networks", "it, beside stages", "it in the stages")

    def _check_without_voxels(self) -> None:
        """What a classification or regression cannot have."""
        last = self.all_stages[-1]
        steps = [("$.after", self.after)]
        if self.stages:
            steps.append((f"$.stages[{len(self.stages) - 1}].after", last.after))
        for path, some in steps:
            if some:
                raise StructureError(
                    path, f"steps for the task {self.task.value}", "no steps: there are no voxels"
                )
        others = [repr(part.name) for part in self.result_stages if part.name != last.name]
        if others:
            raise StructureError(
                "$.stages",
                f"{', '.join(others)}, which no stage reads, before one for {self.task.value}",
                "stages before the last one that are read by another",
            )

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The stages in order; where input and output stand at the top it is one without a name."""
        if self.input is None or self.output is None:
            return self.stages
        return (Stage("", self.input, self.output, self.networks),)

    @property
    def result_stages(self) -> tuple[Stage, ...]:
        """The stages whose labels are the result; a later one paints over an earlier one."""
        return result_stages(self.all_stages)

    def stages_for(self, labels: Collection[str] | None) -> tuple[Stage, ...]:
        """The stages that these labels of the result need, in order; None for all labels."""
        if labels is None:
            return self.all_stages
        wanted = {*labels}
        for step in reversed(self.after):  # of labels that go together none is there alone
            if isinstance(step, LargestComponent) and step.together:
                together = step.labels or [label.name for label in self.labels]
                wanted.update(together if wanted.intersection(together) else ())
        return needed_stages(self.all_stages, wanted)

    @property
    def labels(self) -> tuple[Label, ...]:
        """What the result can have."""
        return tuple(label for stage in self.result_stages for label in stage.output.labels)

    @property
    def overlapping(self) -> bool:
        """Whether a voxel of the result may have several labels."""
        return any(stage.output.overlapping for stage in self.result_stages)

    @property
    def network_names(self) -> tuple[str, ...]:
        """The networks that it needs, each once; the only one of a model has no name: ""."""
        names = (name for stage in self.all_stages for name in stage.network_names)
        return tuple(dict.fromkeys(names))

    @property
    def series_channels(self) -> tuple[Channel, ...]:
        """The channels that series fill, each once. The result lies on the series of the first."""
        if self.input is not None:
            return self.input.channels
        return series_channels([stage.input for stage in self.stages])

    def series_of(self, stage: Stage) -> tuple[int, ...]:
        """Which of the `series_channels` are those of `stage`, in its own order."""
        if self.input is not None:
            return tuple(range(len(self.input.channels)))
        places = {channel.name: i for i, channel in enumerate(self.series_channels)}
        return tuple(places[c.name] for c in stage.input.channels if c.stage is None)

    def task_of(self, stage: Stage) -> Task:
        """What `stage` does: all before the last one segment."""
        last = self.all_stages[-1]
        return self.task if stage.name == last.name else Task.SEGMENTATION


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
