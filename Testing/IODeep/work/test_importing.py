"""Models come into the DICOM database, and go from this computer again."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
import slicer
import slicer_application
from IODeepSlicer.sources.holdings import filesOf, holdingOf
from IODeepSlicer.work.importing import finishImages, startGathering
from IODeepSlicer.work.job import Origin
from IODeepSlicer.work.runner import State
from IODeepSlicer.work.waiting import wait
from makers.packed_models import files, make_model
from msgspec.structs import replace
from pacs.servers import Orthanc

from IODeep import IODeepLogic
from IODeepLib.errors import IODeepError, ModelError, OutputError, UsageError
from IODeepLib.model_object import Model
from IODeepLib.publish import pack
from IODeepLib.series import find_series
from IODeepLib.sources import push
from IODeepLib.sources.find import source_of

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return make_model(tmp_path, parts=3)


def zipped(model: Model, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files(model):
            archive.write(file, f"a/b/{file.name}")
    return path


def in_database() -> list[Path]:
    folder = Path(slicer.dicomDatabase.databaseDirectory)
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def test_a_zip_file_and_a_folder_come_into_the_database(
    logic: IODeepLogic, model: Model, tmp_path: Path
) -> None:
    (found,) = logic.importModels(zipped(model, tmp_path / "model.zip"))
    assert found.card.sop_instance_uid == model.card.sop_instance_uid
    assert not found.missing_parts
    assert all(slicer.dicomDatabase.seriesForFile(str(path)) for path in filesOf(found))
    assert len(in_database()) == len(files(model)), "files are left beside the database's own"
    before = set(in_database())
    (again,) = logic.importModels(model.card.path.parent)
    assert again.card.path == found.card.path and set(in_database()) == before


def test_another_content_under_the_same_version_is_refused(
    logic: IODeepLogic, network: Model, tmp_path: Path
) -> None:
    logic.importModels(network.card.path.parent)
    onnx = network.card.path.parents[1] / "three.onnx"
    other = pack(onnx, replace(network.card.recipe, title="Other"), tmp_path / "other")
    before = set(in_database())
    with pytest.raises(ModelError, match="already in the DICOM database"):
        logic.importModels(other.card.path.parent)
    assert set(in_database()) == before


def test_what_is_no_model_leaves_nothing(logic: IODeepLogic, tmp_path: Path, study: Path) -> None:
    with pytest.raises(IODeepError, match="no ZIP file"):
        (tmp_path / "odd.zip").write_bytes(b"PK")
        logic.importModels(tmp_path / "odd.zip")
    with pytest.raises(IODeepError, match="holds no network"):
        logic.importModels(study)
    assert in_database() == []
    slicer.dicomDatabase.isOpen = False
    with pytest.raises(OutputError, match="is closed"):
        logic.importModels(study)


def test_a_model_in_the_database_goes_and_images_stay(
    logic: IODeepLogic, network: Model, study: Path
) -> None:
    slicer_application.load(study)
    images = set(in_database())
    (found,) = logic.importModels(network.card.path.parent)
    holding = holdingOf(found)
    assert holding.files == holding.inDatabase and len(holding.files) == len(files(network))
    assert holding.size == sum(path.stat().st_size for path in files(network))
    logic.removeModel(found)
    assert set(in_database()) == images and logic.findModels().models == ()
    assert all(path.is_file() for path in files(network))


def test_a_series_with_something_else_in_it_stays(
    logic: IODeepLogic, network: Model, tmp_path: Path
) -> None:
    import pydicom

    (found,) = logic.importModels(network.card.path.parent)
    foreign = pydicom.dcmread(found.card.path)
    foreign.SOPInstanceUID = foreign.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    foreign.save_as(tmp_path / "foreign.dcm")
    slicer.dicomDatabase.insert(str(tmp_path / "foreign.dcm"))
    before = set(in_database())
    with pytest.raises(ModelError, match="holds 1 files that are not of this network"):
        logic.removeModel(found)
    assert set(in_database()) == before


def test_of_a_folder_only_the_models_files_go(
    logic: IODeepLogic, model: Model, tmp_path: Path
) -> None:
    folder = tmp_path / "packed"
    (folder / "notes.txt").write_text("mine")
    (found,) = logic.findModels(folder).models
    assert holdingOf(found).elsewhere == tuple(filesOf(found))
    shutil.copyfile(folder / "notes.txt", files(model)[1])
    with pytest.raises(ModelError, match="is not what it was"):
        logic.removeModel(found)
    assert found.card.path.is_file()
    shutil.rmtree(folder)
    (found,) = logic.findModels(_again(model, tmp_path)).models
    (folder.with_name("again") / "notes.txt").write_text("mine")
    logic.removeModel(found)
    assert [path.name for path in folder.with_name("again").iterdir()] == ["notes.txt"]


def _again(model: Model, tmp_path: Path) -> Path:
    (tmp_path / "again-work").mkdir()
    return shutil.copytree(make_model(tmp_path / "again-work").card.path.parent, tmp_path / "again")


def test_a_model_that_runs_stays(logic: IODeepLogic, network: Model, study: Path) -> None:
    volume = slicer_application.load(study)
    (found,) = logic.importModels(network.card.path.parent)
    queue = logic.startQueue([(volume, found)])
    for begun in (False, True):
        with pytest.raises(UsageError, match="runs, or waits to"):
            logic.removeModel(found)
        if not begun:
            queue.poll()
            assert queue.items[0].state is State.RUNNING
    queue.cancel()
    logic.removeModel(found)
    assert logic.findModels().models == ()


def test_a_server_gives_a_model_and_keeps_it(
    logic: IODeepLogic, model: Model, orthanc: Orthanc
) -> None:
    push.push(files(model), source_of(orthanc.source))
    (listed,) = logic.findModels(orthanc.source).models
    assert listed.missing_parts
    got = logic.getModel(listed, orthanc.source)
    assert not got.missing_parts
    assert holdingOf(got).inDatabase == tuple(filesOf(got))
    logic.removeModel(got)
    assert in_database() == []
    (listed,) = logic.findModels(orthanc.source).models
    assert not listed.missing_parts, "they are in the cache"
    assert holdingOf(listed).inCache == tuple(filesOf(listed))
    logic.removeModel(listed)
    (listed,) = logic.findModels(orthanc.source).models
    assert len(listed.missing_parts) == 3


def test_a_server_gives_the_images_of_a_study(
    scene: object, study: Path, network: Model, orthanc: Orthanc
) -> None:
    (series,) = find_series(study)
    source = source_of(orthanc.source)
    source.store([*sorted(study.iterdir()), network.card.path])
    gathering = startGathering(Origin(server=orthanc.source, study=series.study_instance_uid))
    wait(gathering)
    finishImages(gathering)
    assert len(in_database()) == len(series.files) == 10
    gathering = startGathering(Origin(server=orthanc.source, study="1.2.3.4"))
    wait(gathering)
    with pytest.raises(IODeepError, match="any more"):
        finishImages(gathering)
    assert len(in_database()) == 10
