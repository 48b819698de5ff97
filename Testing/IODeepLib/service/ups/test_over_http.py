"""UPS-RS: the same steps as over DIMSE, with the numbers of HTTP that PS3.18 chapter 11 has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import websockets
import websockets.sync.client
from makers.procedure_steps import performed, step
from msgspec.structs import replace as changed
from pacs.servers import free_port
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.sop_class import UnifiedProcedureStepQuery
from starlette.testclient import TestClient, WebSocketDenialResponse

from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.job import Job
from IODeepLib.service.listeners import listeners_of
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.settings import Polling, ServiceSettings
from IODeepLib.service.ups.refusals import EVERY_STEP, EVERY_STEP_LIKE
from IODeepLib.service.web.app import app_for
from IODeepLib.service.web.listener import WebListener
from IODeepLib.service.web.settings import Role, Token, WebSettings
from IODeepLib.sources.settings import read_settings
from IODeepLib.text.records import parse

UID, OTHER, SECRET = "2.25.100", "2.25.101", "2.25.200"
ROOT = "/dicom-web/workitems"
JSON = {"Content-Type": "application/dicom+json"}


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hands:
    (tmp_path / "iodeep.toml").write_text("")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    table = {
        "source": f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web",
        "folder": str(tmp_path / "service"),
        "dimse": {"port": free_port(), "store": False},
        "ups": {},
        "web": {},
    }
    settings: ServiceSettings = parse(ServiceSettings, table, exact=True)
    return hands_for(settings, pacs_of(settings)).of("web")


@pytest.fixture
def client(hands: Hands) -> Iterator[TestClient]:
    app = app_for(hands, WebSettings(), lambda: None)
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


def content(found: Dataset | list[Dataset]) -> str:
    many = found if isinstance(found, list) else [found]
    return json.dumps([one.to_json_dict() for one in many])


def create(client: TestClient, uid: str = UID, **how: Any) -> int:
    answer = client.post(f"{ROOT}?{uid}", content=content(step(**how)), headers=JSON)
    return answer.status_code


def change(client: TestClient, state: str, secret: str = SECRET, uid: str = UID) -> Any:
    asked = Dataset()
    asked.ProcedureStepState = state
    if secret:
        asked.TransactionUID = secret
    return client.put(f"{ROOT}/{uid}/state", content=content(asked), headers=JSON)


def state(client: TestClient, uid: str = UID) -> str:
    (found,) = client.get(f"{ROOT}/{uid}").json()
    assert "00081195" not in found  # the Transaction UID is of nobody else
    return str(found["00741000"]["Value"][0])


def test_a_step_from_its_beginning_to_its_end(client: TestClient) -> None:
    answer = client.post(f"{ROOT}?workitem={UID}", content=content(step(station="WS1")))
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"{ROOT}/{UID}")
    assert create(client) == 409
    assert state(client) == "SCHEDULED"
    assert change(client, "IN PROGRESS").status_code == 200
    wrong = change(client, "COMPLETED", "2.25.201")
    assert (wrong.status_code, "The Transaction UID is incorrect." in wrong.headers["Warning"]) == (
        409,
        True,
    )
    missing = change(client, "COMPLETED", "")
    assert missing.status_code == 409
    assert missing.headers["Warning"].startswith("299 ")
    assert "The Transaction UID is missing." in missing.headers["Warning"]
    assert change(client, "COMPLETED").status_code == 409  # it says nothing of what was performed
    url = f"{ROOT}/{UID}"
    assert client.post(f"{url}?2.25.201", content=content(performed())).status_code == 409
    assert client.post(f"{url}?{SECRET}", content=content(performed())).status_code == 200
    assert change(client, "COMPLETED").status_code == 200
    again = change(client, "COMPLETED")
    assert again.status_code == 200
    assert "already in the requested state of COMPLETED" in again.headers["Warning"]
    assert client.post(f"{url}/cancelrequest").status_code == 409
    assert state(client) == "COMPLETED"


def test_somebody_wants_a_step_to_end(client: TestClient) -> None:
    create(client)
    reason = Dataset()
    reason.ReasonForCancellation = "too late"
    answer = client.post(f"{ROOT}/{UID}/cancelrequest", content=content(reason))
    assert answer.status_code == 202
    assert state(client) == "CANCELED"
    again = client.post(f"{ROOT}/{UID}/cancelrequest")
    assert "already in the requested state of CANCELED" in again.headers["Warning"]


@pytest.mark.parametrize(
    "content_",
    [
        b"",
        b"no JSON",
        b"[]",
        b"[{}, {}]",
        b"7",
        b'{"00741000": 7}',
        b'{"00741000": {"vr": "CS", "BulkDataURI": "http://127.0.0.1/x"}}',
        b'{"zz": {"vr": "CS"}}',
        b"[" * 100_000,
        b'{"00404021": {"vr": "SQ", "Value": [' * 60 + b"]}}" * 60,
        content(step(StudyInstanceUID="../x")).encode(),
        content(step(ProcedureStepState="COMPLETED")).encode(),
    ],
)
def test_what_is_no_step(client: TestClient, content_: bytes) -> None:
    answer = client.post(f"{ROOT}?{UID}", content=content_, headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["Warning"].startswith("299 ")
    assert client.get(f"{ROOT}/{UID}").status_code == 404


@pytest.mark.parametrize("uid", ["../../x", "1.2.x", "1" * 65])
def test_what_is_no_uid(client: TestClient, uid: str) -> None:
    assert create(client, uid) == 400


def test_a_step_that_is_too_large(client: TestClient) -> None:
    answer = client.post(ROOT, content=b" " * 2**21, headers=JSON)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("ProcedureStepState=SCHEDULED", 200),
        ("00741000=COMPLETED", 204),
        ("InputInformationSequence.StudyInstanceUID=2.25.1", 200),
        ("00404021.0020000D=2.25.2", 204),
        ("limit=0", 204),
        ("offset=7", 204),
        ("limit=-1", 400),
        ("NoSuchAttribute=1", 400),
        ("PatientID.StudyInstanceUID=1", 400),
        ("includefield=all&fuzzymatching=true", 200),
        ("&".join(f"PatientID={number}" for number in range(200)), 400),
    ],
)
def test_queries(client: TestClient, query: str, status: int) -> None:
    create(client)
    assert client.get(f"{ROOT}?{query}").status_code == status


def test_dimse_and_http_give_the_same(client: TestClient, hands: Hands) -> None:
    """Of each search, over the steps of others and jobs."""
    create(client)
    create(client, OTHER, station="WS1", WorklistLabel="reading")
    change(client, "IN PROGRESS", uid=OTHER)
    job = Job(study="2.25.1", series="2.25.2", model="2.25.7", label="liver@1.0.0", rule="rule 1")
    with hands.database.transaction() as execute:
        hands.jobs.add(execute, [job])
    assert hands.settings.dimse is not None
    listener = listeners_of(read_settings(), hands.settings)[0]
    assert listener.name == "dimse"
    listener.start(hands, lambda: None)
    try:
        entity = AE("RIS")
        entity.add_requested_context(UnifiedProcedureStepQuery, ImplicitVRLittleEndian)
        association = entity.associate("127.0.0.1", hands.settings.dimse.port, ae_title="IODEEP")
        for key, value in (
            ("ProcedureStepState", "SCHEDULED"),
            ("ProcedureStepState", "IN PROGRESS"),
            ("WorklistLabel", "read*"),
            ("ProcedureStepLabel", "liver@1.0.0"),
            ("PatientName", "süß*"),
            ("SOPInstanceUID", UID),
            ("ScheduledProcedureStepStartDateTime", "20260101-20260102"),
        ):
            over_http = client.get(ROOT, params={key: value})
            found = over_http.json() if over_http.status_code == 200 else []
            expected = [Dataset.from_json(one) for one in found]
            asked = Dataset()
            for tag in {tag for one in expected for tag in one.keys()}:  # noqa: SIM118
                like = next(one[tag] for one in expected if tag in one)
                asked.add_new(tag, like.VR, [] if like.VR == "SQ" else None)
            asked.SpecificCharacterSet = "ISO_IR 192"
            setattr(asked, key, value)
            answers = association.send_c_find(asked, UnifiedProcedureStepQuery)
            over_dimse = [one for _, one in answers if one is not None]
            assert len(over_dimse) == len(expected) > 0, key
            for one, other in zip(over_dimse, expected, strict=True):
                for element in other:
                    assert one[element.tag].value == element.value
        association.release()
    finally:
        listener.stop()


def test_subscribers_hear_what_happens(client: TestClient) -> None:
    """In the words of PS3.18 section 11.13."""
    create(client, station="WS1")
    answer = client.post(f"{ROOT}/{EVERY_STEP}/subscribers/WATCHER?deletionlock=true")
    assert answer.status_code == 201
    assert answer.headers["Content-Location"] == "ws://127.0.0.1:8080/dicom-web/subscribers/WATCHER"
    assert "Warning" not in answer.headers
    with client.websocket_connect(answer.headers["Content-Location"]) as channel:
        change(client, "IN PROGRESS")
        event = json.loads(channel.receive_text())
        assert event == {
            "00000002": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.34.6.4"]},
            "00000110": event["00000110"],
            "00001000": {"vr": "UI", "Value": [UID]},
            "00001002": {"vr": "US", "Value": [1]},
            "00404041": {"vr": "CS", "Value": ["READY"]},
            "00741000": {"vr": "CS", "Value": ["IN PROGRESS"]},
        }
        url = f"{ROOT}/{EVERY_STEP}/subscribers/WATCHER"
        assert client.post(f"{url}/suspend").status_code == 200
        create(client, OTHER)
        change(client, "CANCELED")
        event = json.loads(channel.receive_text())
        assert event["00001000"]["Value"] == [UID]  # and nothing of the new one
        assert client.delete(f"{ROOT}/{UID}/subscribers/WATCHER").status_code == 200


def test_a_channel_on_a_real_port(hands: Hands, client: TestClient, tmp_path: Path) -> None:
    """Another program hears, and hears the end of the service."""
    create(client, station="WS1")
    port = free_port()
    listener = WebListener(tmp_path / "iodeep.toml", WebSettings(port=port))
    listener.start(hands, lambda: None)
    try:
        url = f"127.0.0.1:{port}/dicom-web"
        requests.post(f"http://{url}/workitems/{UID}/subscribers/WATCHER", timeout=10)
        with websockets.sync.client.connect(f"ws://{url}/subscribers/WATCHER") as channel:
            change(client, "IN PROGRESS")
            event = json.loads(channel.recv(30))
            assert event["00741000"]["Value"] == ["IN PROGRESS"]
            hands.ending.set()
            with pytest.raises(websockets.ConnectionClosed):
                channel.recv(30)
    finally:
        listener.stop()


def test_who_may_look_may_not_schedule(hands: Hands) -> None:
    tokens = (Token("looker", "token-of-looker-0123", Role.LOOK),)
    app = app_for(hands, WebSettings(tokens=tokens), lambda: None)
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        assert client.get(ROOT).status_code == 401
        with (
            pytest.raises(WebSocketDenialResponse),
            client.websocket_connect("ws://127.0.0.1:8080/dicom-web/subscribers/WATCHER"),
        ):
            pass
        client.headers["Authorization"] = "Bearer token-of-looker-0123"
        assert client.get(ROOT).status_code == 204
        assert create(client) == 403
        assert change(client, "IN PROGRESS").status_code == 403


def test_a_service_without_work_items(hands: Hands) -> None:
    without = replace(hands, settings=changed(hands.settings, ups=None, polling=Polling()))
    app = app_for(without, WebSettings(), lambda: None)
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        assert client.get(ROOT).status_code == 404
        assert create(client) == 404


def test_subscriptions_that_cannot_be(client: TestClient) -> None:
    assert client.post(f"{ROOT}/2.25.404/subscribers/WATCHER").status_code == 404
    assert client.post(f"{ROOT}/{EVERY_STEP}/subscribers/{'X' * 17}").status_code == 400
    url = f"{ROOT}/{EVERY_STEP_LIKE}/subscribers/WATCHER"
    assert client.post(f"{url}?filter=WorklistLabel=AI").status_code == 201
    assert client.post(f"{url}?filter=NoSuchAttribute=AI").status_code == 400
    assert client.post(f"{ROOT}/{UID}/subscribers/WATCHER/suspend").status_code == 400
