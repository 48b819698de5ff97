"""A job is done on the images that it was made for, with a model that is still in use."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from makers.small_studies import small_model, small_study
from msgspec.structs import replace
from pacs.servers import Orthanc

from IODeepLib.errors import ImageError, NoModelFitsError, OutputError
from IODeepLib.model_object.retirement import write_retirement
from IODeepLib.series import find_series
from IODeepLib.service import tasks
from IODeepLib.service.helpers import Helpers
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.processes import do_apart
from IODeepLib.service.rules import decide
from IODeepLib.service.running import run_task
from IODeepLib.service.settings import Product, Rule, ServiceSettings, service_settings
from IODeepLib.service.tasks import Run
from IODeepLib.sources.folder import FolderSource, find_model
from IODeepLib.sources.settings import Settings

UID = "2.25.4711"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images as the service keeps them."""
    return small_study(StudyInstanceUID=UID).write(tmp_path_factory.mktemp("study"))


@pytest.fixture
def task(study: Path, models: Path, configured: Callable[..., Settings]) -> Run:
    settings = service_settings(configured())
    return task_for(settings, study, models)


def task_for(settings: ServiceSettings, study: Path, models: Path) -> Run:
    """What is to be done with a study."""
    (decision,) = decide(find_series(study), FolderSource(models).models().models, [Rule()])
    return Run(
        settings,
        *(decision.study_uid, decision.series_uid, decision.volume, decision.content),
        decision.model,
        decision.products,
        (str(study),),
    )


def stored(task: Run, study: Path) -> None:
    pacs_of(task.settings).store(sorted(study.iterdir()))


def silent(fraction: float, message: str) -> None:
    pass


def test_a_result_and_what_of_it_is_stored(task: Run, tmp_path: Path) -> None:
    outputs = run_task(task, tmp_path / "out", silent)
    assert [output.name for output in outputs] == ["segmentation.dcm", "report.dcm"]
    for output in outputs:
        header = pydicom.dcmread(tmp_path / "out" / output.name, stop_before_pixels=True)
        assert header.StudyInstanceUID == UID
        assert (header.SOPClassUID, header.SeriesInstanceUID, header.SOPInstanceUID) == output[1:4]
    more = replace(task, products=(*Product,))
    names = [output.name for output in run_task(more, tmp_path / "more", silent)]
    assert names == [
        *("segmentation.dcm", "report.dcm", "confidence.dcm"),
        *("sheet.dcm", "key_objects.dcm"),
    ]


def test_images_that_are_not_here_are_fetched(
    task: Run, study: Path, pacs: Orthanc, tmp_path: Path
) -> None:
    away = replace(task, images=(str(tmp_path / "nowhere"),))
    with pytest.raises(ImageError, match="no image series"):
        run_task(away, tmp_path / "out", silent)
    stored(task, study)
    outputs = run_task(away, tmp_path / "out", silent)
    assert outputs == run_task(task, tmp_path / "same", silent)


def test_images_that_have_changed_since(
    task: Run, study: Path, pacs: Orthanc, tmp_path: Path
) -> None:
    part = shutil.copytree(study, tmp_path / "part")
    sorted(part.iterdir())[-1].unlink()
    stored(task, part)
    with pytest.raises(ImageError, match="other images in the series"):
        run_task(replace(task, images=(str(part),)), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_images_that_are_removed_while_they_are_read(
    task: Run, study: Path, tmp_path: Path
) -> None:
    """That is no fault of theirs: they can be fetched again."""
    place = shutil.copytree(study, tmp_path / "place")

    def remove(fraction: float, message: str) -> None:
        shutil.rmtree(place, ignore_errors=True)

    with pytest.raises(OutputError, match="was removed while it was read"):
        run_task(replace(task, images=(str(place),)), tmp_path / "out", remove)
    with pytest.raises(ImageError, match="no image series"):
        run_task(replace(task, images=(str(place),)), tmp_path / "out", silent)


def test_a_model_that_is_gone_or_retired_since(
    study: Path, configured: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    small_model(folder)
    settings = service_settings(configured(models=folder))
    task = task_for(settings, study, folder)
    card = find_model(folder / "small").card
    write_retirement(card, folder / "notice.dcm", reason="misses much", replacement=None)
    with pytest.raises(NoModelFitsError, match=r"small@1\.0\.0 is retired .*misses much"):
        run_task(task, tmp_path / "out", silent)
    shutil.rmtree(folder)
    small_model(folder, "another")
    with pytest.raises(NoModelFitsError, match="no model with the card"):
        run_task(task, tmp_path / "out", silent)


def test_memory_is_bounded(task: Run, tmp_path: Path) -> None:
    """The process has less than its libraries take, and ends in itself."""
    small = replace(task, settings=replace(task.settings, memory_gb=0.15))
    folder = tmp_path / "work"
    folder.mkdir()
    helpers = Helpers()
    ended = do_apart(helpers, small, folder, lambda: True, silent)
    helpers.end()
    assert (ended.crash, ended.failure) == ("exit status 1", None)
    assert re.search("(?i)memory|map segment", ended.words)  # where it struck first
    assert not (folder / tasks.OUTPUTS).exists()
