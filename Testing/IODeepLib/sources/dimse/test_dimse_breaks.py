"""Objects that break off on their way, in either direction, in the clear and through TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pydicom
import pytest
import trustme
from makers.packed_models import files, make_model
from pacs.proxy import Fault, Proxy, proxy
from pacs.scp import FIND, MOVE, RAW, scp
from pacs.servers import Orthanc, free_port
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import Verification

from IODeepLib.errors import ModelError
from IODeepLib.sources.archive import Entity, TransientError
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.settings import Server

SIZE = 6_000_000  # bytes; more than lies in the buffers of a connection


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An instance that comes in many pieces."""
    dataset = pydicom.dcmread(files(make_model(tmp_path))[0])
    dataset.add_new(0x7FE00010, "OB", bytes(range(250)) * (SIZE // 250))
    dataset.save_as(tmp_path / "large.dcm")
    return tmp_path / "large.dcm"


@pytest.fixture(params=["in the clear", "through TLS"])
def through(
    request: pytest.FixtureRequest, orthanc: Orthanc, tmp_path: Path
) -> Iterator[Callable[..., DimseArchive]]:
    """Gives Orthanc behind a bad network."""
    running: list[Proxy] = []
    context, settings = None, {}
    if request.param == "through TLS":
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        settings = {"tls": True, "ca": tmp_path / "ca.pem"}

    def behind(fault: Callable[[int], Fault | None], timeout: float = 10) -> DimseArchive:
        running.append(Proxy(orthanc.dicom_port, fault, context))
        url = f"dimse://{orthanc.aet}@127.0.0.1:{running[-1].port}"
        return DimseArchive(Server(url, timeout=timeout, **settings))

    yield behind
    for one in running:
        one.close()


def entity_of(path: Path) -> Entity:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    uids = header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID
    return Entity(*uids, {"PatientID": "IODEEP"})


def same(arrived: bytes, sent: Path) -> bool:
    """Whether the data set is, which begins with its SOP Class UID in both files."""
    begin = b"\x08\x00\x16\x00UI"
    return arrived.partition(begin)[2] == sent.read_bytes().partition(begin)[2]


def once(fault: Fault) -> Callable[[int], Fault | None]:
    """The first connection has it."""
    return lambda number: fault if number == 0 else None


@pytest.mark.parametrize("stall", [False, True])
def test_an_object_that_is_fetched_ends_with_an_error(
    through: Callable[..., DimseArchive], large: Path, stall: bool
) -> None:
    archive = through(once(Fault(answered=SIZE // 2, stall=stall)), timeout=1 if stall else 10)
    through(lambda number: None).store([large], lambda path: None)
    arrived: list[bytes] = []
    seen: list[BaseException] = []

    def receive(data: Iterable[bytes]) -> None:
        try:
            arrived.extend(data)
        except TransientError as error:
            seen.append(error)
            raise

    how = "has said nothing for 1 seconds" if stall else "broke"
    with pytest.raises(TransientError, match=how) as raised:
        archive.retrieve(entity_of(large), receive)
    assert seen == [raised.value]
    assert 0 < len(b"".join(arrived)) < SIZE // 2
    arrived.clear()
    archive.retrieve(entity_of(large), receive)
    assert same(b"".join(arrived), large)


@pytest.mark.parametrize("stall", [False, True])
def test_an_object_that_is_sent_ends_with_an_error(
    through: Callable[..., DimseArchive], orthanc: Orthanc, large: Path, stall: bool
) -> None:
    archive = through(once(Fault(sent=SIZE // 2, stall=stall)), timeout=1 if stall else 10)
    stored: list[Path] = []
    with pytest.raises(TransientError, match="said nothing for 1 s" if stall else "broke"):
        archive.store([large], stored.append)
    assert not stored
    assert orthanc.get("/instances").strip() == b"[]"
    archive.store([large], stored.append)
    assert stored == [large]


def test_a_receiver_that_fails_ends_the_transfer_and_no_other(
    through: Callable[..., DimseArchive], large: Path
) -> None:
    archive = through(lambda number: None)
    archive.store([large], lambda path: None)

    def fail(data: Iterable[bytes]) -> None:
        next(iter(data))
        raise OSError("no room")

    arrived: list[bytes] = []
    with archive.connected():
        for _ in range(2):
            with pytest.raises(OSError, match="no room"):
                archive.retrieve(entity_of(large), fail)
            archive.retrieve(entity_of(large), lambda data: arrived.append(b"".join(data)))
        archive.retrieve(entity_of(large), lambda data: arrived.append(next(iter(data))))
        archive.retrieve(entity_of(large), lambda data: arrived.append(b"".join(data)))
    assert [same(one, large) for one in arrived] == [True, True, False, True]


def test_several_at_once_do_not_meet(through: Callable[..., DimseArchive], large: Path) -> None:
    archives = [through(lambda number: None, timeout=30) for _ in range(3)]

    def there_and_back(archive: DimseArchive) -> bytes:
        arrived: list[bytes] = []
        archive.store([large], lambda path: None)
        archive.retrieve(entity_of(large), arrived.extend)
        return b"".join(arrived)

    with ThreadPoolExecutor(3) as pool:
        for arrived in pool.map(there_and_back, archives):
            assert same(arrived, large)


def test_a_file_that_is_not_there_any_more(
    through: Callable[..., DimseArchive], orthanc: Orthanc, large: Path
) -> None:
    archive = through(lambda number: None)
    other = large.with_name("other.dcm")
    other.write_bytes(large.read_bytes())
    with pytest.raises(ModelError, match=r"other\.dcm cannot be read"), archive.connected():
        archive.store([large, other], lambda path: other.unlink())
    archive.store([large], lambda path: None)


def moving(path: Path, ports: Iterable[int], before: Callable[[], None] | None = None) -> Any:
    """A server that moves the instance to the next of these ports each time it is asked to."""
    destinations = iter(ports)
    contexts = [build_context(RAW, pydicom.uid.ExplicitVRLittleEndian)]

    def move(event: Any) -> Iterator[Any]:
        if before is not None:
            before()
        yield "127.0.0.1", next(destinations), {"contexts": contexts}
        yield 1
        yield 0xFF00, pydicom.dcmread(path)

    return {evt.EVT_C_MOVE: move}


def test_an_object_that_is_moved_and_breaks_off(large: Path) -> None:
    port = free_port()
    with (
        proxy(port, once(Fault(sent=SIZE // 2))) as bad,
        scp([MOVE], moving(large, [bad.port, bad.port])) as server,
    ):
        archive = DimseArchive(Server(server.source, timeout=10, receive_port=port))
        arrived: list[bytes] = []
        with archive.connected():
            with pytest.raises(TransientError, match="broke"):
                archive.retrieve(entity_of(large), arrived.extend)
            assert 0 < len(b"".join(arrived)) < SIZE
            arrived.clear()
            archive.retrieve(entity_of(large), arrived.extend)
        assert same(b"".join(arrived), large)
        assert server.associations == 2


def test_others_who_come_to_our_port_do_not_disturb(large: Path) -> None:
    port = free_port()
    answers: list[bool] = []

    def others() -> None:
        for aet, sop_class in (("SOMEBODY", RAW), ("IODEEP", Verification)):
            entity = AE(ae_title="STRANGER")
            entity.add_requested_context(sop_class)
            entity.acse_timeout = entity.connection_timeout = 5
            association = entity.associate("127.0.0.1", port, ae_title=aet)
            answers.append(association.is_established)
            association.abort()
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")

    with scp([MOVE], moving(large, [port], others)) as server:
        archive = DimseArchive(Server(server.source, timeout=10, receive_port=port))
        arrived: list[bytes] = []
        archive.retrieve(entity_of(large), arrived.extend)
    assert same(b"".join(arrived), large)
    assert answers == [False, False]


def test_a_server_that_aborts_while_it_is_sent_to(large: Path) -> None:
    pieces: list[Any] = []

    def abort(event: Any) -> None:
        pieces.append(event)
        if len(pieces) == 20:
            event.assoc.abort()

    with scp([RAW], {evt.EVT_DATA_RECV: abort}) as server:
        archive = DimseArchive(Server(server.source, timeout=10))
        with pytest.raises(TransientError, match="broke"):
            archive.store([large], lambda path: None)


def test_an_association_that_the_server_ended_is_opened_anew() -> None:
    asked: list[Any] = []

    def find(event: Any) -> Iterator[Any]:
        asked.append(event.assoc)
        return iter(())

    with scp([FIND], {evt.EVT_C_FIND: find}) as server:
        archive = DimseArchive(Server(server.source, timeout=10))
        with archive.connected():
            for number in (1, 1, 2):
                assert archive.find_series({"StudyInstanceUID": "1.2"}).entities == []
                assert server.associations == number
                if len(asked) == 2:
                    asked[-1].abort()
