"""A network goes into the DICOM database whole, once, or not at all."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pytest
import slicer
from IODeepSlicer.sources.models import databaseFiles
from IODeepSlicer.work import publishing
from IODeepSlicer.work.publishing import Packing
from IODeepSlicer.work.worker_process import State

import IODeepLib
from IODeepLib.errors import CancelledError, IODeepError, ModelError, OutputError, RecipeError
from IODeepLib.model_object import Model

pytestmark = pytest.mark.usefixtures("scene")

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
NETWORK, RECIPE = DEMO / "demo_network.onnx", DEMO / "recipe.json"


def recipe(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(json.loads(RECIPE.read_text()) | changes))
    return path


def finished(packing: Packing) -> Packing:
    until = time.monotonic() + 60
    while packing.poll() is State.RUNNING:
        assert time.monotonic() < until
        time.sleep(0.02)
    return packing


def publish(path: Path) -> Model:
    return publishing.finishPacking(finished(publishing.startPacking(NETWORK, path)))


def names_in_database() -> list[str]:
    folder = Path(slicer.dicomDatabase.databaseDirectory)
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_it_is_there_whole_and_once() -> None:
    model = publish(RECIPE)
    assert {Path(file) for file in databaseFiles()} == {
        model.card.path,
        *(part.path for part in model.weights()),
    }
    before = names_in_database()
    assert publish(RECIPE).card.sop_instance_uid == model.card.sop_instance_uid
    assert names_in_database() == before


def test_a_version_never_changes(tmp_path: Path) -> None:
    publish(RECIPE)
    before = names_in_database()
    with pytest.raises(ModelError, match="already in the DICOM database"):
        publish(recipe(tmp_path, title="Another title"))
    assert names_in_database() == before
    assert publish(recipe(tmp_path, title="Another title", version="9.0.0")).card.version == "9.0.0"


def test_what_contradicts_itself_is_refused(tmp_path: Path) -> None:
    output = json.loads(RECIPE.read_text())["output"] | {"channels": 4}
    with pytest.raises(IODeepError, match="the recipe makes 4"):
        publish(recipe(tmp_path, output=output))
    with pytest.raises(RecipeError, match="nowhere"):
        publish(tmp_path / "nowhere.json")
    assert names_in_database() == []


def test_a_trial_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    packing = finished(publishing.startTrial(NETWORK, RECIPE))
    assert publishing.finishTrial(packing).card.name == "brain-tissue-t1-demo"
    assert sorted(tmp_path.iterdir()) == before
    assert names_in_database() == []


def test_cancelled_it_leaves_nothing() -> None:
    packing = publishing.startPacking(NETWORK, RECIPE)
    packing.cancel()
    with pytest.raises(CancelledError):
        publishing.finishPacking(packing)
    assert names_in_database() == []


def test_a_database_that_does_not_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    database = slicer.dicomDatabase
    monkeypatch.setattr(database, "insert", lambda *_: None)
    monkeypatch.setattr(database, "removeStudy", removed.append, raising=False)
    with pytest.raises(OutputError, match="did not take"):
        publish(RECIPE)
    assert len(removed) == 1 and names_in_database() == []
    monkeypatch.setattr(database, "databaseDirectory", "/nowhere")
    with pytest.raises(OutputError, match="cannot be written"):
        publish(RECIPE)
    database.isOpen = False
    with pytest.raises(OutputError, match="closed"):
        publish(RECIPE)
