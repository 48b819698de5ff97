"""DIMSE over a bad network, and servers that answer badly: a result or one clear line."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from command import DEMO, Answer, refused
from makers.packed_models import files, make_model, make_network
from makers.recipes import recipe
from pacs.proxy import Fault, Proxy, dropping, proxy
from pacs.scp import FIND, GET, RAW, saying, scp, status
from pacs.servers import Orthanc, free_port
from pynetdicom import evt
from pynetdicom.sop_class import CTImageStorage, Verification

from IODeepLib.errors import SourceError
from IODeepLib.model_object import pack, verify
from IODeepLib.sources import retries
from IODeepLib.sources.archive import Entry, TransientError
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.find import source_of
from IODeepLib.sources.push import push
from IODeepLib.sources.query import Query
from IODeepLib.sources.settings import Server

Through = Callable[[Callable[[int], Fault | None]], str]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is received goes through temporary files; none of them stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


@pytest.fixture
def through(orthanc: Orthanc) -> Iterator[Through]:
    """Gives the SOURCE of Orthanc behind a bad network."""
    running: list[Proxy] = []

    def behind(fault: Callable[[int], Fault | None]) -> str:
        running.append(Proxy(orthanc.dicom_port, fault))
        return f"dimse://{orthanc.aet}@127.0.0.1:{running[-1].port}"

    yield behind
    for one in running:
        one.close()


def instances(orthanc: Orthanc) -> int:
    return len(json.loads(orthanc.get("/instances")))


def test_with_a_third_of_all_connections_dropped_nothing_is_lost_or_twice(
    orthanc: Orthanc, through: Through, tmp_path: Path
) -> None:
    network = make_network(tmp_path)
    for number in range(20):
        made = recipe(name=f"network-{number:02}")
        pack(network, made, tmp_path / "models" / str(number), max_part_bytes=40_000)
    paths = sorted((tmp_path / "models").rglob("*.dcm"))
    source = source_of(through(dropping(0.3, seed=1, most=50_000)))
    assert len(push(paths, source).stored) == len(paths) == 60
    assert instances(orthanc) == 60
    library = source.models()
    assert len(library.models) == 20 and not library.problems
    for model in library.models[:5]:
        verify(source.fetch(model))


def test_a_run_with_a_third_of_all_connections_dropped(
    orthanc: Orthanc,
    through: Through,
    packed: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
) -> None:
    images = sorted((DEMO / "mr_t1").iterdir())
    uid = pydicom.dcmread(images[0]).SeriesInstanceUID
    source_of(orthanc.source).store([*images, *packed.iterdir()])
    before = instances(orthanc)
    pacs = through(dropping(0.3, seed=3, most=100_000))
    answered = iodeep(
        *("run", pacs, "--series", uid, "--models", pacs, "--store", pacs, "--out", tmp_path / "r")
    )
    assert answered.status == 0, answered
    assert instances(orthanc) == before + 1


def test_a_series_comes_whole_through_a_bad_network(
    orthanc: Orthanc, through: Through, tmp_path: Path
) -> None:
    images = sorted((DEMO / "mr_t1").iterdir())
    source_of(orthanc.source).store(images)
    header = pydicom.dcmread(images[0])
    # The first connection that brings images breaks after some of them.
    source = source_of(through(lambda number: Fault(answered=500_000) if number < 2 else None))
    query = Query(study_uid=header.StudyInstanceUID, series_uid=header.SeriesInstanceUID)
    [series] = source.images(query, tmp_path / "images")
    assert len(series.sop_instance_uids) == len(images)
    assert len(list((tmp_path / "images").rglob("*.dcm"))) == len(images)


@pytest.mark.parametrize("answered", [0, 20, 300, 20_000])
def test_a_server_that_stalls_is_given_up(orthanc: Orthanc, tmp_path: Path, answered: int) -> None:
    model = make_model(tmp_path)
    source_of(orthanc.source).store(files(model))
    with proxy(orthanc.dicom_port, lambda number: Fault(answered=answered, stall=True)) as bad:
        archive = DimseArchive(Server(f"dimse://ORTHANC@127.0.0.1:{bad.port}", timeout=0.5))
        part = model.card.manifest.parts[0]
        entry = Entry(
            model.card.study_instance_uid,
            model.card.manifest.series_instance_uid,
            part.sop_instance_uid,
        )
        with pytest.raises(TransientError, match=r"the association with .* broke"):
            archive.retrieve(entry, lambda data: list(data))


@pytest.mark.parametrize("sent", [300, 20_000])
def test_a_server_that_takes_nothing_any_more_is_given_up(
    orthanc: Orthanc, tmp_path: Path, sent: int
) -> None:
    big = pydicom.dcmread(files(make_model(tmp_path))[0])
    big.add_new(0x7FE00010, "OB", bytes(50_000_000))
    big.save_as(tmp_path / "big.dcm")
    with proxy(orthanc.dicom_port, lambda number: Fault(sent=sent, stall=True)) as bad:
        archive = DimseArchive(Server(f"dimse://ORTHANC@127.0.0.1:{bad.port}", timeout=0.5))
        with pytest.raises(TransientError, match=r"the association with .* broke"):
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
        DimseArchive(Server(server.source)).retrieve(Entry("1", "2", "3"), list)
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


def test_another_object_than_asked(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    card, weights = map(pydicom.dcmread, files(make_model(tmp_path)))
    found = pydicom.Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID"):
        setattr(found, keyword, card[keyword].value)
    with scp([FIND, GET, RAW], answering(found, weights)) as server:
        refused(iodeep("list", server.source), 5, "sent the instance")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    with scp([FIND, GET, RAW], answering(found, card)) as server:
        assert iodeep("list", server.source).status == 0
