"""A study is read: which models are run on it, and what is said where none is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from makers.small_studies import small_model, small_study

from IODeepLib import pipeline
from IODeepLib.batch.place import study_folder
from IODeepLib.batch.reader import Reader
from IODeepLib.batch.terms import Asked, Outcome, StudyRecord, Task, from_line, to_line
from IODeepLib.network import runtime
from IODeepLib.service.settings import Which
from IODeepLib.sources.folder import find_models


def task(folder: Path, study: str = "1.2.3") -> Task:
    return Task(study, "abc", tuple(map(str, sorted(folder.rglob("*.dcm")))))


def two_models(folder: Path, **changes: object) -> dict[str, object]:
    for name in ("alpha", "beta"):
        small_model(folder, name, **changes)
    cards = tuple(one.card.sop_instance_uid for one in find_models(folder).models)
    return {"models": str(folder), "cards": cards}


def test_sessions_stay_open_from_study_to_study_and_results_go_elsewhere_as_well(
    asked: Callable[..., Asked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(
        runtime, "placed", lambda *a, placed=runtime.placed: opened.append(a) or placed(*a)
    )
    store = tmp_path / "store"
    store.mkdir()
    reader = Reader(asked(store=str(store)))
    studies = [small_study(seed) for seed in (0, 1)]
    for study in studies:
        study.write(tmp_path / study.study)
    records = []
    for study in (*studies, studies[0]):
        records.append(reader.read(task(tmp_path / study.study, study.study)))
    assert [one.outcome for one in records] == [Outcome.DONE] * 3
    assert len(opened) == 1
    assert len({one.runs[0].measured for one in records}) == 2  # each is of its own image
    assert all(from_line(StudyRecord, to_line(one)) == one for one in records)
    stored = [pydicom.dcmread(path, stop_before_pixels=True) for path in store.rglob("*.dcm")]
    kinds = sorted((one.StudyInstanceUID, one.Modality) for one in stored)
    assert kinds == sorted((one.study, kind) for one in studies for kind in ("SEG", "SR"))


def test_which_models_are_run(asked: Callable[..., Asked], tmp_path: Path) -> None:
    study = task(small_study().write(tmp_path / "study"))
    both = two_models(tmp_path / "two")
    best = Reader(asked(**both)).read(study)
    assert (best.outcome, best.runs) == (Outcome.CHOICE, ())
    assert "alpha@1.0.0; beta@1.0.0" in best.troubles[0].reason
    every = Reader(asked(**both, which=Which.ALL)).read(study)
    assert [one.model for one in every.runs] == ["alpha@1.0.0", "beta@1.0.0"]
    assert [one.folder for one in every.runs] == ["run-1", "run-2"]
    folder = study_folder(tmp_path / "out", "1.2.3")
    assert len(list(folder.iterdir())) == 2
    named = Reader(asked(**both, model="beta")).read(study)
    assert [one.model for one in named.runs] == ["beta@1.0.0"]
    assert [one.name for one in folder.iterdir()] == ["run-1"]  # of the other one nothing is left
    only = asked(**both | {"cards": both["cards"][:1]}, modality="CT")
    assert "not asked for" in Reader(only).read(study).troubles[0].reason
    (model,) = Reader(only)._models  # whatever was published since
    assert model.label == "alpha@1.0.0"


def test_several_series_of_which_one_cannot_be_run(
    asked: Callable[..., Asked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = small_study(0, SeriesNumber=1), small_study(1, SeriesNumber=2)
    second.study = first.study
    for number, one in enumerate((first, second)):
        one.write(tmp_path / "study" / f"{number}")
    ran: list[str] = []

    def run(series, *arguments, run=pipeline.run, **options):
        ran.append(series.series_instance_uid)
        if len(ran) == 1:
            raise RuntimeError("of Secret^Name")
        return run(series, *arguments, **options)

    monkeypatch.setattr(pipeline, "run", run)
    record = Reader(asked()).read(task(tmp_path / "study", first.study))
    assert record.outcome is Outcome.FAILED
    assert [one.series for one in record.runs] == ran[1:]
    (trouble,) = record.troubles
    assert trouble.reason == "a fault of IODeep itself (RuntimeError: of Secret^Name)"
    assert trouble.group == "a fault of ours (RuntimeError)"


def test_one_broken_file_spoils_its_series_and_nothing_else(
    asked: Callable[..., Asked], tmp_path: Path
) -> None:
    good, bad = small_study(0, SeriesNumber=1), small_study(1, SeriesNumber=2)
    bad.study = good.study
    good.write(tmp_path / "study" / "good")
    bad.write(tmp_path / "study" / "bad")
    path = tmp_path / "study" / "bad" / "000.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    record = Reader(asked()).read(task(tmp_path / "study", good.study))
    assert record.outcome is Outcome.DONE
    assert [one.series for one in record.runs] == [good.series]


def test_memory_that_is_short_is_said_and_ends_nothing(
    asked: Callable[..., Asked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = task(small_study().write(tmp_path / "study"))
    reader = Reader(asked(memory=1))  # all that is there is more: no session stays

    def run(*arguments, **options):
        np.zeros(2**60, np.uint8)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "run", run)
        record = reader.read(study)
    assert record.troubles[0].group.startswith("too little memory")
    assert reader.read(study).outcome is Outcome.DONE
