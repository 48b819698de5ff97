"""pynetdicom, as another program, schedules, claims, searches and ends procedure steps with us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from makers.procedure_steps import performed, step
from pacs.scp import scp
from pacs.servers import free_port
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)

from IODeepLib.service.dimse.settings import Caller, Dimse
from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.listeners import listeners_of
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.service.ups.refusals import EVERY_STEP
from IODeepLib.service.ups.reporting import Reporting
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import Worklist
from IODeepLib.sources.settings import read_settings
from IODeepLib.text.records import parse

UID, SECRET = "2.25.100", "2.25.200"
PUSH, PULL = UnifiedProcedureStepPush, UnifiedProcedureStepPull
WATCH, QUERY = UnifiedProcedureStepWatch, UnifiedProcedureStepQuery
_CALLERS = [{"aet": "RIS"}, {"aet": "WATCHER", "host": "127.0.0.1", "port": 1}]


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where procedure steps are served."""
    (tmp_path / "iodeep.toml").write_text("")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    port = free_port()
    table = {
        "source": f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web",
        "folder": str(tmp_path / "service"),
        "dimse": {"port": port, "timeout": 10, "callers": _CALLERS, "store": False},
        "ups": {},
    }
    settings: ServiceSettings = parse(ServiceSettings, table, exact=True)
    hands: Hands = hands_for(settings, pacs_of(settings)).of("dimse")
    listener = listeners_of(read_settings(), settings)[0]
    listener.start(hands, lambda: None)
    yield port
    listener.stop()


@contextmanager
def associated(port: int, syntax: str = ImplicitVRLittleEndian, title: str = "RIS") -> Any:
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    for one in (PUSH, PULL, WATCH, QUERY):
        entity.add_requested_context(one, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="IODEEP")
    assert association.is_established
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def change(association: Any, state: str, secret: str = SECRET, uid: str = UID) -> int:
    asked = Dataset()
    asked.ProcedureStepState, asked.TransactionUID = state, secret
    return int(association.send_n_action(asked, 1, PUSH, uid, meta_uid=PULL)[0].Status)


def found(association: Any, **keys: Any) -> list[Dataset]:
    asked = Dataset()
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    answers = [*association.send_c_find(asked, QUERY)]
    assert answers[-1][0].Status == 0
    assert all(status.Status == 0xFF00 for status, _ in answers[:-1])
    return [one for _, one in answers[:-1]]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_step_from_its_beginning_to_its_end(port: int, syntax: str) -> None:
    with associated(port, syntax) as ris:
        assert ris.send_n_create(step(station="WS1"), PUSH, UID)[0].Status == 0
        status, _ = ris.send_n_create(step(station="WS1"), PUSH, UID)
        assert (status.Status, status.ErrorComment) == (0x0111, "there is a Workitem with this UID")
        (match,) = found(ris, ProcedureStepState="SCHEDULED", SOPInstanceUID="", PatientName="*")
        assert (match.SOPInstanceUID, match.PatientName) == (UID, "Süß^Käthe")
        assert len(match) == 4  # what was asked for, and the character set
        assert found(ris, ProcedureStepState="COMPLETED") == []

        assert change(ris, "IN PROGRESS") == 0
        assert change(ris, "IN PROGRESS", "2.25.201") == 0xC301
        modified = performed()
        modified.TransactionUID = SECRET
        assert ris.send_n_set(modified, PUSH, UID, meta_uid=PULL)[0].Status == 0
        tags = [Tag("ProcedureStepState"), Tag("TransactionUID")]
        status, shown = ris.send_n_get(tags, PUSH, UID, meta_uid=PULL)
        assert (status.Status, shown.ProcedureStepState) == (0, "IN PROGRESS")
        assert "TransactionUID" not in shown
        assert change(ris, "COMPLETED") == 0
        assert change(ris, "CANCELED") == 0xC300
        status, shown = ris.send_n_get([], PUSH, UID, meta_uid=PULL)
        assert (status.Status, shown.ProcedureStepState) == (0, "COMPLETED")
        (done,) = shown.UnifiedProcedureStepPerformedProcedureSequence
        assert done.PerformedProcedureStepEndDateTime == "20260101120200"


