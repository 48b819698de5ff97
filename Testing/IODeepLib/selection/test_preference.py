"""What measured better on own data is taken, among versions and equals alone, and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Answer
from makers import networks
from makers.evaluations import evaluation
from makers.recipes import BRAIN, label, recipe
from makers.series import Stack

from IODeepLib.evaluation.file import write_evaluation
from IODeepLib.model_object import Model, write_model
from IODeepLib.selection import Selection, select
from IODeepLib.selection.preference import CRITERION, Measured
from IODeepLib.series import find_series

OWN, TWIN = "2.25.100", "2.25.200"
# Name, version, model UID, and whether it asks for a body part.
MODELS = {
    "old": ("brain", "1.0.0", OWN, True),
    "new": ("brain", "1.1.0", OWN, True),
    "twin": ("other", "1.0.0", TWIN, True),
    "vague": ("vague", "1.0.0", "2.25.300", False),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MR of a brain, and models for it."""
    folder = tmp_path_factory.mktemp("site")
    stack = Stack(np.zeros((4, 8, 8), np.int16), common={"BodyPartExamined": "BRAIN"})
    stack.write(folder / "images")
    network = networks.save(networks.conv(3, layers=1), folder / "network.onnx")
    for key, (name, version, uid, asks) in MODELS.items():
        made = recipe(
            name=name,
            version=version,
            model_uid=uid,
            applies_to={"anatomic_regions": [BRAIN]} if asks else {},
            output={"channels": 16, "labels": [label(1)]},
        )
        write_model(network, made, folder / "models" / key)
    return folder


@pytest.fixture(scope="module")
def models(site: Path) -> dict[str, Model]:
    from IODeepLib.sources.folder import find_model

    return {key: find_model(site / "models" / key) for key in MODELS}


def chosen(
    site: Path, models: dict[str, Model], names: list[str], dice: dict[str, float], **of: str
) -> Selection:
    """Of some models, with what they measured."""
    (series,) = find_series(site / "images")
    measured = {
        models[name].card.network_digest: Measured(value, 9, "cohort.json", of.get(name, "one"))
        for name, value in dice.items()
    }
    return select(series, [models[name] for name in names], (), measured)


@pytest.mark.parametrize(
    ("dice", "best"),
    [
        ({}, "new"),
        ({"old": 0.9, "new": 0.8}, "old"),
        ({"old": 0.8, "new": 0.9}, "new"),
        ({"old": 0.80001, "new": 0.8}, "new"),  # as it is told, the same
        ({"old": 0.9}, "new"),  # what was not measured is no worse
    ],
)
def test_of_versions(
    site: Path, models: dict[str, Model], dice: dict[str, float], best: str
) -> None:
    selection = chosen(site, models, ["old", "new"], dice)
    assert selection.best.model.label == models[best].label
    assert ("measured better" in selection.advantage) == (best == "old")
    assert selection.places == (1, 1)


@pytest.mark.parametrize(
    ("dice", "best"),
    [
        ({"new": 0.9, "twin": 0.8}, ["new"]),
        ({"new": 0.8, "twin": 0.9}, ["twin"]),
        ({"new": 0.8, "twin": 0.80001}, ["new", "twin"]),
        ({"twin": 0.9}, ["new", "twin"]),
        ({"old": 0.95, "new": 0.8, "twin": 0.9}, ["old"]),
    ],
)
def test_of_equals(
    site: Path, models: dict[str, Model], dice: dict[str, float], best: list[str]
) -> None:
    selection = chosen(site, models, ["old", "new", "twin"], dice)
    assert [c.model.label for c in selection.equals] == [models[name].label for name in best]
    if len(best) == 1:
        assert "measured better on this site's own data" in selection.advantage
        assert "9 patients of cohort.json" in selection.advantage


def test_figures_of_two_evaluations_are_not_compared(site: Path, models: dict[str, Model]) -> None:
    dice = {"old": 0.9, "new": 0.8, "twin": 0.95}
    selection = chosen(site, models, ["old", "new", "twin"], dice, new="two", twin="three")
    assert len(selection.equals) == 2
    assert {c.model.label for c in selection.equals} == {"brain@1.1.0", "other@1.0.0"}


def test_nothing_else_is_changed_by_it(site: Path, models: dict[str, Model]) -> None:
    """The model that asks for less stays behind, however well it measured."""
    selection = chosen(site, models, ["new", "vague"], {"new": 0.1, "vague": 0.99})
    assert selection.best.model.label == models["new"].label
    reasons = {r.criterion: r for r in selection.best.reasons}
    assert reasons[CRITERION].found == "mean Dice 0.1000 over 9 patients"
    assert reasons[CRITERION].attribute == "cohort.json"


def test_the_command_says_it(
    site: Path, models: dict[str, Model], tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    digests = [models[name].card.network_digest for name in ("new", "old")]
    write_evaluation(
        evaluation([0.5, 0.6], [0.7, 0.8], models=digests), tmp_path / "evaluation.json"
    )
    call = ["select", site / "images", "--models", site / "models"]
    status, text, _ = iodeep(*call, "--prefer-measured", tmp_path)
    assert status == 0
    assert "mean Dice 0.7500 over 2 patients" in text
    _, text, _ = iodeep(*call, "--prefer-measured", tmp_path, "--json")
    (said,) = json.loads(text)
    first = said["candidates"][0]
    assert (first["name"], first["version"], first["place"]) == ("brain", "1.0.0", 1)
