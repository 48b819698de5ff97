"""Who ran what on whom is told to a syslog server, sooner or later, and nothing waits for that."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import trustme
from command import Answer, refused
from makers.small_studies import small_study
from msgspec.structs import replace
from pacs.servers import Orthanc, free_port
from syslog_server import SyslogServer, syslog_server

from IODeepLib.service.audit.spool import Spool
from IODeepLib.service.audit.syslog import framed, send
from IODeepLib.service.audit.trail import Trail, trail_of
from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.looking import look_at, pacs_of
from IODeepLib.service.outbox import store_next
from IODeepLib.service.running import run_task
from IODeepLib.service.settings import Audit, Polling, ServiceSettings, service_settings
from IODeepLib.service.tasks import RESULT, Run
from IODeepLib.sources.find import source_of
from IODeepLib.sources.settings import Settings

TIME = "2026-11-28T05:00:00.000+00:00"
COMES_WITHIN = 60  # seconds, on a machine that has much else to do


def trail_to(server: str, tmp_path: Path, most: int = 100, **more: str) -> Trail:
    return Trail(Audit(server, **more), Spool(tmp_path / "audit", most), tmp_path / "lock")


def until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + COMES_WITHIN
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)


def events(server: SyslogServer) -> list[str]:
    """The names of what came."""
    roots = [parsed(one) for one in server.messages]
    return [one.attrib["originalText"] for root in roots for one in root.iter("EventID")]


def parsed(message: bytes) -> ElementTree.Element:
    """The XML in a message of RFC 5424."""
    head = rb"<(8[53])>1 (\S+) \S+ iodeep \d+ DICOM\+RFC3881 - \xef\xbb\xbf"
    found = re.match(head, message)
    assert found, message
    return ElementTree.fromstring(message[found.end() :])  # noqa: S314 - we have made it


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.mark.parametrize("kind", ["tls", "tcp", "udp"])
def test_the_ways_to_a_server(kind: str, authority: trustme.CA, ca: str, tmp_path: Path) -> None:
    with syslog_server(kind, authority if kind == "tls" else None) as server:
        trail = trail_to(server.address, tmp_path, **({"ca": ca} if kind == "tls" else {}))
        trail.started()
        trail.refused("^J", "10.0.0.7", "GET /jobs")
        trail.deliver()
        until(lambda: len(server.messages) == 2)
    assert events(server) == ["Application Activity", "Security Alert"]
    assert [one[:4] for one in server.messages] == [b"<85>", b"<83>"]
    assert list((tmp_path / "audit").iterdir()) == []


def test_a_server_that_is_silent_misses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "IODeepLib.service")
    trail_to(f"tcp://localhost:{free_port()}", tmp_path).started()
    nowhere = trail_to(f"tcp://localhost:{free_port()}", tmp_path)
    nowhere.ended()
    for _ in range(3):
        nowhere.deliver()
    assert caplog.text.count("audit server is silent") == 1
    one, _ = (tmp_path / "audit").iterdir()
    assert stat.S_IMODE(one.parent.stat().st_mode) == 0o700
    with syslog_server("tcp") as server:
        again = trail_to(server.address, tmp_path)
        server.breaks = 1
        again.deliver()
        assert len(list((tmp_path / "audit").iterdir())) == 2  # nobody knows what has arrived
        again.deliver()
        until(lambda: len(server.messages) == 2)
    kinds = [parsed(one).find(".//EventTypeCode") for one in server.messages]
    said = [kind.get("originalText") for kind in kinds if kind is not None]
    assert said == ["Application Start", "Application Stop"]
    assert caplog.text.count("audit server answers again") == 1


def test_what_waits_is_not_pushed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "IODeepLib.service")
    trail = trail_to(f"tcp://localhost:{free_port()}", tmp_path, most=2)
    trail.started()
    trail.refused("mallory", "", "GET /jobs")
    first = sorted((tmp_path / "audit").iterdir())
    for _ in range(3):
        trail.ended()
    assert sorted((tmp_path / "audit").iterdir()) == first
    assert caplog.text.count("audit message is lost") == 3
    trail.deliver()
    trail.deliver()
    assert caplog.text.count("too many wait to be sent") == 1


def test_where_it_cannot_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That is said, and stops nothing."""
    caplog.set_level("INFO", "IODeepLib.service")
    (tmp_path / "audit").touch()
    trail_to("udp://localhost:514", tmp_path).started()
    assert "audit message is lost" in caplog.text