def test_what_is_refused_leaves_the_association_open(port: int) -> None:
    with associated(port) as ris:
        assert ris.send_n_get([], PUSH, "2.25.404", meta_uid=PULL)[0].Status == 0xC307
        assert change(ris, "IN PROGRESS", uid="2.25.404") == 0xC307
        assert ris.send_n_create(None, PUSH, UID)[0].Status == 0x0120
        assert ris.send_n_create(step(ProcedureStepLabel=None), PUSH, UID)[0].Status == 0x0120
        nested = step()
        nested.InputInformationSequence[0].StudyInstanceUID = "1.2/../3"
        assert ris.send_n_create(nested, PUSH, UID)[0].Status == 0x0106
        assert ris.send_n_action(None, 9, PUSH, UID, meta_uid=PULL)[0].Status == 0x0123
        asked = Dataset()
        asked.ReceivingAE, asked.DeletionLock = "STRANGER", "FALSE"
        assert ris.send_n_action(asked, 3, PUSH, EVERY_STEP, meta_uid=WATCH)[0].Status == 0xC308
        asked.ReceivingAE = "RIS"  # which takes no reports
        assert ris.send_n_action(asked, 3, PUSH, EVERY_STEP, meta_uid=WATCH)[0].Status == 0xC308
        asked.ReceivingAE = "WATCHER"
        assert ris.send_n_action(asked, 3, PUSH, "2.25.404", meta_uid=WATCH)[0].Status == 0xC307
        assert ris.send_n_action(asked, 3, PUSH, EVERY_STEP, meta_uid=WATCH)[0].Status == 0
        asked.DeletionLock = "TRUE"
        assert ris.send_n_action(asked, 3, PUSH, EVERY_STEP, meta_uid=WATCH)[0].Status == 0
        assert ris.send_n_action(asked, 5, PUSH, EVERY_STEP, meta_uid=WATCH)[0].Status == 0
        assert ris.send_n_action(asked, 4, PUSH, EVERY_STEP, meta_uid=WATCH)[0].Status == 0
        assert found(ris, SOPInstanceUID="") == []


def test_a_data_set_that_is_too_large_ends_the_association(port: int) -> None:
    with associated(port) as ris:
        huge = step(CommentsOnTheScheduledProcedureStep="x" * 2**21)
        assert ris.send_n_create(huge, PUSH, UID)[0].get("Status") is None
    with associated(port) as ris:
        assert found(ris, SOPInstanceUID="") == []
        assert ris.send_n_create(step(), PUSH, "")[0].Status == 0  # it gets a UID
        assert len(found(ris, SOPInstanceUID="")) == 1


def test_who_subscribed_hears_what_happens(
    worklist: Worklist, subscriptions: Subscriptions
) -> None:
    """And who does not answer keeps nobody else from hearing it."""
    heard: list[tuple[str, int, str]] = []

    def hear(event: Any) -> tuple[int, None]:
        request, said = event.request, event.event_information
        state = said.get("ProcedureStepState", "")
        heard.append((request.AffectedSOPInstanceUID, request.EventTypeID, state))
        return 0, None

    with scp([UnifiedProcedureStepEvent], {evt.EVT_N_EVENT_REPORT: hear}) as watcher:
        callers = (
            Caller("AWAY", host="127.0.0.1", port=free_port()),
            Caller("FAKE", host="127.0.0.1", port=watcher.port),
        )
        subscriptions.subscribe(EVERY_STEP, "AWAY")
        reporting = Reporting(Dimse(callers=callers, timeout=5), subscriptions)
        worklist.create(UID, step(station="WS1"))
        reporting.report()
        assert heard == []  # it has not asked for it
        subscriptions.subscribe(UID, "FAKE")
        worklist.change_state(UID, "IN PROGRESS", SECRET)
        worklist.request_cancel(UID, "too late")
        reporting.report()
        reporting.report()
    assert heard == [(UID, 1, "SCHEDULED"), (UID, 1, "IN PROGRESS"), (UID, 2, "")]
