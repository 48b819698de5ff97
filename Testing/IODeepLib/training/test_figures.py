"""What the card of a tuned network says."""

from __future__ import annotations

from pathlib import Path

from makers import networks
from makers.recipes import label, recipe

from IODeepLib.model_object import Card, write_model
from IODeepLib.recipe import Measurement
from IODeepLib.training.figures import Figures, compared, with_figures

RECIPE = recipe(
    output={"channels": 4, "labels": [label(1, "A"), label(2, "B"), label(3, "C")]},
    card={
        "training_data": "Ten images.",
        "limitations": "Few.",
        "performance": [{"dataset": "these", "metric": "Dice", "value": 0.9, "label": "A"}],
    },
)
BEFORE = {1: [{"A": 0.5, "B": 0.2}, {"A": 0.7}], 2: [{"A": 0.8}]}
AFTER = {1: [{"A": 0.9, "B": 0.4}, {"A": 0.7}], 2: [{"A": 0.9, "B": 0.0}]}


def card(folder: Path) -> Card:
    path = networks.save(networks.conv(3), folder / "network.onnx")
    return write_model(path, RECIPE, folder / "model").card


def test_patients_count_alike_however_many_images_they_have() -> None:
    found = compared(RECIPE.labels, BEFORE, AFTER)
    assert found.keys() == {"A", "B"}
    assert (round(found["A"].before, 9), round(found["A"].after, 9)) == (0.7, 0.85)
    assert (found["B"].before, found["B"].after, found["B"].patients) == (0.2, 0.2, 2)


def test_the_card_says_what_was_measured_and_on_what(tmp_path: Path) -> None:
    parent = card(tmp_path)
    figures = Figures(
        compared(RECIPE.labels, BEFORE, AFTER), "held-out 2 patients", "5 patients", "60 steps"
    )
    said = with_figures(parent, RECIPE, figures).card
    former, *now = said.performance
    assert former == Measurement("these", "Dice (of 1.0.0)", 0.9, "A")
    assert [(one.metric, one.label, one.value) for one in now] == [
        ("Dice, before tuning (1.0.0), n = 2", "A", 0.7),
        ("Dice, after tuning, n = 2", "A", 0.85),
        ("Dice, before tuning (1.0.0), n = 2", "B", 0.2),
        ("Dice, after tuning, n = 2", "B", 0.2),
    ]
    assert {one.dataset for one in now} == {"held-out 2 patients"}
    assert said.training_data == "Ten images. Tuned from 1.0.0 on 5 patients."
    assert said.limitations.startswith("Few. Tuned at one site, and measured on held-out 2")
    assert said.limitations.endswith("Not measured, for it was not there: C.")


def test_sentences_for_people() -> None:
    figures = Figures(compared(RECIPE.labels, BEFORE, AFTER), "", "", "")
    first, second, mean = figures.sentences()
    assert first == "Dice 0.7000 before, 0.8500 after, A (2 patients)"
    assert second == "Dice 0.2000 before, 0.2000 after, B (2 patients)"
    assert mean == "Dice 0.4500 before, 0.5250 after, mean of 2 labels"
