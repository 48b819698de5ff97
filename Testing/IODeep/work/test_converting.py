"""Trained networks of other programs come into the DICOM database."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import slicer
import slicer_application  # noqa: F401  it makes the module importable
from IODeepSlicer.work.convert_job import Conversion
from IODeepSlicer.work.runner import State
from IODeepSlicer.work.waiting import wait
from makers import bundles, networks

from IODeep import IODeepLogic
from IODeepLib.errors import IODeepError

pytestmark = pytest.mark.usefixtures("scene")

REGION = "applies_to.anatomic_regions"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A MONAI bundle that has its network as ONNX, too: nothing of PyTorch is needed."""
    folder = bundles.write(tmp_path / "small", bundles.config())
    networks.save(networks.conv(3, channels=3, layers=1), folder / "models" / "model.onnx")
    return folder


def in_database() -> list[Path]:
    folder = Path(slicer.dicomDatabase.databaseDirectory)
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def test_it_says_what_it_knows_and_asks_the_rest(logic: IODeepLogic, bundle: Path) -> None:
    looking = logic.startLooking(Conversion(bundle))
    wait(looking)
    found = looking.outcome()
    assert found.format == "MONAI"
    assert found.recipe["input"]["orientation"] == "RAS"
    assert [question.path for question in found.questions] == [REGION]
    looking = logic.startLooking(Conversion(bundle, answers=[f"{REGION}=Abdomen"]))
    wait(looking)
    assert not looking.outcome().questions
    assert not in_database()


@pytest.mark.parametrize("zipped", [False, True])
def test_it_becomes_a_model(logic: IODeepLogic, bundle: Path, tmp_path: Path, zipped: bool) -> None:
    path = bundle
    if zipped:
        path = Path(shutil.make_archive(str(tmp_path / "small"), "zip", tmp_path, "small"))
    model = logic.importNetwork(path, {REGION: "Abdomen", "name": "small"})
    (known,) = logic.findModels().models
    assert known.card.sop_instance_uid == model.card.sop_instance_uid
    assert model.card.recipe.labels[0].name == "spleen"
    assert not model.missing_parts
    assert {path.suffix for path in in_database()} <= {"", ".dcm"}


def test_all_that_lacks_is_named_and_nothing_is_written(logic: IODeepLogic, bundle: Path) -> None:
    with pytest.raises(IODeepError, match=REGION):
        logic.importNetwork(bundle)
    with pytest.raises(IODeepError, match="colour"):
        logic.importNetwork(bundle, {REGION: "Abdomen", "output.labels[0].colour": "1,2,3"})
    assert not in_database()


def test_an_onnx_file_asks_for_the_rest(logic: IODeepLogic, bundle: Path) -> None:
    options = {"labels": "spleen, liver"}
    looking = logic.startLooking(Conversion(bundle / "models" / "model.onnx", options))
    wait(looking)
    found = looking.outcome()
    assert found.format == "an ONNX file"
    names = [label["name"] for label in found.recipe["output"]["labels"]]
    assert names == ["spleen", "liver"] and found.questions


def test_what_is_none_is_refused(logic: IODeepLogic, tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    with pytest.raises(IODeepError, match="no trained network that is known"):
        logic.importNetwork(tmp_path / "photographs")
    with pytest.raises(IODeepError, match="nowhere"):
        logic.importNetwork(tmp_path / "nowhere")


def test_another_python_reads_it(logic: IODeepLogic, bundle: Path, tmp_path: Path) -> None:
    answers = {REGION: "Abdomen"}
    assert logic.importNetwork(bundle, answers, python=sys.executable).card.name == "a-small-bundle"
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(IODeepError, match="has no Python package") as caught:
        logic.importNetwork(bundle, answers, python=str(bare))
    assert "choose another Python" in str(caught.value)
    with pytest.raises(IODeepError, match="none-such"):
        logic.importNetwork(bundle, answers, python=str(tmp_path / "none-such"))
    assert len(in_database()) == 2  # card and weights


def test_a_canceled_import_leaves_nothing(logic: IODeepLogic, bundle: Path) -> None:
    converting = logic.startConverting(Conversion(bundle, answers=[f"{REGION}=Abdomen"]))
    converting.poll()
    converting.cancel()
    assert converting.poll() is State.CANCELLED
    assert not in_database()
