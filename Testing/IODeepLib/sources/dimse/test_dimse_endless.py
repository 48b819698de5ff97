"""Servers that do not come to an end over DIMSE, or bring more than was announced."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from makers.packed_models import files, make_model
from pacs.proxy import Fault, proxy
from pacs.scp import FIND, GET, MOVE, RAW, answer_with, saying, scp
from pacs.servers import Dcmqrscp, Orthanc, free_port
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import dimse_primitives, evt

from IODeepLib.errors import SourceError
from IODeepLib.sources import limits
from IODeepLib.sources.archive import Entity, TransientError
from IODeepLib.sources.dimse import DimseArchive, archive, connection, messages
from IODeepLib.sources.settings import Server

SERIES = Entity("1.2", "1.2.3", "", {"PatientID": "IODEEP"})


def found(number: int, **more: Any) -> Dataset:
    answer = Dataset()
    answer.StudyInstanceUID = f"1.2.{number}"
    for keyword, value in more.items():
        setattr(answer, keyword, value)
    return answer


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("answers", "more than 50 answers to a search"),
        ("the same answer", "more than 50 answers to a search"),
        ("long answers", "more than 100000 bytes of answers to a search"),
        ("one long answer", "broke"),
    ],
)
def test_searches_without_an_end_are_cancelled(
    monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    monkeypatch.setattr(archive, "MOST_ANSWERS", 50)
    monkeypatch.setattr(connection, "_MOST_FOUND", 100_000)
    cancelled = threading.Event()

    def find(event: Any) -> Iterator[Any]:
        for number in itertools.count():
            if event.is_cancelled:
                cancelled.set()
                yield 0xFE00, None
                return
            if not event.assoc.dul.is_alive():
                return
            if kind == "long answers":
                yield 0xFF00, found(number, AccessionNumber="9" * 9_000)
            elif kind == "one long answer":
                answer_with(event, bytes(3_000_000))
                event.assoc.dul.join(20)
            else:
                yield 0xFF00, found(number if kind == "answers" else 1)
            # pynetdicom's server does not listen while it has something to say.
            while event.assoc.dul.is_alive() and not event.assoc.dul.to_provider_queue.empty():
                time.sleep(0.001)
            time.sleep(0.005)

    with scp([FIND], {evt.EVT_C_FIND: find}) as server:
        with pytest.raises(SourceError, match=words):
            DimseArchive(Server(server.source, timeout=20)).find_studies({"PatientID": "1"})
        assert kind == "one long answer" or cancelled.wait(20)


def pending(event: Any, response: Any) -> None:
    """The response that there is more to come, again and again."""
    response.MessageIDBeingRespondedTo = event.request.MessageID
    response.AffectedSOPClassUID, response.Status = event.request.AffectedSOPClassUID, 0xFF00
    while event.assoc.dul.is_alive():  # what it says of itself is set later
        event.assoc.dimse.send_msg(response, event.context.context_id)
        time.sleep(0.02)


@pytest.mark.parametrize("service", ["C-FIND", "C-GET", "C-MOVE"])
def test_a_server_that_is_always_about_to_answer_is_given_up(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TIMEOUTS", 2)

    def find(event: Any) -> Iterator[Any]:
        for number in itertools.count():
            if not event.assoc.dul.is_alive():
                return
            yield 0xFF00, found(number)
            time.sleep(0.1)

    def get(event: Any) -> Iterator[Any]:
        pending(event, dimse_primitives.C_GET())
        yield 0

    def move(event: Any) -> Iterator[Any]:
        pending(event, dimse_primitives.C_MOVE())
        yield None, None

    handlers = {evt.EVT_C_FIND: find, evt.EVT_C_GET: get, evt.EVT_C_MOVE: move}
    with scp([FIND, GET, MOVE, RAW], handlers) as server:
        port = free_port() if service == "C-MOVE" else None
        dimse = DimseArchive(Server(server.source, timeout=2, receive_port=port))
        with pytest.raises(SourceError, match="has not come to an end") as raised:
            if service == "C-FIND":
                dimse.find_studies({"PatientID": "1"})
            else:
                dimse.retrieve(SERIES, lambda data: None)
    assert not isinstance(raised.value, TransientError)  # it is not tried again


def test_responses_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_ANSWERS", 20)

    def get(event: Any) -> Iterator[Any]:
        pending(event, dimse_primitives.C_GET())
        yield 0

    with scp([GET, RAW], {evt.EVT_C_GET: get}) as server:
        dimse = DimseArchive(Server(server.source, timeout=20))
        with pytest.raises(SourceError, match="more than 20 responses"):
            dimse.retrieve(SERIES, lambda data: None)


@pytest.fixture
def model(tmp_path: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in files(make_model(tmp_path))]


@pytest.mark.parametrize(
    ("what", "count", "most"),
    [("instance", "", 16), ("series", "3", 22), ("series", "0", 16), ("series", "", 40)],
)
@pytest.mark.parametrize("same", [False, True])
def test_more_instances_than_were_announced(
    model: list[pydicom.Dataset],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    count: str,
    most: int,
    same: bool,
) -> None:
    monkeypatch.setattr(archive, "MOST_INSTANCES", 40)
    card = model[0]

    def get(event: Any) -> Iterator[Any]:
        yield 60_000
        while event.assoc.dul.is_alive():  # what it says of itself is set later
            if not same:
                card.SOPInstanceUID = card.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            yield 0xFF00, card

    arrived: list[bytes] = []
    entity = Entity(
        card.StudyInstanceUID,
        card.SeriesInstanceUID,
        card.SOPInstanceUID if what == "instance" else "",
        {"PatientID": "IODEEP", "NumberOfSeriesRelatedInstances": count},
    )
    with scp([GET, RAW], {evt.EVT_C_GET: get}) as server:
        dimse = DimseArchive(Server(server.source, timeout=20))
        with pytest.raises(SourceError, match=f"more than {most} instances"):
            dimse.retrieve(entity, lambda data: arrived.append(b"".join(data)))
    assert len(arrived) == most


@pytest.mark.parametrize("way", ["C-GET", "C-MOVE"])
def test_an_object_without_an_end(
    dcmqrscp: Dcmqrscp,
    client_port: int,
    model: list[pydicom.Dataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    card = model[0]
    card.add_new(0x7FE00010, "OB", bytes(5_000_000))
    card.save_as(tmp_path / "large.dcm")
    entity = Entity(card.StudyInstanceUID, card.SeriesInstanceUID, "", {"PatientID": "IODEEP"})
    monkeypatch.setattr(messages, "MOST_BYTES", 2_000_000)
    port = client_port if way == "C-MOVE" else None
    dimse = DimseArchive(Server(dcmqrscp.source, timeout=20, receive_port=port))
    dimse.store([tmp_path / "large.dcm"], lambda path: None)
    arrived: list[int] = []
    with pytest.raises(SourceError, match="more than 2000000 bytes for one instance"):
        dimse.retrieve(entity, lambda data: arrived.extend(map(len, data)))
    assert sum(arrived) <= 2_000_000 + 1000  # and the head of a file, which is ours


@pytest.mark.parametrize("answered", [0, 10, 300, 3_000, 20_000])
def test_a_byte_at_a_time(
    orthanc: Orthanc,
    model: list[pydicom.Dataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answered: int,
) -> None:
    """Each of them is a sign of life."""
    monkeypatch.setattr(limits, "TIMEOUTS", 2)
    card = model[0]
    card.add_new(0x7FE00010, "OB", bytes(1_000_000))
    card.save_as(tmp_path / "large.dcm")
    entity = Entity(card.StudyInstanceUID, card.SeriesInstanceUID, "", {"PatientID": "IODEEP"})
    url = "dimse://ORTHANC@127.0.0.1:{}"
    DimseArchive(Server(url.format(orthanc.dicom_port))).store(
        [tmp_path / "large.dcm"], lambda path: None
    )
    with proxy(orthanc.dicom_port, lambda number: Fault(answered=answered, drip=0.05)) as bad:
        dimse = DimseArchive(Server(url.format(bad.port), timeout=1))
        # To agree upon an association there is one time-out, however it is answered.
        with pytest.raises(SourceError, match=r"has not come to an end|has said nothing"):
            dimse.retrieve(entity, lambda data: list(data))


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6, 7])
def test_a_pdu_that_is_longer_than_was_agreed_upon_is_not_read(kind: int) -> None:
    """What it announces would not fit into memory."""
    tracemalloc.start()
    with (
        saying(bytes([kind, 0]) + b"\xff\xff\xff\xf0" + bytes(1_000_000)) as server,
        pytest.raises(TransientError, match="broke"),
    ):
        DimseArchive(Server(server.source, timeout=20)).find_studies({"PatientID": "1"})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 100_000_000
