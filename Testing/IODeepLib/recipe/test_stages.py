"""Recipes of several networks: stages, what they read of each other, ensembles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from makers.recipes import label, recipe, recipe_json
from makers.staged_recipes import IMAGE, cascade_json, label_channel, stage, staged, staged_json

from IODeepLib.errors import RecipeError
from IODeepLib.recipe import (
    Recipe,
    Stage,
    Task,
    recipe_from_json,
    recipe_parts,
    recipe_schema,
    recipe_to_json,
    requirements_from_json,
)
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.recipe.doubts import doubts

DOCS = Path(__file__).resolve().parents[3] / "Docs"


def test_a_recipe_of_one_network_has_one_stage_without_a_name() -> None:
    one = recipe()
    assert one.all_stages == (Stage("", one.input, one.output),)
    assert one.network_names == ("",)
    assert one.labels == one.output.labels and one.series_channels == one.input.channels
    assert one.task_of(one.all_stages[0]) is Task.SEGMENTATION


def test_stages_are_read_and_written_back() -> None:
    whole = staged_json(*cascade_json())
    read = recipe_from_json(json.dumps(whole))
    assert recipe_from_json(recipe_to_json(read)) == read
    assert json.loads(recipe_to_json(read)) == whole
    jsonschema.validate(whole, recipe_schema())
    assert [one.name for one in read.all_stages] == ["lowres", "fullres"]
    assert read.network_names == ("lowres", "fullres")


def documented() -> list[dict[str, Any]]:
    """The examples of Docs/stages.md, each in the whole recipe that Docs/recipe.md shows."""
    examples, whole = (
        re.findall(r"```json\n(.*?)```", (DOCS / name).read_text("utf-8"), re.DOTALL)
        for name in ("stages.md", "recipe.md")
    )
    found = []
    for example in map(json.loads, examples):
        one = json.loads(whole[0]) | {"schema": "iodeep-recipe/2"} | example
        for key in ("input", "output", "after") if "stages" in one else ():
            del one[key]
        found.append(one)
    return found


@pytest.mark.parametrize("whole", documented(), ids=["ensemble", "cascade", "region", "parts"])
def test_the_documented_examples_are_valid(whole: dict[str, Any]) -> None:
    read = recipe_from_json(json.dumps(whole))
    refuse_contradictions(read)
    assert doubts(read) == ()
    assert recipe_from_json(recipe_to_json(read)) == read
    jsonschema.validate(whole, recipe_schema())


def test_what_no_stage_reads_is_the_result() -> None:
    cascade = staged(*cascade_json())
    assert [one.name for one in cascade.result_stages] == ["fullres"]
    parts = staged(stage("a", label(1, "A")), stage("b", label(7, "B")))
    assert [one.name for one in parts.labels] == ["A", "B"]
    coarse = staged(
        stage("coarse", label(1, "A")), stage("fine", label(1, "A"), region={"stage": "coarse"})
    )
    assert [one.name for one in coarse.result_stages] == ["fine"]


def test_channels_of_one_name_are_one_series() -> None:
    t1 = {"name": "T1", "words": ["T1"], "modality": "MR"}
    t2 = {"name": "T2", "words": ["T2"]}
    both = staged(
        stage("a", label(1, "A"), input={"channels": [t2]}),
        stage("b", label(2, "B"), input={"channels": [t1, label_channel("a", "A"), t2]}),
        stage("c", label(3, "C"), input={"channels": [t2, t1]}),
    )
    assert [channel.name for channel in both.series_channels] == ["T2", "T1"]
    assert [both.series_of(one) for one in both.all_stages] == [(0,), (1, 0), (0, 1)]
    asked = requirements_from_json(recipe_parts(both)[0])
    assert asked.channels == both.series_channels


def test_selection_asks_for_what_any_stage_needs() -> None:
    flat = {"axis_order": "NCYX", "orientation": "RAS"}
    whole = staged_json(
        stage("a", label(1, "A"), input={"intensity": [{"step": "min_max"}], **flat}),
        stage("b", label(2, "B"), input=flat | {"axis_order": "NCZY"}),
        stage("c", label(3, "C"), input={"intensity": [{"step": "min_max"}]}),
    )
    asked = requirements_from_json(json.dumps(whole))
    assert asked.slice_axes == ("S", "R")
    assert asked.spatial_dims == 3
    assert asked.absolute == (True,)  # of stage b
    whole["stages"][1]["input"]["intensity"] = [{"step": "z_score"}]
    assert requirements_from_json(json.dumps(whole)).absolute == (False,)


def test_labels_have_only_their_own_intensity_steps() -> None:
    steps = [{"step": "clip", "lower": 0, "upper": 1}]
    given = label_channel("a", "A")
    scaled = {**given, "name": "scaled", "intensity": [{"step": "scale_offset", "scale": 2}]}
    read = staged(
        stage("a", label(1, "A")),
        stage(
            "b",
            label(1, "B"),
            input={
                "channels": [IMAGE, given, scaled],
                "intensity": steps,
                "intensity_before_grid": steps,
            },
        ),
    )
    input_ = read.stages[1].input
    counts = [[len(some) for some in input_.steps(channel)] for channel in input_.channels]
    assert counts == [[1, 1], [0, 0], [0, 1]]


def test_an_ensemble_names_its_networks() -> None:
    one = recipe(networks=["fold-0", "fold-1"], schema="iodeep-recipe/2")
    assert one.network_names == ("fold-0", "fold-1")
    assert one.all_stages[0].name == ""
    shared = staged(
        stage("a", label(1, "A"), networks=["x", "y"]), stage("b", label(2, "B"), networks=["y"])
    )
    assert shared.network_names == ("x", "y")


def test_the_last_stage_has_the_task() -> None:
    read = staged(
        stage("find", label(1, "A")),
        stage("judge", label(1, "B"), region={"stage": "find"}),
        task="CLASSIFICATION",
    )
    assert [read.task_of(one) for one in read.all_stages] == [
        Task.SEGMENTATION,
        Task.CLASSIFICATION,
    ]
    assert [one.name for one in read.labels] == ["B"]


def changed(**changes: Any) -> list[dict[str, Any]]:
    """The cascade, with its second stage changed."""
    first, second = cascade_json()
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(second.get(key), dict):
            second[key] |= value
        else:
            second[key] = value
    return [first, second]


def channels(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return changed(input={"channels": [IMAGE, *more]})


PERCENTILES = {"step": "percentile_clip", "lower": 1, "upper": 99}


def measured(*steps: dict[str, Any], **step: Any) -> list[dict[str, Any]]:
    """Two stages; the first has `steps`, the second one step with values of the first."""
    return [
        stage("a", label(1, "A"), input={"intensity": list(steps)}),
        stage("b", label(2, "B"), input={"intensity": [{**PERCENTILES, "of_stage": "a", **step}]}),
    ]


def overlapping(per_class: bool) -> list[dict[str, Any]]:
    whole = cascade_json()
    whole[0]["output"]["decision"] = "threshold"
    if per_class:
        whole[1]["input"]["label_interpolation"] = "per_class"
    return whole


PARTS = [stage("a", label(1, "A")), stage("b", label(2, "B"))]


@pytest.mark.parametrize(
    ("stages", "where", "wanted"),
    [
        ([*PARTS, stage("A", label(3, "C"))], "$.stages[2].name", "each once"),
        ([stage("a b", label(1, "A"))], "$.stages[0].name", "liver-ct"),
        (changed(region={"stage": "other"}), "$.stages[1].region.stage", "one of lowres"),
        (changed(region={"stage": "fullres"}), "$.stages[1].region.stage", "one of lowres"),
        (
            [stage("a", label(1, "A"), region={"stage": "b"}), stage("b", label(2, "B"))],
            "$.stages[0].region.stage",
            "no stage is earlier",
        ),
        (
            changed(region={"stage": "lowres", "labels": ["Liver", "Spleen"]}),
            "$.stages[1].region.labels[1]",
            "one of Liver, Tumor",
        ),
        (
            changed(region={"stage": "lowres", "margin": -1}),
            "$.stages[1].region.margin",
            "at least 0",
        ),
        (channels(label_channel("high", "Liver")), "$.stages[1].input.channels[1].stage", "lowres"),
        (
            channels(label_channel("lowres", "Spleen")),
            "$.stages[1].input.channels[1].label",
            "one of Liver, Tumor",
        ),
        (channels({"name": "x", "stage": "lowres"}), "$.stages[1].input.channels[1].label", "both"),
        (channels({"name": "x", "label": "Liver"}), "$.stages[1].input.channels[1].stage", "both"),
        (
            channels({**label_channel("lowres", "Liver"), "modality": "CT"}),
            "$.stages[1].input.channels[1].modality",
            "filled by no series",
        ),
        (channels({**IMAGE, "modality": "CT"}), "$.stages[1].input.channels[1].name", "each once"),
        (
            changed(input={"channels": [{**IMAGE, "modality": "CT"}]}),
            "$.stages[1].input.channels[0].modality",
            "the same in all stages",
        ),
        (
            changed(input={"channels": [label_channel("lowres", "Liver")]}),
            "$.stages[1].input.channels",
            "a channel with an image",
        ),
        (
            changed(input={"channels": [{"name": "red", "color": "red"}]}),
            "$.stages",
            "for none",
        ),
        (changed(after=[{"step": "fill_holes", "labels": ["X"]}]), "$.stages[1].after[0]", "Liver"),
        ([PARTS[0], stage("b", label(1, "B"))], "$.stages[1].output.labels[0].value", "each once"),
        ([PARTS[0], stage("b", label(2, "A"))], "$.stages[1].output.labels[0].name", "each once"),
        (
            [
                PARTS[0],
                stage("b", label(2, "B"), label(3, "C"), output={"decision": "threshold"}),
            ],
            "$.stages[1].output.decision",
            "paints over",
        ),
        (overlapping(per_class=True), "$.stages[1].input.label_interpolation", "none wins"),
        (changed(networks=["x", "y", "x"]), "$.stages[1].networks[2]", "each once"),
        (changed(networks=["x", "X"]), "$.stages[1].networks[1]", "each once"),
        (changed(networks=["Lowres"]), "$.stages[1].networks", "differ in more"),
        (changed(networks=["../x"]), "$.stages[1].networks[0]", "fold-0"),
        (
            changed(networks=["x", "y"], output={"decision": "labels", "channels": 1}),
            "$.stages[1].networks",
            "no mean",
        ),
        (
            changed(networks=["x", "y"], output={"ensemble": "probabilities"}),
            "$.stages[1].output.ensemble",
            "blend 'probabilities'",
        ),
        (measured(PERCENTILES, of_stage="c"), "$.stages[1].input.channels[0]: of_stage", "of a"),
        (measured(), "$.stages[1].input.channels[0]: of_stage", "one step percentile_clip"),
        (measured({"step": "min_max"}), "$.stages[1].input.channels[0]: of_stage", "one step"),
        (measured(PERCENTILES, PERCENTILES), "$.stages[1].input.channels[0]: of_stage", "one step"),
        (
            measured({**PERCENTILES, "per": "slice"}),
            "$.stages[1].input.channels[0]: of_stage",
            "not per slice",
        ),
    ],
)
def test_errors_name_the_place(stages: list[dict[str, Any]], where: str, wanted: str) -> None:
    with pytest.raises(RecipeError) as caught:
        staged(*stages)
    assert caught.value.found.startswith(f"recipe: {where}")
    assert wanted in caught.value.wanted
    assert "\n" not in str(caught.value)


def test_what_is_measured_in_an_earlier_stage_is_known_there() -> None:
    assert staged(*measured(PERCENTILES)).stages[1].input.intensity[0].of_stage == "a"
    staged(*overlapping(per_class=False))


@pytest.mark.parametrize(
    ("whole", "where"),
    [
        (recipe_json(stages=cascade_json()), "$.input"),
        (
            staged_json(*cascade_json(), input=None) | {"output": recipe_json()["output"]},
            "$.output",
        ),
        (staged_json(), "$.input"),
        ({k: v for k, v in recipe_json().items() if k != "output"}, "$.output"),
        (staged_json(*cascade_json()) | {"networks": ["a"]}, "$.networks"),
        (recipe_json(networks=["a", "A"]), "$.networks[1]"),
        (recipe_json(networks=["a"] * 5000), "$.networks"),
        (recipe_json(input={"channels": [IMAGE, label_channel("a", "A")]}), "$.input.channels[1]"),
        (staged_json(*PARTS, task="CLASSIFICATION"), "$.stages"),
        (
            staged_json(
                stage("a", label(1, "A")),
                stage("b", label(1, "B"), region={"stage": "a"}, after=[{"step": "fill_holes"}]),
                task="REGRESSION",
            ),
            "$.stages[1].after",
        ),
        (
            staged_json(*cascade_json(), after=[{"step": "fill_holes", "labels": ["Spleen"]}]),
            "$.after[0].labels[0]",
        ),
    ],
)
def test_one_network_or_stages(whole: dict[str, Any], where: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_json(json.dumps(whole))
    assert caught.value.found.startswith(f"recipe: {where}")


@pytest.mark.parametrize("value", [5, [5], ["a"], [{}], [{"name": "a", "input": 5}], [[]]])
def test_stages_that_are_none(value: Any) -> None:
    whole = staged_json() | {"stages": value}
    for read in (recipe_from_json, requirements_from_json):
        with pytest.raises(RecipeError, match=r"\$\.stages"):
            read(json.dumps(whole))


def test_contradictions_and_doubts_name_the_stage() -> None:
    def contradicts(*stages: dict[str, Any], **changes: Any) -> str:
        with pytest.raises(RecipeError) as caught:
            refuse_contradictions(staged(*stages, **changes))
        return caught.value.found

    wrong = {"value": "10200003", "scheme": "SCT", "meaning": "Liver"}
    assert "$.stages[1].output.labels[0].type" in contradicts(
        PARTS[0], stage("b", label(2, "B", wrong))
    )
    assert "$.stages[0].output.channels: 1" in contradicts(
        stage("a", label(1, "A", channel=0), output={"channels": 1})
    )
    suv = stage("b", label(2, "B"), input={"intensity": [{"step": "suv_bw"}]})
    assert "$.stages[1].input: suv_bw" in contradicts(PARTS[0], suv)
    mri = {"channels": [{"name": "other", "modality": "MRI"}]}
    assert "$.stages[1].input.channels[0].modality" in contradicts(
        PARTS[0], stage("b", label(2, "B"), input=mri)
    )
    far = stage("b", label(2, "B"), input={"grid": {"mode": "spacing", "spacing": [1000, 1, 1]}})
    odd: Recipe = staged(PARTS[0], far)
    assert any("$.stages[1].input.grid.spacing[0]: 1000 mm" in doubt for doubt in doubts(odd))


def test_a_result_of_stages_is_on_no_networks_voxels() -> None:
    step = {"step": "largest_component", "on": "network"}
    there = {"decide_on": "network"}
    in_stage = staged(stage("only", label(1), output=there, after=[step]))
    refuse_contradictions(in_stage)
    with pytest.raises(RecipeError, match=r"\$\.after\[0\]\.on: 'network', of the result"):
        refuse_contradictions(staged(stage("only", label(1), output=there), after=[step]))
    with pytest.raises(RecipeError, match=r"\$\.stages\[0\]\.after\[0\]\.on: .*decide_on"):
        refuse_contradictions(staged(stage("only", label(1), after=[step])))
