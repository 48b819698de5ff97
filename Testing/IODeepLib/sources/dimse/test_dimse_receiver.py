"""Who reaches the port that a server moves objects to, and what they get out of it: nothing."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest
import trustme
from makers.packed_models import files, make_model
from pacs.scp import MOVE, RAW, scp
from pacs.servers import free_port
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_context, evt

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.dimse import DimseArchive, receiver
from IODeepLib.sources.settings import Server

HOST = "127.0.0.1"
# Is told of a request to move something, and the port that it goes to.
Attack = Callable[[Any, int], object]


@pytest.fixture
def card(tmp_path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(files(make_model(tmp_path))[0])


def entity_of(dataset: pydicom.Dataset, whole_series: bool = False) -> Entity:
    sop = "" if whole_series else dataset.SOPInstanceUID
    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, sop
    return Entity(*uids, {"PatientID": "IODEEP"})


def forged(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Another object under the same UIDs."""
    other = pydicom.dcmread(dataset.filename)
    other.ContentDescription = "forged"
    return other


def moving(dataset: pydicom.Dataset, port: int, attack: Attack, **how: Any) -> dict[Any, Any]:
    """A server that moves one object; `attack` comes first. `how`: see `AE.associate`."""

    def move(event: Any) -> Iterator[Any]:
        attack(event, port)
        yield HOST, port, {"contexts": [build_context(RAW, ExplicitVRLittleEndian)], **how}
        yield 1
        yield 0xFF00, dataset

    return {evt.EVT_C_MOVE: move}


def retrieved(dataset: pydicom.Dataset, attack: Attack, whole_series: bool = False) -> list[bytes]:
    """What arrives of `dataset`, if `attack` comes first."""
    port, arrived = free_port(), list[bytes]()
    with scp([MOVE], moving(dataset, port, attack)) as server:
        archive = DimseArchive(Server(server.source, timeout=20, receive_port=port))
        entity = entity_of(dataset, whole_series)
        archive.retrieve(entity, lambda data: arrived.append(b"".join(data)))
    return arrived


@dataclass
class Stranger:
    """Somebody who stores an object at our port, as if it had been asked for.

    Attributes:
        forged: the object.
        changes: what is not as the server would do it.
        tls: with what they speak TLS; in the clear without it.
        statuses: what became of it; nothing if it was not even answered.
    """

    forged: pydicom.Dataset
    changes: dict[str, Any]
    tls: ssl.SSLContext | None = None
    statuses: list[int] = field(default_factory=list)

    def __call__(self, event: Any, port: int) -> None:
        number = event.request.MessageID
        said = {"called": "IODEEP", "from": HOST, "aet": "IODEEP", "number": number, **self.changes}
        if said["number"] == "another":
            said["number"] = number % 65535 + 1
        entity = AE("STRANGER")
        entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = 5
        association = entity.associate(
            HOST,
            port,
            [build_context(RAW, ExplicitVRLittleEndian)],
            ae_title=said["called"],
            bind_address=(said["from"], 0),
            tls_args=self.tls and (self.tls, HOST),
        )
        if association.is_established:
            status = association.send_c_store(
                self.forged, originator_aet=said["aet"], originator_id=said["number"]
            )
            self.statuses += [status.Status] if "Status" in status else []
            association.abort()


STRANGERS = {
    "from another address": {"from": "127.0.0.2"},
    "calling another AE title": {"called": "SOMEBODY"},
    "for the request of another": {"aet": "SOMEBODY"},
    "for another request": {"number": "another"},
    "for no request": {"aet": None, "number": None},
    "for the request with the number 0": {"number": 0},
}


@pytest.mark.parametrize("whole_series", [False, True])
@pytest.mark.parametrize("name", STRANGERS)
def test_what_a_stranger_stores_is_not_taken(
    card: pydicom.Dataset, name: str, whole_series: bool
) -> None:
    stranger = Stranger(forged(card), STRANGERS[name])
    [arrived] = retrieved(card, stranger, whole_series)
    assert stranger.statuses == []
    assert b"forged" not in arrived and card.SOPInstanceUID.encode() in arrived


def test_strangers_are_turned_away_for_what_is_wrong_with_them(card: pydicom.Dataset) -> None:
    """With nothing changed it is as if the server did it."""
    stranger = Stranger(forged(card), {})
    first, *_ = retrieved(card, stranger, whole_series=True)
    assert stranger.statuses == [0] and b"forged" in first


def test_another_instance_than_was_asked_for_is_not_taken(card: pydicom.Dataset) -> None:
    other = forged(card)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    stranger = Stranger(other, {})
    [arrived] = retrieved(card, stranger)
    assert stranger.statuses == [] and b"forged" not in arrived


@pytest.mark.parametrize("changes", [{"number": None}, {"number": "another"}, {"aet": "OTHER"}])
def test_what_was_turned_away_is_said(card: pydicom.Dataset, changes: dict[str, Any]) -> None:
    """Where nothing has come, for it may have been the server itself."""
    port, stranger = free_port(), Stranger(card, changes)

    def move(event: Any) -> Iterator[Any]:
        stranger(event, port)
        yield HOST, port, {"contexts": [build_context(RAW)]}
        yield 1
        yield 0xA702, None

    with scp([MOVE], {evt.EVT_C_MOVE: move}) as server:
        archive = DimseArchive(Server(server.source, timeout=20, receive_port=port))
        with pytest.raises(SourceError, match="turned away at the port was an object whose MoveO"):
            archive.retrieve(entity_of(card), lambda data: None)


