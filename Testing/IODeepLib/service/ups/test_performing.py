"""What others schedule is done: images come by C-STORE, the result goes to a real PACS, once."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from makers.procedure_steps import step
from makers.small_studies import small_study
from pacs.servers import Orthanc, free_port
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.listeners import listeners_of
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.outbox import store_next
from IODeepLib.service.runs import run_next
from IODeepLib.service.settings import Ups, service_settings
from IODeepLib.service.ups import performing as performing_module
from IODeepLib.service.ups.listener import worklist_of
from IODeepLib.service.ups.performing import Performing, model_of
from IODeepLib.service.ups.worklist import Worklist
from IODeepLib.sources.find import source_of
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.settings import Settings

UID = "2.25.100"
_TABLES = "[service.dimse]\nport = {port}\n[service.ups]\n"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def hands(configured: Callable[..., Settings], port: int) -> Iterator[Hands]:
    """A service that listens, and does one thing after the other, as it is told."""
    settings = configured(_TABLES.format(port=port))
    service = service_settings(settings)
    made = hands_for(service, pacs_of(service)).of("test")
    listener = listeners_of(settings, service)[0]
    listener.start(made, lambda: None)
    yield made
    listener.stop()


@pytest.fixture
def worklist(hands: Hands) -> Worklist:
    return worklist_of(hands, Ups())


def state(worklist: Worklist, uid: str = UID) -> str:
    return str(worklist.step(uid).ProcedureStepState)


def reason(worklist: Worklist, uid: str = UID) -> str:
    (progress,) = worklist.step(uid).ProcedureStepProgressInformationSequence
    return str(progress.ReasonForCancellation)


def in_pacs(pacs: Orthanc) -> dict[str, str]:
    """The SOP Instance UIDs by modality."""
    files = (pacs.get(f"/instances/{one}/file") for one in json.loads(pacs.get("/instances")))
    found = [dcmread(io.BytesIO(one), stop_before_pixels=True) for one in files]
    return {one.Modality: one.SOPInstanceUID for one in found}


def test_images_are_sent_to_us_and_a_step_asks_for_a_model(
    pacs: Orthanc, hands: Hands, worklist: Worklist, port: int, tmp_path: Path
) -> None:
    study = small_study(7)
    folder = study.write(tmp_path / "study")
    call = ["dcmsend", "-aec", "IODEEP", "127.0.0.1", str(port)]
    subprocess.run([*call, *map(str, sorted(folder.iterdir()))], check=True)
    worklist.create(UID, step(study.study, [study.series], "small"))
    worklist.create("2.25.101", step(study.study, [study.series], "small", station="OTHER"))
    worklist.create("2.25.102", step(study.study, InputReadinessState="INCOMPLETE"))
    worklist.create("2.25.103", step(study.study, ScheduledProcedureStepStartDateTime="2999"))
    performing = Performing(hands, Ups(), worklist)
    assert performing.begin_next()
    assert not performing.begin_next()  # the others are not ours, or not now
    assert state(worklist) == "IN PROGRESS"
    performing.follow()
    assert state(worklist) == "IN PROGRESS"
    worklist.create("2.25.104", step(study.study, [study.series], "unheard-of"))
    assert performing.begin_next()
    assert state(worklist, "2.25.104") == "CANCELED"
    assert "no model unheard-of" in reason(worklist, "2.25.104")
    assert run_next(hands)
    assert store_next(hands)
    performing.follow()
    assert state(worklist) == "COMPLETED"
    shown = worklist.step(UID)
    (done,) = shown.UnifiedProcedureStepPerformedProcedureSequence
    outputs = {
        one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for one in done.OutputInformationSequence
    }
    stored = in_pacs(pacs)
    assert stored.keys() == {"SEG", "SR"}
    assert outputs == set(stored.values())
    assert {one.whole().SOPInstanceUID for one in worklist.search(Dataset())} > {UID, "2.25.101"}


def test_a_study_that_is_nowhere(hands: Hands, worklist: Worklist) -> None:
    performing = Performing(hands, Ups(), worklist)
    worklist.create(UID, step("2.25.404"))
    worklist.create("2.25.101", step(InputInformationSequence=[]))
    assert performing.begin_next()
    assert performing.begin_next()
    assert "no images of the study 2.25.404" in reason(worklist)
    assert "names no study" in reason(worklist, "2.25.101")


def test_a_pacs_that_is_away_is_asked_later(hands: Hands, worklist: Worklist) -> None:
    nowhere = source_of(f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web")
    assert isinstance(nowhere, PacsSource)
    worklist.create(UID, step())
    performing = Performing(replace(hands, source=nowhere), Ups(), worklist)
    assert performing.begin_next()
    assert state(worklist) == "SCHEDULED"
    assert not performing.begin_next()


def test_a_look_that_crashes_is_given_up_in_the_end(
    hands: Hands,
    worklist: Worklist,
    child: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    child("crashes")
    monkeypatch.setattr(performing_module, "MOST_REFUSALS", 2)
    monkeypatch.setattr(performing_module, "pause_after", lambda tries: 0.0)
    study = small_study(9)
    hands.source.store(sorted(study.write(tmp_path / "study").iterdir()))
    worklist.create(UID, step(study.study))
    performing = Performing(hands, Ups(), worklist)
    assert performing.begin_next()
    assert state(worklist) == "SCHEDULED"
    assert performing.begin_next()
    assert state(worklist) == "CANCELED"
    assert "crashed (SIGSEGV" in reason(worklist)


def test_a_fault_of_ours_stops_no_other_work(
    hands: Hands, worklist: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise TypeError

    monkeypatch.setattr(performing_module, "_input", faulty)
    worklist.create(UID, step())
    performing = Performing(hands, Ups(), worklist)
    assert performing.begin_next()
    assert not performing.begin_next()
    assert "a fault of IODeep's (TypeError)" in reason(worklist)


def test_how_a_model_is_named() -> None:
    def coded(value: str, scheme: str) -> Any:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "x"
        return [item]

    assert model_of(step(model="liver@1.0.0")) == "liver@1.0.0"
    assert model_of(step()) == ""
    assert model_of(step(ScheduledWorkitemCodeSequence=coded("liver", "99IODEEP"))) == "liver"
    assert model_of(step(ScheduledWorkitemCodeSequence=coded("liver", "99SITE"))) == ""
