"""What the recipe form of the panel holds, as a recipe: the essentials, for a start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IODeepLib.recipe import Recipe

# How the values are prepared, by the name of the choice; {lower} and {upper} are the form's.
AS_STORED, CLIPPED, STANDARD, STANDARD_NONZERO, PERCENTILES = range(5)
# What the channels of the output mean.
HIGHEST_CHANNEL, CHANNEL_BY_CHANNEL = range(2)


@dataclass(frozen=True)
class FormLabel:
    """A row of the table of labels.

    Attributes:
        name: for people.
        codes: `category`, `type` and perhaps `modifier`, each with value, scheme and meaning.
        color: red, green, blue, 0 to 255.
    """

    name: str
    codes: dict[str, dict[str, str]]
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Form:
    """What was filled in.

    Attributes:
        region: the term of an anatomic region, "" for any.
        axis_order, orientation: as in the recipe.
        spacing: mm, in the order of the network's axes; none for the series' own voxels.
        patch_size: voxels, in the same order; none for the whole image at once.
        intensity: one of the choices above, with `lower` and `upper` where values are clipped.
        decision: one of the choices above.
    """

    name: str
    version: str
    title: str
    publisher: str
    license: str
    intended_use: str
    modality: str
    region: str
    axis_order: str
    orientation: str
    spacing: tuple[float, ...]
    patch_size: tuple[int, ...]
    intensity: int
    lower: float
    upper: float
    decision: int
    labels: tuple[FormLabel, ...]


def recipeOf(form: Form) -> Recipe:
    """The recipe that says what the form says.

    Raises:
        RecipeError: something is missing or impossible; the message names the place in the recipe.
    """
    from IODeepLib.recipe import SCHEMA, recipe_from_json

    document = {
        "schema": SCHEMA,
        "name": form.name,
        "version": form.version,
        "title": form.title,
        "applies_to": {"modalities": [form.modality], "anatomic_regions": _regions(form.region)},
        "input": _input(form),
        "output": _output(form),
        "card": {
            "publisher": form.publisher,
            "intended_use": form.intended_use,
            "licence": form.license,
        },
    }
    return recipe_from_json(json.dumps(document), "the form")


def numbersIn(text: str, kind: type, axes: int) -> tuple[Any, ...]:
    """The numbers in a line such as "1.5, 1.5, 3"; one alone stands for every axis.

    Raises:
        RecipeError: there is something else in it.
    """
    from IODeepLib.errors import RecipeError

    words = text.replace(",", " ").replace("x", " ").replace("×", " ").split()
    try:
        numbers = tuple(kind(word) for word in words)
    except ValueError:
        numbers = ()
    if words and len(numbers) not in (1, axes):
        raise RecipeError(f"the form: {text!r}", f"one number, or {axes} with commas", "correct it")
    return numbers * axes if len(numbers) == 1 else numbers


def _regions(term: str) -> list[dict[str, str]]:
    from IODeepLib.codes import region_by_term

    region = region_by_term(term) if term else None
    return [] if region is None else [_code(region.code)]


def _code(code: Any) -> dict[str, str]:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _input(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {
        "channels": [{"name": form.modality}],
        "orientation": form.orientation,
        "axis_order": form.axis_order,
        "intensity": _intensity(form),
    }
    if form.spacing:
        found["grid"] = {"mode": "spacing", "spacing": form.spacing}
    if form.patch_size:
        found["patch_size"] = form.patch_size
    return found


def _intensity(form: Form) -> list[dict[str, Any]]:
    from IODeepLib.errors import RecipeError

    if form.intensity == CLIPPED:
        width = form.upper - form.lower
        if width <= 0:
            raise RecipeError(
                f"the form: the range {form.lower:g} to {form.upper:g}",
                "a lower value below the upper one",
                "correct the range",
            )
        return [
            {"step": "clip", "lower": form.lower, "upper": form.upper},
            {"step": "scale_offset", "scale": 1 / width, "offset": -form.lower / width},
        ]
    others: dict[int, list[dict[str, Any]]] = {
        AS_STORED: [],
        STANDARD: [{"step": "z_score"}],
        STANDARD_NONZERO: [{"step": "z_score", "over": "nonzero"}],
        PERCENTILES: [
            {"step": "percentile_clip", "lower": 0.5, "upper": 99.5},
            {"step": "min_max"},
        ],
    }
    return others[form.intensity]


def _output(form: Form) -> dict[str, Any]:
    labels = [
        {"value": value, "name": label.name, **label.codes, "color": label.color}
        for value, label in enumerate(form.labels, 1)
    ]
    if form.decision == CHANNEL_BY_CHANNEL:
        return {
            "channels": len(labels),
            "activation": "sigmoid",
            "decision": "threshold",
            "labels": labels,
        }
    return {"channels": len(labels) + 1, "activation": "softmax", "labels": labels}
