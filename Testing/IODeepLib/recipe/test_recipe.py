"""Recipes: reading, writing, the published schema and the reference in Docs/."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

import IODeepLib.recipe as recipe_package
from IODeepLib.errors import RecipeError
from IODeepLib.recipe import (
    Label,
    Recipe,
    read_recipe,
    recipe_from_json,
    recipe_from_parts,
    recipe_parts,
    recipe_schema,
    recipe_to_json,
)
from IODeepLib.text.records import Record

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = (ROOT / "Docs" / "recipe.md").read_text(encoding="utf-8")
RECIPES = sorted((ROOT / "Testing" / "recipes").glob("*.json"))


def documented() -> dict[str, Any]:
    """The whole recipe that Docs/recipe.md shows."""
    block = re.search(r"```json\n(.*?)```", REFERENCE, re.DOTALL)
    assert block is not None
    return json.loads(block[1])


def changed(path: str, value: Any) -> str:
    """The documented recipe with the value at the dotted `path` set (or removed: ...)."""
    whole = copy.deepcopy(documented())
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = whole
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(whole)


def test_the_documented_recipe_is_read_and_written_back() -> None:
    recipe = recipe_from_json(json.dumps(documented()))
    assert recipe.input.working_orientation == "RAS"
    assert recipe_from_json(recipe_to_json(recipe)) == recipe
    assert recipe_from_parts(*recipe_parts(recipe)) == recipe
    jsonschema.validate(documented(), recipe_schema())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_of_real_networks_are_valid(path: Path) -> None:
    recipe = read_recipe(path)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), recipe_schema())
    assert recipe_from_json(recipe_to_json(recipe)) == recipe


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = Path(recipe_package.__file__).parent / "recipe.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == recipe_schema(), "run 'make schema'"


def test_every_key_is_documented() -> None:
    documented_words = set(re.findall(r"`([a-z_]+)`", REFERENCE))
    classes = [
        item
        for item in vars(recipe_package).values()
        if isinstance(item, type)
        and issubclass(item, Record)
        and item.__module__.startswith(recipe_package.__name__)
    ]
    assert Recipe in classes
    keys = {field.name for item in classes for field in msgspec.structs.fields(item)}
    assert keys - documented_words == set()


def test_the_words_that_tell_steps_and_grids_apart_stay_as_they_are() -> None:
    """Recipes are read for ever, whatever the classes are called."""
    definitions = recipe_schema()["$defs"].values()
    words = {
        (key, *about["properties"][key]["enum"])
        for about in definitions
        for key in {"step", "mode"} & about.get("properties", {}).keys()
    }
    assert words == {
        *(("mode", word) for word in ("native", "spacing", "resize", "conform")),
        *(("step", word) for word in ("clip", "percentile_clip", "window", "z_score", "min_max")),
        *(("step", word) for word in ("quantise", "scale_offset", "suv_bw", "percentile_scale")),
        *(("step", word) for word in ("largest_component", "fill_holes", "minimum_volume")),
    }


@pytest.mark.parametrize(
    ("path", "value", "where", "wanted"),
    [
        ("inputs", {}, "$.inputs", "one of"),
        ("schema", "iodeep-recipe/3", "$.schema", "iodeep-recipe/1 or iodeep-recipe/2"),
        ("version", "1.0", "$.version", "text of the form"),
        ("version", "١.٠.٠", "$.version", "text of the form"),
        ("name", "liver ct", "$.name", "text of the form"),
        ("title", "   ", "$.title", "text of the form"),
        ("task", "DETECTION", "$.task", "SEGMENTATION"),
        ("card.licence", ..., "$.card.licence", "required"),
        ("applies_to.modalities", [], "$.applies_to.modalities", "at least 1"),
        ("applies_to.attributes.0.keyword", "Imagetype", "$.applies_to.attributes[0].keyword", ""),
        ("applies_to.attributes.0.operator", "in", "$.applies_to.attributes[0].value", "a list"),
        ("applies_to.slice_spacing", {"min": 3, "max": 1}, "$.applies_to.slice_spacing", "min"),
        ("applies_to.anatomic_regions.0.value", "", "$.applies_to.anatomic_regions[0].value", ""),
        ("input.orientation", "RAR", "$.input.orientation", "RAS"),
        ("input.axis_order", "NCXYY", "$.input.axis_order", "each once"),
        ("input.axis_order", "NCXY", "$.input.grid.spacing", "2, one for each"),
        ("input.patch_size", [2**31, 96, 96], "$.input.patch_size[0]", "at most 2147483647"),
        ("input.orientation", "SOURCE", "$.input.orientation", "'source'"),
        ("input.mirror", "ZZ", "$.input.mirror", "each once"),
        ("input.mirror", "T", "$.input.mirror", "letters of"),
        ("input.gaussian", {"sigma": 0}, "$.input.gaussian.sigma", "more than 0"),
        ("output.label_interpolation", "cubic", "$.output.label_interpolation", "nearest-even"),
        ("input.neighbours", 1, "$.input.neighbours", "two spatial axes"),
        (
            "input.channels",
            [{"name": "red", "color": "red"}, {"name": "other"}],
            "$.input.channels",
            "one for each of them",
        ),
        ("input.grid.spacing.0", -1.5, "$.input.grid.spacing[0]", "at least 1e-06"),
        ("input.grid.mode", "warp", "$.input.grid.mode", "conform, native, resize, spacing"),
        ("input.patch_size", [96, 96], "$.input.patch_size", "3, one for each"),
        ("input.divisible_by", 64, "$.input.patch_size[0]", "a multiple of 64"),
        ("input.overlap", 1.0, "$.input.overlap", "less than 1"),
        ("input.intensity.0.step", "gamma", "$.input.intensity[0].step", "clip"),
        *(
            ("input.intensity", [step], f"$.input.intensity[0].{key}", wanted)
            for step, key, wanted in [
                ({"step": "percentile_clip", "lower": 95, "upper": 5}, "lower", "less than upper"),
                ({"step": "percentile_clip", "lower": 5, "upper": 5}, "lower", "less than upper"),
                ({"step": "clip", "lower": 300, "upper": -200}, "lower", "less than upper"),
                ({"step": "clip", "lower": 0, "upper": 0}, "lower", "less than upper"),
                ({"step": "clip", "lower": 0, "upper": 1e39}, "upper", "at most 1e+30"),
                ({"step": "min_max", "lower": 1, "upper": 1}, "upper", "another value"),
                ({"step": "scale_offset", "scale": 0}, "scale", "a factor"),
                ({"step": "scale_offset", "scale": 1e-300}, "scale", "a factor"),
                ({"step": "scale_offset", "offset": -1e300}, "offset", "at least -1e+30"),
                ({"step": "z_score", "std": 0}, "std", "at least 1e-30"),
                ({"step": "z_score", "std": 1e-300}, "std", "at least 1e-30"),
                ({"step": "window", "center": 40, "width": 0}, "width", "at least 1e-30"),
                ({"step": "window", "center": 40, "width": -400}, "width", "at least 1e-30"),
                ({"step": "quantise", "levels": 10**9}, "levels", "at most 16777216"),
            ]
        ),
        ("output.channels", 2, "$.output.labels[1]", "from 0 to 1"),
        ("output.labels.1.value", 1, "$.output.labels[1].value", "each once"),
        ("output.labels.1.name", "Liver", "$.output.labels[1].name", "each once"),
        ("output.labels.0.color", [1, 2, 256], "$.output.labels[0].color[2]", "at most 255"),
        ("after.0.labels", ["Kidney"], "$.after[0].labels[0]", "Liver, Spleen"),
        ("task", "CLASSIFICATION", "$.after", "no steps"),
    ],
)
def test_errors_name_the_place(path: str, value: Any, where: str, wanted: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_json(changed(path, value), "r.json")
    assert caught.value.found.startswith(f"r.json: {where}: ")
    assert wanted in caught.value.wanted
    assert "\n" not in str(caught.value)


def test_nan_is_refused() -> None:
    text = json.dumps(documented()).replace("-175", "NaN")
    with pytest.raises(RecipeError, match="NaN"):
        recipe_from_json(text)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"not json"])
def test_files_that_are_no_recipe(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError):
        read_recipe(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="check the path"):
        read_recipe(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("axis_order", "working"),
    [("NCZYX", "SAR"), ("NCXYZ", "RAS"), ("NYXC", "SAR"), ("NCZY", "RSA")],
)
def test_the_working_orientation_follows_the_tensor(axis_order: str, working: str) -> None:
    whole = documented()
    whole["input"] |= {"axis_order": axis_order, "grid": {"mode": "native"}, "patch_size": None}
    assert recipe_from_json(json.dumps(whole)).input.working_orientation == working


@pytest.mark.parametrize("decision", ["argmax", "threshold", "regions"])
def test_what_is_compared_for_many_labels_grows_with_their_number(
    decision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each label with the others before it would be 32 million comparisons for 8,000 labels."""
    one = documented()["output"]["labels"][0]
    labels = [{**one, "value": i + 1, "name": f"Label {i}"} for i in range(3000)]
    compared = 0
    equal = Label.__eq__

    def counted(self: Label, other: object) -> bool:
        nonlocal compared
        compared += 1
        return equal(self, other)

    monkeypatch.setattr(Label, "__eq__", counted)
    monkeypatch.setattr(Label, "__hash__", lambda self: self.value, raising=False)
    whole = documented() | {"after": []}
    whole["output"] |= {"channels": 3001, "labels": labels, "decision": decision}
    read = recipe_from_json(json.dumps(whole))
    start = 1 if decision == "argmax" else 0
    assert read.output.label_channels == tuple(range(start, 3000 + start))
    assert compared <= 3000
