"""What befalls a job from outside, in the middle of it: nothing is lost, and nothing is made up."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from makers.small_studies import small_study
from pacs.servers import Orthanc
from pydicom.dataset import Dataset

from IODeepLib.service.hands import Hands
from IODeepLib.service.looks import look_at_next
from IODeepLib.service.outbox import store_next
from IODeepLib.service.runs import run_next
from IODeepLib.service.states import State

UID = "2.25.4713"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return sorted(small_study(StudyInstanceUID=UID).write(tmp_path / "study").iterdir())


def comes(hands: Hands, files: list[Path]) -> None:
    """Images come, and it is looked at what there is now."""
    hands.source.store(files)
    with hands.database.transaction() as execute:
        hands.studies.seen(execute, UID)
    assert look_at_next(hands)  # it has changed, and is quiet at once
    assert look_at_next(hands)


def stored(pacs: Orthanc, modality: str) -> list[Dataset]:
    """The headers of what there is."""
    found = []
    for series in json.loads(pacs.get("/series?expand")):
        if series["MainDicomTags"]["Modality"] == modality:
            for one in series["Instances"]:
                file = io.BytesIO(pacs.get(f"/instances/{one}/file"))
                found.append(pydicom.dcmread(file, stop_before_pixels=True))
    return found


def test_a_series_that_grows_after_its_run(hands: Hands, files: list[Path], pacs: Orthanc) -> None:
    """The new result says which it replaces, and the former one stays."""
    comes(hands, files[:-1])
    assert run_next(hands)
    assert store_next(hands)
    (former_seg,), (former_report,) = stored(pacs, "SEG"), stored(pacs, "SR")
    comes(hands, files[-1:])
    assert run_next(hands)
    assert store_next(hands)
    assert [job.state for job in hands.jobs.latest(9)] == [State.DONE] * 2
    (seg,) = (one for one in stored(pacs, "SEG") if "ReferencedImageSequence" in one)
    (report,) = (one for one in stored(pacs, "SR") if "PredecessorDocumentsSequence" in one)
    assert seg.ReferencedImageSequence[0].ReferencedSOPInstanceUID == former_seg.SOPInstanceUID
    (study,) = report.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert study.StudyInstanceUID == UID
    assert series.SeriesInstanceUID == former_report.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == former_report.SOPInstanceUID
    assert f"This replaces {former_seg.SOPInstanceUID}" in seg.DerivationDescription
    assert len(stored(pacs, "SEG")) == len(stored(pacs, "SR")) == 2


def test_a_study_that_is_deleted_in_the_middle_of_its_run(
    hands: Hands, files: list[Path], pacs: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its images are here, the run goes well, and its result does not bring it back."""
    comes(hands, files)

    def deleted(*step: object) -> None:
        pacs.clear()

    monkeypatch.setattr(type(hands.jobs), "report", deleted)
    assert run_next(hands)
    pacs.clear()  # where the run was too quick to report anything
    assert store_next(hands)
    (job,) = hands.jobs.latest(9)
    assert job.state is State.FAILED
    assert "no longer in" in job.reason
    assert json.loads(pacs.get("/instances")) == []
    with hands.database.transaction() as execute:
        hands.studies.seen(execute, UID)
    assert look_at_next(hands)
    assert hands.jobs.latest(9) == [job]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_a_disk_that_is_full_in_a_run(
    hands: Hands, files: list[Path], pacs: Orthanc, child: Callable[[str], None]
) -> None:
    """It waits, and goes on when there is room."""
    comes(hands, files)
    child("finds no room")
    hands.helpers.end()
    assert run_next(hands)
    (job,) = hands.jobs.latest(9)
    assert (job.state, job.tries, job.crashes) == (State.WAITING, 1, 0)
    assert "File too large" in job.reason
    hands.database.ask("UPDATE jobs SET due = 0, wait = 0")
    child("works")
    hands.helpers.end()
    assert run_next(hands)
    assert store_next(hands)
    assert [one.state for one in hands.jobs.latest(9)] == [State.DONE]
    assert len(stored(pacs, "SEG")) == 1
