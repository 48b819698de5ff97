"""Cohorts of small studies, and a small network that finds something in each of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from makers.small_studies import small_model

from IODeepLib.batch import processes
from IODeepLib.batch.terms import Asked
from IODeepLib.sources.folder import find_models

TESTING = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small model, for MR."""
    folder = tmp_path_factory.mktemp("models")
    small_model(folder)
    return folder


@pytest.fixture
def asked(models: Path, tmp_path: Path) -> Callable[..., Asked]:
    """What is asked of each study of the folder `studies`; results go to `out`."""

    def made(**more: object) -> Asked:
        cards = tuple(one.card.sop_instance_uid for one in find_models(models).models)
        source, out = str(tmp_path / "studies"), str(tmp_path / "out")
        return Asked(**{"source": source, "models": str(models), "cards": cards, "out": out} | more)

    return made


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Lets another process read the studies; the folder of its marks."""

    def set_(what: str) -> Path:
        marks = tmp_path / "marks"
        marks.mkdir(exist_ok=True)
        path = os.pathsep.join([str(TESTING), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.setenv("CHILD", what)
        monkeypatch.setenv("MARKS", str(marks))
        monkeypatch.setattr(processes, "_MODULE", "batch_children")
        return marks

    return set_
