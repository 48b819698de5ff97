"""What is filled in becomes a recipe."""

from __future__ import annotations

import dataclasses

import pytest
from IODeepSlicer.work.recipe_form import (
    AS_STORED,
    CHANNEL_BY_CHANNEL,
    CLIPPED,
    HIGHEST_CHANNEL,
    PERCENTILES,
    STANDARD,
    STANDARD_NONZERO,
    Form,
    FormLabel,
    numbersIn,
    recipeOf,
)

from IODeepLib.errors import RecipeError
from IODeepLib.recipe import Spacing, recipe_from_json, recipe_to_json

LIVER = FormLabel(
    "Liver",
    {
        "category": {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"},
        "type": {"value": "10200004", "scheme": "SCT", "meaning": "Liver"},
    },
    (221, 130, 101),
)
FORM = Form(
    name="liver-ct",
    version="1.0.0",
    title="Liver on CT",
    publisher="Example Hospital",
    license="MIT",
    intended_use="Research",
    modality="CT",
    region="LIVER",
    axis_order="NCZYX",
    orientation="LPS",
    spacing=(3.0, 1.5, 1.5),
    patch_size=(32, 96, 96),
    intensity=CLIPPED,
    lower=-160.0,
    upper=240.0,
    decision=HIGHEST_CHANNEL,
    labels=(LIVER,),
)


def test_it_says_what_was_filled_in_and_survives_the_file() -> None:
    recipe = recipeOf(FORM)
    assert recipe_from_json(recipe_to_json(recipe)) == recipe
    assert recipe.applies_to.modalities == ("CT",)
    assert [code.meaning for code in recipe.applies_to.anatomic_regions] == ["Liver"]
    assert recipe.input.grid == Spacing((3.0, 1.5, 1.5))
    assert recipe.input.patch_size == (32, 96, 96)
    assert recipe.output.channels == 2 and recipe.output.labels[0].color == (221, 130, 101)


def test_clipped_values_go_from_0_to_1() -> None:
    clip, scale = recipeOf(FORM).input.intensity
    assert (clip.lower, clip.upper) == (-160, 240)
    assert clip.lower * scale.scale + scale.offset == pytest.approx(0)
    assert clip.upper * scale.scale + scale.offset == pytest.approx(1)


@pytest.mark.parametrize(
    ("choice", "steps"),
    [
        (AS_STORED, []),
        (STANDARD, ["ZScore"]),
        (STANDARD_NONZERO, ["ZScore"]),
        (PERCENTILES, ["PercentileClip", "MinMax"]),
    ],
)
def test_every_choice_of_values_is_valid(choice: int, steps: list[str]) -> None:
    recipe = recipeOf(dataclasses.replace(FORM, intensity=choice))
    assert [type(step).__name__ for step in recipe.input.intensity] == steps


def test_channel_by_channel_needs_no_background() -> None:
    output = recipeOf(dataclasses.replace(FORM, decision=CHANNEL_BY_CHANNEL)).output
    assert (output.channels, output.decision, output.activation) == (1, "threshold", "sigmoid")


def test_any_region_and_the_image_s_own_voxels() -> None:
    recipe = recipeOf(dataclasses.replace(FORM, region="", spacing=(), patch_size=()))
    assert recipe.applies_to.anatomic_regions == ()
    assert recipe.input.patch_size is None and not isinstance(recipe.input.grid, Spacing)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "my liver"}, r"\$\.name"),
        ({"version": "1"}, r"\$\.version"),
        ({"labels": ()}, r"\$\.output"),
        ({"license": ""}, r"\$\.card\.licence"),
        ({"lower": 5.0, "upper": 5.0}, "the range 5 to 5"),
    ],
)
def test_what_is_missing_is_named(change: dict, place: str) -> None:
    with pytest.raises(RecipeError, match=place):
        recipeOf(dataclasses.replace(FORM, **change))


def test_numbers_for_every_axis() -> None:
    assert numbersIn("1.5", float, 3) == (1.5, 1.5, 1.5)
    assert numbersIn("3, 0.8,0.8", float, 3) == (3, 0.8, 0.8)
    assert numbersIn("96×96", int, 2) == (96, 96)
    assert numbersIn(" ", int, 3) == ()
    for text in ("1, 2", "one", "1.5"):
        with pytest.raises(RecipeError, match="one number, or 3"):
            numbersIn(text, int, 3)