def test_nothing_is_taken_but_while_it_is_asked_for(card: pydicom.Dataset) -> None:
    port, requests, arrived = free_port(), list[Any](), list[bytes]()
    stranger = Stranger(forged(card), {})
    with scp([MOVE], moving(card, port, lambda event, port: requests.append(event))) as server:
        archive = DimseArchive(Server(server.source, timeout=20, receive_port=port))
        with archive.connected():
            for _ in range(2):
                archive.retrieve(entity_of(card), lambda data: arrived.append(b"".join(data)))
                stranger(requests[-1], port)
    assert stranger.statuses == [] and len(arrived) == 2
    assert all(b"forged" not in one for one in arrived)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), 5)


def test_the_port_is_open_where_the_server_reaches_us_and_nowhere_else(
    card: pydicom.Dataset,
) -> None:
    reached: dict[str, bool] = {}

    def look(event: Any, port: int) -> None:
        for address in ("127.0.0.1", "127.0.0.2", "127.1.2.3"):
            with socket.socket() as probe:
                reached[address] = probe.connect_ex((address, port)) == 0

    assert len(retrieved(card, look)) == 1
    assert reached == {"127.0.0.1": True, "127.0.0.2": False, "127.1.2.3": False}


def _says_nothing(connection: socket.socket) -> None:
    pass


def _begins(connection: socket.socket) -> None:
    connection.send(b"\x01\x00\x00\x00\x10\x00" + bytes(100))


def _says_a_byte_at_a_time(connection: socket.socket) -> None:
    def drip() -> None:
        with suppress(OSError):
            for byte in b"\x01\x00\x00\x00\x01\x00" + bytes(250):
                connection.send(bytes([byte]))
                time.sleep(0.05)

    threading.Thread(target=drip, daemon=True).start()


@pytest.mark.parametrize("speak", [_says_nothing, _begins, _says_a_byte_at_a_time])
@pytest.mark.parametrize("count", [3, receiver._MOST_CALLERS + 5])
def test_those_who_keep_a_connection_are_not_waited_for(
    card: pydicom.Dataset, speak: Callable[[socket.socket], None], count: int
) -> None:
    """They have it still when the object has come: nobody waited until they had lost it."""
    port, kept, have_it = free_port(), list[socket.socket](), list[int]()

    def come(event: Any, port: int) -> None:
        for _ in range(count):
            kept.append(held.enter_context(socket.create_connection((HOST, port), 5)))
            speak(kept[-1])

    def receive(data: Iterable[bytes]) -> None:
        assert card.SOPInstanceUID.encode() in b"".join(data)
        have_it.append(count - len(select.select(kept, [], [], 0)[0]))

    with ExitStack() as held, scp([MOVE], moving(card, port, come)) as server:
        archive = DimseArchive(Server(server.source, timeout=20, receive_port=port))
        archive.retrieve(entity_of(card), receive)
    assert have_it == [min(count, receiver._MOST_CALLERS - 1)]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def _context(purpose: ssl.Purpose, shows: trustme.CA | None, trusts: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose)
    if shows is not None:
        shows.issue_cert(HOST).configure_cert(context)
    trusts.configure_trust(context)
    return context


@pytest.mark.parametrize("name", ["in the clear", "without", "of another", "nothing", "ours"])
def test_through_tls_who_shows_no_certificate_is_turned_away(
    card: pydicom.Dataset, authority: trustme.CA, tmp_path: Path, name: str
) -> None:
    asking = ssl.Purpose.SERVER_AUTH
    strangers: dict[str, Attack] = {
        "in the clear": Stranger(forged(card), {}),
        "without": Stranger(forged(card), {}, _context(asking, None, authority)),
        "of another": Stranger(forged(card), {}, _context(asking, trustme.CA(), authority)),
        "ours": Stranger(forged(card), {}, _context(asking, authority, authority)),
        "nothing": lambda event, port: held.enter_context(socket.create_connection((HOST, port))),
    }
    port, arrived = free_port(), list[bytes]()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    mine = authority.issue_cert(HOST)
    mine.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    served = _context(ssl.Purpose.CLIENT_AUTH, authority, authority)
    back = _context(asking, authority, authority)
    handlers = moving(card, port, strangers[name], tls_args=(back, HOST))
    with ExitStack() as held, scp([MOVE], handlers, tls=served) as server:
        settings = {"tls": True, "ca": tmp_path / "ca.pem", "certificate": tmp_path / "me.pem"}
        archive = DimseArchive(Server(server.source, timeout=20, receive_port=port, **settings))
        archive.retrieve(
            entity_of(card, whole_series=True), lambda data: arrived.append(b"".join(data))
        )
    assert sum(b"forged" in one for one in arrived) == (name == "ours")
    assert sum(b"forged" not in one for one in arrived) == 1


def test_without_a_certificate_of_ours_nothing_is_moved_through_tls(
    card: pydicom.Dataset, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    served = _context(ssl.Purpose.CLIENT_AUTH, authority, authority)
    port = free_port()
    with scp([MOVE], moving(card, port, lambda event, port: None), tls=served) as server:
        settings = Server(
            server.source, timeout=20, receive_port=port, tls=True, ca=tmp_path / "ca.pem"
        )
        with pytest.raises(UsageError, match="no certificate to show"):
            DimseArchive(settings).retrieve(entity_of(card), lambda data: None)
