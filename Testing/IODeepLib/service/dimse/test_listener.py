"""Who is let in on the port, and what becomes of those who are not, say nothing or say nonsense."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from IODeepLib.errors import UsageError

Serving = Callable[..., Any]
HERE = {"aet": "CT1", "addresses": ["127.0.0.0/8"]}


@contextmanager
def called(
    port: int, title: str = "CT1", ours: str = "IODEEP", tls: ssl.SSLContext | None = None
) -> Iterator[Any]:
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    entity.add_requested_context(Verification)
    arguments = (tls, "localhost") if tls else None
    association = entity.associate("127.0.0.1", port, ae_title=ours, tls_args=arguments)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def echoes(port: int, *title: str, **how: Any) -> bool:
    with called(port, *title, **how) as association:
        return bool(association.is_established and association.send_c_echo().get("Status") == 0)


def test_who_is_known_is_let_in(serving: Serving) -> None:
    elsewhere = {"aet": "MR1", "addresses": ["10.1.0.0/16"]}
    with serving(callers=[HERE, elsewhere]) as (_, port):
        assert echoes(port)
        assert not echoes(port, "MR1")  # not from here
        assert not echoes(port, "OTHER")
        assert not echoes(port, "CT1", "WRONG")
    with serving(callers=[elsewhere]) as (_, port):
        assert not echoes(port)
    with serving() as (_, port):
        assert echoes(port, "ANYBODY")


def test_tls_with_the_right_certificate(serving: Serving, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    own = authority.issue_cert("localhost", "127.0.0.1")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    files = {"certificate": str(tmp_path / "own.pem"), "ca": str(tmp_path / "ca.pem")}

    def context(issuer: trustme.CA | None) -> ssl.SSLContext:
        made = ssl.create_default_context()
        authority.configure_trust(made)
        if issuer is not None:
            issuer.issue_cert("client.example.org").configure_cert(made)
        return made

    with serving(**files) as (_, port):
        assert echoes(port, tls=context(authority))
        assert not echoes(port, tls=context(stranger))
        assert not echoes(port, tls=context(None))
        assert not echoes(port)
    with serving(certificate=files["certificate"]) as (_, port):
        assert echoes(port, tls=context(None))


def test_certificates_that_cannot_be_used(serving: Serving, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"service\.dimse.*PEM"), serving(certificate="no.pem"):
        pass
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "no key.pem")
    with (
        pytest.raises(UsageError, match=r"service\.dimse"),
        serving(certificate=str(tmp_path / "no key.pem")),
    ):
        pass


def test_a_port_that_is_taken(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"), serving(port=port):
            pass


def test_so_many_at_once(serving: Serving) -> None:
    with serving(associations=3) as (_, port), ExitStack() as stack:
        for _ in range(3):
            association = stack.enter_context(called(port))
            assert association.send_c_echo().Status == 0
        assert not echoes(port)
        association.release()
        ends = time.monotonic() + 30
        while not echoes(port):
            assert time.monotonic() < ends


@pytest.mark.parametrize(
    "words", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\xff\xff\xff\xff", bytes(100), b"\x04" * 99]
)
def test_who_says_nothing_or_nonsense_keeps_nobody_out(serving: Serving, words: bytes) -> None:
    """Forty of them stay on the line."""
    with serving() as (_, port), ExitStack() as stack:
        for _ in range(40):
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            silent.sendall(words)
        assert echoes(port)


def test_it_ends_at_once_whoever_is_there(serving: Serving) -> None:
    with ExitStack() as stack:
        with serving() as (_, port):
            association = stack.enter_context(called(port))
            assert association.send_c_echo().Status == 0
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        ends = time.monotonic() + 30
        while association.is_established:
            assert time.monotonic() < ends
            time.sleep(0.01)
