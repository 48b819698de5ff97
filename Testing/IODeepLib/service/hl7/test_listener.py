"""Messages come in frames, and mark studies; who sends none, or one without end, is left alone."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from pacs.hostile import head, serving
from pacs.servers import free_port

from IODeepLib.errors import UsageError
from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.hl7.listener import MllpListener
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.text.records import parse

MSH = "MSH|^~\\&|RIS|HOSPITAL|IODEEP|RADIOLOGY|20261128050000||{kind}|{control}|P|2.5.1\r"
Listening = Callable[..., Any]


def frame(segment: str = "ZDS|1.2.3^RIS", kind: str = "ORU^R01", control: str = "M1") -> bytes:
    content = MSH.format(kind=kind, control=control) + f"PID|1||4711||Secret^Name\r{segment}\r"
    return b"\x0b" + content.encode() + b"\x1c\r"


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listening:
    (tmp_path / "iodeep.toml").write_text("")
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))

    @contextmanager
    def listened(source: str = "", **hl7: Any) -> Iterator[tuple[Hands, int]]:
        port = free_port()
        table = {
            "source": source or f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web",
            "folder": str(tmp_path / "service"),
            "hl7": {"port": port, "timeout": 5, **hl7},
        }
        settings: ServiceSettings = parse(ServiceSettings, table, exact=True)
        hands = hands_for(settings, pacs_of(settings)).of("hl7")
        assert settings.hl7 is not None
        listener = MllpListener(settings.hl7)
        try:
            listener.start(hands, lambda: None)
            yield hands, port
        finally:
            listener.stop()

    return listened


@contextmanager
def connected(
    port: int, tls: ssl.SSLContext | None = None
) -> Iterator[Callable[[bytes], list[str]]]:
    """Says something, and gives the codes of so many answers as there are frames in it."""
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        if tls is not None:
            secure = tls.wrap_socket(connection, server_hostname="localhost")
            connection = stack.enter_context(secure)

        def said(content: bytes) -> list[str]:
            connection.sendall(content)
            answers, wanted = b"", content.count(b"\x1c\r")
            while answers.count(b"\x1c\r") < wanted and (piece := connection.recv(4096)):
                answers += piece
            return [one.split("|")[1] for one in answers.decode().split("\r") if "MSA|" in one]

        yield said


def seen(hands: Hands) -> list[str]:
    return [row["uid"] for row in hands.database.ask("SELECT uid FROM studies ORDER BY uid")]


def test_studies_are_marked(listening: Listening) -> None:
    with listening() as (hands, port), connected(port) as said:
        assert said(frame()) == ["AA"]
        assert seen(hands) == ["1.2.3"]
        two = frame("ZDS|1.2.4", control="M2") + frame("IPC|A|B|1.2.5", "OMI^O23", "M3")
        assert said(two) == ["AA", "AA"]  # in one packet
        half = frame("ZDS|1.2.6")
        assert said(half[:20]) == []
        assert said(half[20:]) == ["AA"]
        assert said(frame("ZDS|1.2.7", "ADT^A01")) == ["AR"]
        assert said(b"\x0bnonsense\x1c\r") == ["AR"]
        assert said(b"between two\r\n" + frame("ZDS|1.2.8")) == ["AA"]
        assert said(frame("NTE|1")) == ["AA"]  # of no study
        assert seen(hands) == ["1.2.3", "1.2.4", "1.2.5", "1.2.6", "1.2.8"]


def test_an_accession_number_is_looked_up(listening: Listening) -> None:
    answer = (
        b'[{"0020000D": {"vr": "UI", "Value": ["1.2.9"]},'
        b' "0020000E": {"vr": "UI", "Value": ["1.2.9.1"]},'
        b' "00080050": {"vr": "SH", "Value": ["A17"]}}]'
    )
    with (
        serving(lambda request: [head(kind="application/dicom+json"), answer]) as server,
        listening(server.source) as (hands, port),
        connected(port) as said,
    ):
        assert said(frame("OBR|1|P1|A17")) == ["AA"]
        assert seen(hands) == ["1.2.9"]
        assert {one.query.get("AccessionNumber") for one in server.requests} == {"A17"}
    with listening() as (hands, port), connected(port) as said:  # a PACS that is away
        assert said(frame("OBR|1|P1|A18")) == ["AE"]
        assert said(frame("ZDS|1.2.10")) == ["AA"]


def test_a_message_without_end(listening: Listening) -> None:
    with listening() as (hands, port):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(b"\x0bMSH|")
            with pytest.raises(OSError):
                for _ in range(1000):
                    connection.sendall(bytes(2**16))
        with connected(port) as said:
            assert said(frame()) == ["AA"]
        assert seen(hands) == ["1.2.3"]


def test_who_says_nothing_keeps_nobody_out_for_ever(listening: Listening) -> None:
    with listening(timeout=0.5) as (_, port):
        silent = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(20)]
        for connection in silent:
            with connection:
                connection.recv(1)  # until it is closed
        with connected(port) as said:
            assert said(frame()) == ["AA"]


def test_who_may_send(listening: Listening) -> None:
    with (
        listening(addresses=["10.1.0.0/16"]) as (hands, port),
        connected(port) as said,
    ):
        with pytest.raises(OSError):
            assert said(frame()) == []
            raise ConnectionError
        assert seen(hands) == []


def heard(port: int, tls: ssl.SSLContext | None) -> list[str]:
    """The code of the answer, if there is one."""
    with suppress(OSError), connected(port, tls) as said:
        return said(frame(control="M9"))
    return []


def test_tls_with_the_right_certificate(listening: Listening, tmp_path: Path) -> None:
    """In messages that are longer than a record of TLS, in pieces, and several in one go."""
    authority, stranger = trustme.CA(), trustme.CA()
    own = authority.issue_cert("localhost")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    files = {"certificate": str(tmp_path / "own.pem"), "ca": str(tmp_path / "ca.pem")}

    def context(issuer: trustme.CA | None, server: trustme.CA = authority) -> ssl.SSLContext:
        made = ssl.create_default_context()
        server.configure_trust(made)
        if issuer is not None:
            issuer.issue_cert("ris.example.org").configure_cert(made)
        return made

    with listening(**files) as (hands, port):
        with connected(port, context(authority)) as said:
            long = frame("OBX|1|TX|||" + "x" * 100_000 + "\rZDS|1.2.3")
            assert said(long) == ["AA"]
            half = frame("ZDS|1.2.4")
            assert said(half[:20]) == []
            assert said(half[20:]) == ["AA"]
            assert said(frame("ZDS|1.2.5") + frame("ZDS|1.2.6") + long) == ["AA"] * 3
        for wrong in (context(stranger), context(None), context(authority, stranger), None):
            assert heard(port, wrong) == []
        assert heard(port, context(authority)) == ["AA"]
        assert seen(hands) == ["1.2.3", "1.2.4", "1.2.5", "1.2.6"]
    with listening(certificate=files["certificate"]) as (_, port):
        assert heard(port, context(None)) == ["AA"]


def test_who_does_not_agree_upon_tls_keeps_nobody_out(listening: Listening, tmp_path: Path) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("localhost")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with listening(certificate=str(tmp_path / "own.pem"), timeout=0.5) as (_, port):
        silent = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(20)]
        for connection in silent:
            with connection:
                connection.recv(1)  # until it is closed
        assert heard(port, trusting) == ["AA"]


def test_certificates_that_cannot_be_used(listening: Listening, tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("no certificate")
    for name in ("own.pem", "no.pem"):
        with (
            pytest.raises(UsageError, match=r"service\.hl7.*PEM"),
            listening(certificate=str(tmp_path / name)),
        ):
            pass


def test_a_port_that_is_taken(listening: Listening) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"), listening(port=port):
            pass
