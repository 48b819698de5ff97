"""What the plugin says about a card. In Slicer: Testing/application/dicom_plugin.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from IODeepSlicer import card_summary
from IODeepSlicer.card_summary import ListedSeries

from IODeepLib.model_object import Card, pack
from IODeepLib.recipe import read_recipe

DEMO = Path(__file__).resolve().parents[2] / "IODeepLib" / "demo_data"


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Card:
    folder = tmp_path_factory.mktemp("model") / "packed"
    return pack(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), folder).card


HEAD = ListedSeries("MR", "t1_mprage", "5", body_part="HEAD")


def test_the_tooltip_says_everything(card):
    lines = card_summary.tooltip(card, 2**20, [], [HEAD]).splitlines()
    assert lines[0] == card.title
    said = dict(line.split(": ", 1) for line in lines[1:])
    assert said["Model"] == f"{card.name}, version {card.version}"
    assert said["Modality"] == "MR"
    assert said["Anatomy"] == "Brain"
    assert said["Labels"] == "Gray Matter, White Matter"
    assert said["Size"] == f"{1 + sum(p.length for p in card.manifest.parts) / 2**20:.1f} MB"
    assert said["Weights"] == "present"
    assert said["Fits by modality and anatomy"] == "MR 5: t1_mprage"


def test_missing_weights_are_said(card):
    assert "Weights: missing; retrieve" in card_summary.tooltip(card, 0, [1], [])


def test_without_series_nothing_is_said_of_fitting(card):
    assert "Fits" not in card_summary.tooltip(card, 0, [], [])


@pytest.mark.parametrize(
    ("series", "fits"),
    [
        (HEAD, True),
        (ListedSeries("MR", "localizer"), True),  # it does not say what it shows
        (ListedSeries("MR", "Knee links"), False),
        (ListedSeries("MR", "t1", study_description="MRI brain"), True),
        (ListedSeries("CT", "brain", body_part="BRAIN"), False),
    ],
)
def test_modality_and_anatomy_decide(card, series, fits):
    assert card_summary.fitting(card, [series]) == ([series] if fits else [])


def test_loaded_series_come_first_and_many_are_counted(card):
    listed = [ListedSeries("MR", f"series {number}") for number in range(7)]
    listed.append(ListedSeries("MR", "mine", loaded=True))
    said = card_summary.tooltip(card, 0, [], listed).splitlines()[-1]
    assert said.startswith("Fits by modality and anatomy: MR mine (loaded), MR series 0, ")
    assert said.endswith("MR series 3 and 3 more")


def test_none_fits(card):
    said = card_summary.tooltip(card, 0, [], [ListedSeries("CT", "thorax")])
    assert said.endswith("Fits by modality and anatomy: none of these")


def test_the_node_holds_the_card(card):
    attributes = card_summary.attributes(card)
    assert attributes["IODeep.CardSOPInstanceUID"] == card.sop_instance_uid
    assert attributes["IODeep.Labels"] == "Gray Matter, White Matter"
    assert card.recipe.card.intended_use in card_summary.description(card)
    assert all(line.strip() != "Contact:" for line in card_summary.description(card).splitlines())
