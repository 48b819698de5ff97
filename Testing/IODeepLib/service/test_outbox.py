"""Results are stored once, whatever happens between, and in no study that is gone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from makers.small_studies import small_study
from msgspec.structs import replace as changed
from pacs.servers import Orthanc, free_port

from IODeepLib.series import find_series
from IODeepLib.service import orders, tasks
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs, Output
from IODeepLib.service.kept import picture_of, rows_of
from IODeepLib.service.outbox import store_next
from IODeepLib.service.rules import decide
from IODeepLib.service.running import run_task
from IODeepLib.service.settings import Polling, Rule, ServiceSettings
from IODeepLib.service.states import State
from IODeepLib.service.tasks import Run
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import FolderSource
from IODeepLib.sources.pacs import PacsSource

UID = "2.25.4711"
Made = tuple[Path, Job, Path, list[Output]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Made:
    """A study, the job on it, and the result of that."""
    folder = tmp_path_factory.mktemp("made")
    study = small_study(StudyInstanceUID=UID).write(folder / "study")
    (decision,) = decide(find_series(study), FolderSource(models).models().models, [Rule()])
    settings = ServiceSettings("none", models=str(models), polling=Polling(), threads=1)
    job = decision.job
    assert job is not None
    task = Run(
        settings,
        *(job.study, job.series, job.volume, job.content, job.model),
        decision.products,
        (str(study),),
    )
    outputs = run_task(task, folder / "result", lambda fraction, message: None)
    return study, job, folder / "result", outputs


@pytest.fixture
def stored(hands: Hands, made: Made) -> Hands:
    """The study is in the PACS, and its result is to be stored."""
    study, job, result, outputs = made
    hands.source.store(sorted(study.iterdir()))
    with hands.database.transaction() as execute:
        hands.jobs.add(execute, [job])
    running = hands.jobs.next_to_run()
    assert running is not None
    shutil.copytree(result, hands.place.begin(running) / tasks.RESULT)
    assert hands.jobs.has_result(running, outputs)
    return hands


def modalities(pacs: Orthanc) -> list[str]:
    series = json.loads(pacs.get("/series?expand"))
    return sorted(one["MainDicomTags"]["Modality"] for one in series)


def instances(pacs: Orthanc) -> set[str]:
    found = json.loads(pacs.get("/instances?expand"))
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in found}


def test_a_result_is_stored_once(stored: Hands, made: Made, pacs: Orthanc) -> None:
    _, job, _, outputs = made
    assert store_next(stored)
    assert not store_next(stored)
    assert stored.jobs.job(job.uid).state is State.DONE
    assert modalities(pacs) == ["MR", "SEG", "SR"]
    assert {output.uid for output in outputs} <= instances(pacs)
    assert all(output.stored for output in stored.jobs.outputs(job))
    assert stored.place.jobs() == []
    assert list(stored.place.kept.iterdir()) == []  # there is no page


def test_the_page_keeps_a_picture_and_what_was_measured(
    stored: Hands, made: Made, pacs: Orthanc
) -> None:
    """Where there is a page; the result itself is in the PACS alone."""
    job = made[1]
    with_page = replace(stored, settings=changed(stored.settings, web=WebSettings()))
    assert store_next(with_page)
    picture = picture_of(stored.place.kept, job.uid)
    assert picture is not None
    assert picture.read_bytes() == (made[2] / "overlay.png").read_bytes()
    document = json.loads((made[2] / "result.json").read_text())
    measured = {row.name: row.volume_ml for row in rows_of(stored.place.kept, job.uid)}
    assert measured == {
        one["label"]: one["volume_ml"] for one in document["measurements"]["segments"]
    }
    assert any(measured.values())
    assert stored.place.jobs() == []


def test_who_is_killed_between_two_objects_stores_none_twice(
    stored: Hands, made: Made, pacs: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is noted that the server has the first one; another service goes on."""
    _, job, _, outputs = made

    class Killed(BaseException):
        pass

    def killed(self: Jobs, job: Job, output: Output) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Jobs, "is_stored", killed)
        patched.setattr(Jobs, "give_back", lambda self, job: None)
        with pytest.raises(Killed):
            store_next(stored)
    assert modalities(pacs) == ["MR", "SEG"]
    assert stored.jobs.take_back(stored.jobs.owner) == 1
    assert store_next(stored.of("another"))
    assert modalities(pacs) == ["MR", "SEG", "SR"]
    assert len(instances(pacs)) == 6 + len(outputs)
    assert stored.jobs.job(job.uid).state is State.DONE


def test_a_study_that_was_deleted_does_not_come_back(
    stored: Hands, made: Made, pacs: Orthanc
) -> None:
    pacs.clear()
    assert store_next(stored)
    job = stored.jobs.job(made[1].uid)
    assert job.state is State.FAILED
    assert "no longer in" in job.reason
    assert instances(pacs) == set()


def test_a_server_that_is_away_gets_it_later(stored: Hands, made: Made, pacs: Orthanc) -> None:
    nowhere = source_of(f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web")
    assert isinstance(nowhere, PacsSource)
    assert store_next(replace(stored, source=nowhere))
    job = stored.jobs.job(made[1].uid)
    assert (job.state, job.tries) == (State.STORING, 1)
    assert "cannot be reached" in job.reason
    assert not store_next(stored)  # it waits
    stored.database.ask("UPDATE jobs SET due = 0")
    assert store_next(stored)
    assert stored.jobs.job(job.uid).state is State.DONE


def test_a_result_that_is_lost_is_made_again(stored: Hands, made: Made, pacs: Orthanc) -> None:
    stored.place.forget_job(made[1].uid)
    assert store_next(stored)
    job = stored.jobs.job(made[1].uid)
    assert job.state is State.WAITING
    assert modalities(pacs) == ["MR"]


def test_what_was_canceled_is_not_stored(stored: Hands, made: Made, pacs: Orthanc) -> None:
    orders.cancel(stored.database, made[1].uid, "a person said so")
    assert not store_next(stored)
    assert modalities(pacs) == ["MR"]
