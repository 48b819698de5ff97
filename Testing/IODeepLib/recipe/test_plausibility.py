"""Recipes that read well and cannot be meant, or hardly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Answer, refused
from makers.recipes import ABDOMEN, LIVER, label, recipe, recipe_json
from makers.summing_networks import sums
from onnx import save

from IODeepLib.errors import RecipeError
from IODeepLib.publish import pack
from IODeepLib.recipe import Recipe, read_recipe
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.recipe.doubts import doubts

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.json"))
SPLEEN = {"value": "78961009", "scheme": "SCT", "meaning": "Spleen"}
SUV = {"step": "suv_bw"}
RESIZE = {"mode": "resize", "shape": [8, 8, 8]}
PATIENT_AXES = {"mode": "conform", "spacing": [1, 1, 1], "shape": [8, 8, 8], "axes": "patient"}


def coded(value: str, meaning: str, scheme: str = "SCT") -> dict[str, Any]:
    return {"labels": [label(1, code={"value": value, "scheme": scheme, "meaning": meaning})]}


@pytest.mark.parametrize(
    ("changes", "where", "wanted"),
    [
        ({"applies_to": {"modalities": ["MRI"]}}, "$.applies_to.modalities[0]", "MR, as Modality"),
        ({"applies_to": {"modalities": ["CT", "PET"]}}, "$.applies_to.modalities[1]", "PT, as"),
        ({"applies_to": {"modalities": ["XRAY"]}}, "$.applies_to.modalities[0]", "DX or CR"),
        ({"applies_to": {"modalities": ["MAMMO"]}}, "$.applies_to.modalities[0]", "MG"),
        (
            {"input": {"channels": [{"name": "a", "modality": "NMR"}]}},
            "$.input.channels[0].modality",
            "MR, as Modality",
        ),
        ({"input": {"channels": [{"name": "a", "modality": "CT"}]}}, "$.input.channels", "a chan"),
        ({"applies_to": {"slices": {"max": 0}}}, "$.applies_to.slices.max", "1 or more"),
        ({"applies_to": {"patient_age": {"max": -1}}}, "$.applies_to.patient_age.max", "0 or more"),
        ({"applies_to": {"pixel_spacing": {"max": -2}}}, "$.applies_to.pixel_spacing.max", "1e-06"),
        (
            {
                "schema": "iodeep-recipe/2",
                "card": {"trained_on": {"field_of_view": {"max": -2}}},
            },
            "$.card.trained_on.field_of_view.max",
            "1e-06",
        ),
        ({"input": {"intensity": [SUV]}}, "$.input", "PT: others have no uptake"),
        (
            {"applies_to": {"modalities": ["PT"]}, "input": {"intensity": [SUV, SUV]}},
            "$.input",
            "once",
        ),
        ({"output": {"decision": "labels", "channels": 10}}, "$.output.channels", "1, or another"),
        *(
            ({"schema": "iodeep-recipe/2", **changes}, where, wanted)
            for changes, where, wanted in [
                (
                    {"input": {"mirror": "XY"}, "output": {"decision": "labels", "channels": 1}},
                    "$.input.mirror",
                    "no mirror images",
                ),
                (
                    {
                        "output": {
                            "decision": "labels",
                            "channels": 1,
                            "interpolate": "probabilities",
                        }
                    },
                    "$.output.interpolate",
                    "'scores'",
                ),
                (
                    {"output": {"label_interpolation": "linear"}},
                    "$.output.label_interpolation",
                    "decide_on 'network'",
                ),
                (
                    {"input": {"grid": PATIENT_AXES}},
                    "$.input.grid.axes",
                    "decide_on 'network'",
                ),
                (
                    {"after": [{"step": "largest_component", "on": "network"}]},
                    "$.after[0].on",
                    "decide_on 'network'",
                ),
            ]
        ),
        (
            {"output": {"channels": 1, "labels": [label(1, channel=0)]}},
            "$.output.channels",
            "2 or more",
        ),
        (
            {"output": {"labels": [label(1), label(2, channel=1)]}},
            "$.output.labels[1]",
            "a channel of its own",
        ),
        *(
            (
                {"output": {"decision": decision, "activation": how, "threshold": limit}},
                "$.output.threshold",
                "more than 0",
            )
            for decision, how, limit in [
                ("threshold", "sigmoid", 0),
                ("threshold", "softmax", 1),
                ("regions", "sigmoid", 127),
                ("regions", "softmax", -0.5),
            ]
        ),
    ],
)
def test_what_contradicts_itself(changes: dict[str, Any], where: str, wanted: str) -> None:
    odd = recipe(**changes)  # a card that was packed with it is still read
    with pytest.raises(RecipeError) as caught:
        refuse_contradictions(odd)
    assert caught.value.found.startswith(f"recipe: {where}: ")
    assert wanted in caught.value.wanted


@pytest.mark.parametrize(
    "value",
    [
        "10200005",  # a wrong check digit
        "12020004",  # two neighbors that changed places
        "10200024",  # no partition of concepts
        "102",
        "010200004",
        "T-62000",
        "liver",
        "1" * 19,
    ],
)
def test_codes_that_cannot_exist(value: str) -> None:
    with pytest.raises(RecipeError, match=r"labels\[0\]\.type\.value: .*a code of SNOMED CT"):
        refuse_contradictions(recipe(output=coded(value, "Liver")))


@pytest.mark.parametrize(
    ("value", "meaning", "right"),
    [
        ("10200004", "Spleen", "78961009"),
        ("78961009", "Liver", "10200004"),
        ("10200004", "LEBER", None),  # another language: said by nobody to be something else
        ("64033007", "Prostate", "41216001"),
        ("12738006", "Chest", "816094009"),
        ("108369006", "Oedema", None),
        ("108369006", "Edema", "79654002"),
        ("108369006", "Necrosis", "6574001"),
        # As the terminologies of Slicer 5.12 have them.
        ("123037004", "Anatomical Structure", None),
        ("91723000", "Anatomical Structure", None),
        ("49755003", "Morphologically Altered Structure", None),
        ("85756007", "Tissue", None),
    ],
)
def test_codes_with_the_name_of_another(value: str, meaning: str, right: str | None) -> None:
    odd = recipe(output=coded(value, meaning))
    if right is None:
        refuse_contradictions(odd)
        return
    with pytest.raises(RecipeError, match=rf"labels\[0\]\.type\.meaning: {value}.*{right}"):
        refuse_contradictions(odd)


@pytest.mark.parametrize("place", ["anatomic_regions", "conditions"])
def test_the_codes_of_what_it_applies_to(place: str) -> None:
    odd = recipe(applies_to={place: [LIVER, {**SPLEEN, "meaning": "Kidney"}]})
    with pytest.raises(RecipeError, match=rf"\$\.applies_to\.{place}\[1\]\.meaning"):
        refuse_contradictions(odd)


def test_codes_of_other_schemes_are_left_alone() -> None:
    whole = recipe(output=coded("T-62000", "Spleen", "SRT"))
    refuse_contradictions(whole)
    assert doubts(whole) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"applies_to": {"modalities": ["MR", "KO"]}}, "'KO' is no modality of images"),
        ({"applies_to": {"modalities": ["MR", "MR"]}}, "MR more than once"),
        ({"applies_to": {"anatomic_regions": [LIVER, LIVER]}}, "Liver .* more than once"),
        (
            {"input": {"grid": {"mode": "spacing", "spacing": [0.001, 1, 1]}}},
            r"spacing\[0\]: 0.001 mm",
        ),
        (
            {"input": {"grid": {"mode": "conform", "spacing": [1, 1, 500], "shape": [9, 9, 9]}}},
            r"spacing\[2\]: 500 mm",
        ),
        ({"input": {"intensity": [{"step": "min_max", "lower": 1, "upper": 0}]}}, "inverts"),
        ({"input": {"intensity": [{"step": "quantise", "levels": 256}]}}, "values from 0 to 1"),
        (
            {
                "applies_to": {"modalities": ["PT"]},
                "input": {"intensity_before_grid": [{"step": "min_max"}], "intensity": [SUV]},
            },
            "before suv_bw are not in SUV",
        ),
        ({"input": {"channels": [{"name": "a"}, {"name": "a"}]}}, "'a' more than once"),
        ({"output": {"channels": 104, "labels": [label(i + 1) for i in range(103)]}}, "103 of 103"),
        ({"output": {"channels": 4, "labels": [label(1), label(2), label(3, "L", LIVER)]}}, "2 of"),
        ({"output": {"labels": [label(1, "Spleen", LIVER)]}}, "the name 'Spleen' is another body"),
        ({"output": {"labels": [label(1, "Liver", LIVER, laterality="L")]}}, "no paired structure"),
        ({"output": {"labels": [label(1, "x", {**LIVER, "meaning": "Abdomen"})]}}, "calls it"),
        ({"applies_to": {"patient_age": {"min": 200}}}, "200 years"),
        (
            {"applies_to": {"modalities": ["MG"], "anatomic_regions": [LIVER]}},
            "images of MG do not show Liver",
        ),
        ({"after": [{"step": "minimum_volume", "millilitres": 1e6}]}, r"1e\+06 mL"),
        (
            {"card": {"performance": [{"dataset": "d", "metric": "Dice", "value": 91.2}]}},
            "from 0 to 1, not 91.2",
        ),
        *(
            ({"schema": "iodeep-recipe/2", **changes}, said)
            for changes, said in [
                ({"input": {"grid": RESIZE | {"clip": True}}}, "linear never leaves the range"),
                (
                    {
                        "applies_to": {"slices": {"min": 30}},
                        "card": {"trained_on": {"slices": {"max": 20}}},
                    },
                    r"trained_on.slices: at most 20, and \$.applies_to.slices asks for at least 30",
                ),
                ({"card": {"trained_on": {"patient_age": {"min": 200}}}}, "200 years"),
                ({"input": {"patch_starts": "even"}}, "patch_starts: there are no patches"),
                ({"input": {"gaussian": {"sigma": 0.3}}}, "gaussian: there are no patches"),
                (
                    {
                        "input": {
                            "gaussian": {"sigma": 0.3},
                            "importance_map": "constant",
                            "patch_size": [8, 8, 8],
                        }
                    },
                    "gaussian: the weights are constant",
                ),
                (
                    {"output": {"interpolate": "probabilities", "decide_on": "network"}},
                    "interpolate: what is decided",
                ),
            ]
        ),
    ],
)
def test_what_may_be_meant(changes: dict[str, Any], said: str) -> None:
    odd = recipe(**changes)
    refuse_contradictions(odd)
    found = doubts(odd)
    assert len(found) == 1 and found[0].startswith("$.")
    assert re.search(said, found[0])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_of_real_networks_are_meant(path: Path) -> None:
    real: Recipe = read_recipe(path)
    refuse_contradictions(real)
    assert [doubt for doubt in doubts(real) if "calls it" not in doubt] == []


def test_the_verb_says_what_is_odd_and_makes_nothing_of_what_cannot_be(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    network, odd, wrong = (tmp_path / name for name in ("model.onnx", "odd.json", "wrong.json"))
    save(sums([[0], [1]], spatial=3), network)
    whole = recipe_json(applies_to={"anatomic_regions": [ABDOMEN, ABDOMEN]})
    odd.write_text(json.dumps(whole))
    whole["applies_to"]["modalities"] = ["MRI"]
    wrong.write_text(json.dumps(whole))

    answer = iodeep("pack", network, "--recipe", odd, "--out", tmp_path / "odd", "--json")
    assert answer.status == 0
    (warning,) = json.loads(answer.out)["warnings"]
    assert "Abdomen" in warning
    shown = iodeep("show", tmp_path / "odd", "--json")
    assert json.loads(shown.out)["warnings"] == [warning]
    assert warning in iodeep("show", tmp_path / "odd").out

    answer = iodeep("pack", network, "--recipe", wrong, "--out", tmp_path / "wrong")
    refused(answer, 4, "$.applies_to.modalities[0]: 'MRI'")
    assert not (tmp_path / "wrong").exists()


def test_what_is_odd_is_a_warning_of_the_library(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(sums([[0], [1]], spatial=3), tmp_path / "model.onnx")
    odd = recipe(applies_to={"modalities": ["MR", "MR"]})
    pack(tmp_path / "model.onnx", odd, tmp_path / "out")
    assert [r.levelname for r in caplog.records if "MR more than once" in r.message] == ["WARNING"]


def test_of_very_many_labels_the_first_ones_are_looked_at() -> None:
    """A card of others is shown in a second or two, whatever is in it."""
    many = recipe(output={"channels": 4001, "labels": [label(i + 1) for i in range(4000)]})
    found = doubts(many)
    assert "4000, of which only the first 1000 were looked at" in found[0]
    assert "1000 of 1000 have the type" in found[1]
