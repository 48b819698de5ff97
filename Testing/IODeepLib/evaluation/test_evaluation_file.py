"""The file of an evaluation, checked at the door; and what of it counts when one is chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from makers.evaluations import evaluation

from IODeepLib.errors import InputError
from IODeepLib.evaluation import measured_in, read_evaluation
from IODeepLib.evaluation.file import write_evaluation


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = evaluation([0.5, 0.7, None], [0.6, None, 0.9])
    write_evaluation(made, tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path) == read_evaluation(tmp_path / "evaluation.json") == made


def test_only_what_all_were_measured_on_counts(tmp_path: Path) -> None:
    write_evaluation(evaluation([0.5, 0.1, 0.7], [0.6, None, 0.9]), tmp_path / "evaluation.json")
    first, second = measured_in(tmp_path).values()
    assert first.dice == pytest.approx(0.6)
    assert second.dice == pytest.approx(0.75)
    assert first.patients == second.patients == 2
    assert first.evaluation == second.evaluation
    assert first.dataset == "cohort.json (test cases)"


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a model that is not there": (lambda said: said["figures"][0].update(model=7), "$.figures[0]"),
    "a Dice of 2": (lambda said: said["figures"][0].update(dice=2), "dice"),
    "a Dice in words": (lambda said: said["figures"][0].update(dice="good"), "dice"),
    "no digest": (lambda said: said["models"][0].update(network_sha256="1"), "network_sha256"),
    "no models": (lambda said: said.update(models=[]), "models"),
    "another schema": (lambda said: said.update(schema="x"), "iodeep-evaluation/1"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_is_refused(name: str, tmp_path: Path) -> None:
    change, words = ALTERED[name]
    path = tmp_path / "evaluation.json"
    write_evaluation(evaluation([0.5]), path)
    said = json.loads(path.read_text())
    change(said)
    path.write_text(json.dumps(said))
    with pytest.raises(InputError) as caught:
        read_evaluation(path)
    assert words in str(caught.value)