def test_a_stranger_is_told_nothing(ca: str, tmp_path: Path) -> None:
    with syslog_server("tls", trustme.CA()) as server:
        trail = trail_to(server.address, tmp_path, ca=ca)
        trail.started()
        trail.deliver()
        with pytest.raises(OSError, match="certificate verify failed"):
            send([framed(b"<x/>", TIME, well=True)], Audit(server.address, ca=ca))
    assert server.messages == []
    assert len(list((tmp_path / "audit").iterdir())) == 1


def test_where_nobody_asks_for_it_nothing_is_kept(tmp_path: Path) -> None:
    settings = ServiceSettings("pacs", folder=str(tmp_path), polling=Polling())
    trail = trail_of(settings)
    trail.started()
    trail.deliver()
    assert list(tmp_path.iterdir()) == []


def test_who_ran_what_on_whom(
    pacs: Orthanc, configured: Callable[..., Settings], models: Path, tmp_path: Path
) -> None:
    """From the images that come to the result that goes."""
    with syslog_server("tcp") as server:
        more = f'[service.changes]\n[service.audit]\nserver = "{server.address}"\nsite = "St. Mary"'
        settings = service_settings(configured(more))
        hands = hands_for(settings, pacs_of(settings)).of("test")
        study = small_study(PatientID="<4711>", PatientName="O'Hara^Kim")
        files = sorted(study.write(tmp_path / "study").iterdir())
        hands.source.store(files)
        catalog = source_of(settings.models_source).models()
        (decision,) = look_at(settings, catalog, study.study, tmp_path / "images")
        assert decision.job is not None
        stored(hands, decision.job, settings, tmp_path)
        hands.trail.deliver()
        until(lambda: len(server.messages) == 4)
    assert events(server) == [
        "DICOM Instances Transferred",
        "DICOM Instances Accessed",
        "Begin Transferring DICOM Instances",
        "DICOM Instances Transferred",
    ]
    for message in server.messages:
        root = parsed(message)
        things = {
            one.attrib["ParticipantObjectID"]
            for one in root.iter()
            if "Object" in one.tag and "ParticipantObjectID" in one.attrib
        }
        assert {study.study, "<4711>"} <= things
        names = [one.text for one in root.iter("ParticipantObjectName")]
        assert "O'Hara^Kim" in names
        source = root.find("AuditSourceIdentification")
        assert source is not None
        assert source.get("AuditEnterpriseSiteID") == "St. Mary"
    accessed = parsed(server.messages[1])
    assert decision.model in {
        one.get("ParticipantObjectID") for one in accessed.iter("ParticipantObjectIdentification")
    }
    assert "small@1.0.0" in [one.text for one in accessed.iter("ParticipantObjectName")]
    sent = parsed(server.messages[3])
    assert sum(int(one.attrib["NumberOfInstances"]) for one in sent.iter("SOPClass")) == 2


def stored(hands: Hands, job, settings: ServiceSettings, tmp_path: Path) -> None:
    """A job is run here, and its result stored."""
    with hands.database.transaction() as execute:
        hands.jobs.add(execute, [job])
    running = hands.jobs.next_to_run()
    assert running is not None
    task = Run(
        replace(settings, minutes=1.0),
        *(job.study, job.series, job.volume, job.content, job.model),
        products=("seg", "sr"),
        images=(str(tmp_path / "images"),),
        job=job.uid,
    )
    outputs = run_task(task, hands.place.begin(running) / RESULT, lambda *step: None)
    assert hands.jobs.has_result(running, outputs)
    assert store_next(hands)


def test_certificates_that_are_none(
    configured: Callable[..., Settings], iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "no.pem"):
        audit = f'[service.audit]\nserver = "tls://a:6514"\nca = {str(tmp_path / name)!r}'
        configured(f"[service.changes]\n{audit}")
        refused(iodeep("serve"), 2, "service.audit", "PEM files")
