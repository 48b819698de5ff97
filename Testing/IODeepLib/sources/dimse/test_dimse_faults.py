"""DIMSE over a bad network, and servers that answer badly: a result or one clear line."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from command import Answer, refused
from makers.packed_models import files, make_model
from pacs.proxy import Fault, proxy
from pacs.scp import FIND, GET, RAW, saying, scp, status
from pacs.servers import Orthanc, free_port
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import CTImageStorage, Verification

from IODeepLib.errors import SourceError
from IODeepLib.sources import retries
from IODeepLib.sources.archive import Entity, TransientError
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.find import source_of
from IODeepLib.sources.settings import Server


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)


@pytest.fixture(autouse=True)
def _no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("answered", [0, 20, 300, 20_000])
def test_a_server_that_stalls_is_given_up(orthanc: Orthanc, tmp_path: Path, answered: int) -> None:
    model = make_model(tmp_path)
    source_of(orthanc.source).store(files(model))
    with proxy(orthanc.dicom_port, lambda number: Fault(answered=answered, stall=True)) as bad:
        archive = DimseArchive(Server(f"dimse://ORTHANC@127.0.0.1:{bad.port}", timeout=0.5))
        part = model.card.manifest.parts[0]
        entity = Entity(
            model.card.study_instance_uid,
            model.card.manifest.series_instance_uid,
            part.sop_instance_uid,
        )
        with pytest.raises(TransientError, match=r"has said nothing for 0\.5 seconds"):
            archive.retrieve(entity, lambda data: list(data))


@pytest.mark.parametrize("sent", [300, 20_000])
def test_a_server_that_takes_nothing_any_more_is_given_up(
    orthanc: Orthanc, tmp_path: Path, sent: int
) -> None:
    big = pydicom.dcmread(files(make_model(tmp_path))[0])
    big.add_new(0x7FE00010, "OB", bytes(50_000_000))
    big.save_as(tmp_path / "big.dcm")
    with proxy(orthanc.dicom_port, lambda number: Fault(sent=sent, stall=True)) as bad:
        archive = DimseArchive(Server(f"dimse://ORTHANC@127.0.0.1:{bad.port}", timeout=0.5))
        with pytest.raises(TransientError, match=r"has said nothing for 0\.5 seconds"):
            archive.store([tmp_path / "big.dcm"], lambda path: None)


def test_nobody_there(iodeep: Callable[..., Answer]) -> None:
    refused(
        iodeep("list", f"dimse://PACS@127.0.0.1:{free_port()}"), 5, "cannot be reached", "refused"
    )


@pytest.mark.parametrize(("result", "tries"), [(1, 1), (2, 10)])
def test_rejected(iodeep: Callable[..., Answer], result: int, tries: int) -> None:
    # A-ASSOCIATE-RJ (PS3.8 section 9.3.4): the result, the service user, an unknown calling AE
    answer = bytes([3, 0, 0, 0, 0, 4, 0, result, 1, 3])
    with saying(answer) as server:
        refused(iodeep("list", server.source), 5, "rejects us as IODEEP", "AE titles")
        assert server.associations == tries


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "broke"),
        (b"\x02\x00\x00\x00\x00\x04none", "accepts none of the services"),
    ],
)
def test_something_else_listens_there(
    iodeep: Callable[..., Answer], answer: bytes, words: str
) -> None:
    with saying(answer) as server:
        refused(iodeep("list", server.source), 5, words)


def test_aborted(iodeep: Callable[..., Answer]) -> None:
    def abort(event: Any) -> Iterator[Any]:
        event.assoc.abort()
        yield 0xFF00, None

    with scp([FIND], {evt.EVT_C_FIND: abort}) as server:
        refused(iodeep("list", server.source), 5, "broke")
        assert server.associations == 10


def test_services_that_are_not_offered(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    with scp([Verification]) as server:
        refused(iodeep("list", server.source), 5, "accepts none of the services")
    with scp([FIND, RAW]) as server, pytest.raises(SourceError, match="does not offer C-GET"):
        DimseArchive(Server(server.source)).retrieve(Entity("1", "2", "3"), list)
    paths = files(make_model(tmp_path))
    with (
        scp([CTImageStorage, RAW], syntax="1.2.840.10008.1.2") as server,
        pytest.raises(SourceError, match=r"accepts none|does not take .* Explicit VR"),
    ):
        DimseArchive(Server(server.source)).store(paths, lambda path: None)


@pytest.mark.parametrize(
    ("code", "kind"), [(0xA700, TransientError), (0xA900, SourceError), (0x0124, SourceError)]
)
def test_statuses_that_refuse(tmp_path: Path, code: int, kind: type[SourceError]) -> None:
    paths = files(make_model(tmp_path))
    taken: list[Path] = []
    refuse = {evt.EVT_C_STORE: lambda event: status(code, "the disk is full")}
    with scp([RAW], refuse) as server, pytest.raises(SourceError) as raised:
        DimseArchive(Server(server.source)).store(paths, taken.append)
    assert type(raised.value) is kind
    assert f"{code:04X}h" in str(raised.value) and "the disk is full" in str(raised.value)
    assert not taken


@pytest.mark.parametrize("code", [0xB000, 0xB006, 0xB007])
def test_statuses_that_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture, code: int) -> None:
    paths = files(make_model(tmp_path))
    taken: list[Path] = []
    with scp([RAW], {evt.EVT_C_STORE: lambda event: code}) as server:
        caplog.set_level(logging.WARNING)
        DimseArchive(Server(server.source)).store(paths, taken.append)
    assert taken == paths
    assert f"{code:04X}h" in caplog.text


def answering(found: Any, given: Any) -> dict[Any, Callable[[Any], Any]]:
    """A server that finds one object at every level, and gives another one."""

    def find(event: Any) -> Iterator[Any]:
        yield 0xFF00, found

    def get(event: Any) -> Iterator[Any]:
        yield 1
        yield 0xFF00, given

    return {evt.EVT_C_FIND: find, evt.EVT_C_GET: get}


def test_an_answer_with_a_value_that_is_none() -> None:
    found = pydicom.Dataset()
    found.StudyInstanceUID = "1.2"
    found.add_new(pydicom.tag.Tag("NumberOfStudyRelatedInstances"), "LO", "many")
    with scp([FIND], answering(found, None), syntax=ImplicitVRLittleEndian) as server:
        [entity] = DimseArchive(Server(server.source)).find_studies({}).entities
    assert entity.study_uid == "1.2"


def test_another_object_than_asked(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    card, weights = map(pydicom.dcmread, files(make_model(tmp_path)))
    found = pydicom.Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID"):
        setattr(found, keyword, card[keyword].value)
    with scp([FIND, GET, RAW], answering(found, weights)) as server:
        refused(iodeep("list", server.source), 5, "sent the instance")
    assert not list((tmp_path / "cache").rglob("*.dcm"))
    with scp([FIND, GET, RAW], answering(found, card)) as server:
        assert iodeep("list", server.source).status == 0
