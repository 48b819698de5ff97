"""What people read of a card, in the panel and in the DICOM browser."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from IODeepSlicer.text import card_text
from IODeepSlicer.text.listed_series import ListedSeries
from msgspec.structs import replace

from IODeepLib.model_object import Card, Model, write_model
from IODeepLib.recipe import read_recipe

DEMO = Path(__file__).resolve().parents[3] / "IODeepLib" / "demo_data"


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Card:
    folder = tmp_path_factory.mktemp("model") / "packed"
    return write_model(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), folder).card


HEAD = ListedSeries("MR", "t1_mprage", "5", body_part="HEAD")


def test_the_tooltip_says_everything(card):
    lines = card_text.tooltip(card, 2**20, [], [HEAD]).splitlines()
    assert lines[0] == card.title
    said = dict(line.split(": ", 1) for line in lines[1:])
    assert said["Model"] == f"{card.name}, version {card.version}"
    assert said["Modality"] == "MR"
    assert said["Anatomy"] == "Brain"
    assert said["Labels"] == "Gray Matter, White Matter"
    assert said["Size"] == f"{1 + sum(p.length for p in card.manifest.parts) / 2**20:.1f} MB"
    assert said["License"] == card.recipe.card.licence
    assert said["Fits by modality and anatomy"] == "MR 5: t1_mprage"


def test_missing_weights_are_said(card):
    said = card_text.tooltip(card, 0, [1], []).splitlines()[-1]
    assert said == "The weights are missing. Retrieve the model's study."
    assert card_text.missingWeights(3, []) == ""
    assert card_text.missingWeights(3, [2]) == "Part 2 of the 3 parts of the weights is missing."
    assert "Parts 1, 3 of the 3" in card_text.missingWeights(3, [1, 3])


def test_without_series_nothing_is_said_of_fitting(card):
    assert "Fits" not in card_text.tooltip(card, 0, [], [])


def test_loaded_series_come_first_and_many_are_counted(card):
    listed = [ListedSeries("MR", f"series {number}") for number in range(7)]
    listed.append(ListedSeries("MR", "mine", loaded=True))
    said = card_text.tooltip(card, 0, [], listed).splitlines()[-1]
    assert said.startswith("Fits by modality and anatomy: MR mine (loaded), MR series 0, ")
    assert said.endswith("MR series 3 and 3 more")


def test_none_fits(card):
    said = card_text.tooltip(card, 0, [], [ListedSeries("CT", "thorax")])
    assert said.endswith("Fits none of these images by modality and anatomy.")


def test_the_node_holds_the_card(card):
    attributes = card_text.attributes(card)
    assert attributes["IODeep.CardSOPInstanceUID"] == card.sop_instance_uid
    assert attributes["IODeep.Labels"] == "Gray Matter, White Matter"
    assert card.recipe.card.intended_use in card_text.description(card)
    assert all(line.strip() != "Contact:" for line in card_text.description(card).splitlines())


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", False),
        ("Apache-2.0", False),
        ("CC BY 4.0", False),
        ("CC BY-NC 4.0", True),
        ("cc-by-nc-sa-4.0", True),
        ("For non-commercial use only", True),
        ("CC-BY-NC-ND-4.0", True),
        ("PolyForm-Noncommercial-1.0.0", True),
        ("NCGL-UK-2.0", True),
        ("Research use only", True),
        ("For research purposes only", True),
        ("Not for commercial use", True),
        ("CC-BY-SA-4.0", False),
        ("GPL-3.0-only", False),
        ("BSD (NCSA)", False),
    ],
)
def test_licences_that_forbid_commerce_are_told(licence: str, expected: bool) -> None:
    assert card_text.isNonCommercial(licence) is expected


def test_the_model_card_has_what_a_person_should_know(card: Card) -> None:
    text = card_text.cardHtml(Model(card, ()))
    for words in ("Intended use", "Not for", "License", "Limitations", "Gray Matter", "0.945"):
        assert words in text
    assert "Not for commercial use" not in text


def test_a_licence_that_forbids_commerce_stands_out(card: Card) -> None:
    about = replace(card.recipe.card, licence="CC-BY-NC-4.0")
    forbids = SimpleNamespace(
        title="T",
        version="1",
        modalities=(),
        regions=(),
        recipe=replace(card.recipe, card=about),
    )
    assert "<b>Not for commercial use.</b></font> CC-BY-NC-4.0" in card_text.cardHtml(
        Model(forbids, ())
    )
