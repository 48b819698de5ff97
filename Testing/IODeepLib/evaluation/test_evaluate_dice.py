"""Dice alone, which needs no further packages; Testing/judges has all the other figures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from makers.cohorts import organ_model, written_patient

from IODeepLib.cohort import Split, collect
from IODeepLib.errors import UsageError
from IODeepLib.evaluation import compare, evaluate, mean_dice
from IODeepLib.evaluation.records import Metric


def test_dice_alone_needs_no_further_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "monai"):
        monkeypatch.setitem(sys.modules, package, None)
    models = [
        organ_model(tmp_path / "good", version="1.1.0"),
        organ_model(tmp_path / "bad", threshold=151.0),
    ]
    for seed in range(2):
        written_patient(tmp_path / "studies" / f"{seed}", seed)
    cohort = collect(tmp_path / "studies", models[0], shares=(50, 0, 50))
    found = evaluate(models, cohort, surfaces=False)
    assert len(found.figures) == 4
    assert {one.case for one in found.figures} == {case.key for case in cohort.of(Split.TEST)}
    assert mean_dice(found, 0) == 1.0
    assert (mean_dice(found, 1) or 1) < 0.8
    assert found.metrics == (Metric.DICE,)
    assert [one.patients for one in compare(found)] == [1, 1, 1]
    assert mean_dice(evaluate(models, cohort, split=None, surfaces=False)) == 1.0
    with pytest.raises(UsageError, match=r"pip install 'IODeepLib\[train\]'"):
        evaluate(models, cohort)
