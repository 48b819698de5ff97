"""The page and the API on a real port, with and without TLS, as a part of a service."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import trustme
from msgspec.structs import replace as changed
from pacs.servers import free_port
from web_client import bearer

from IODeepLib.errors import OutputError, UsageError
from IODeepLib.service.database import Database
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.log import LOGGER
from IODeepLib.service.service import Service
from IODeepLib.service.states import State
from IODeepLib.service.web import known_models, limits, patience
from IODeepLib.service.web.listener import WebListener
from IODeepLib.service.web.settings import Role, Token, WebSettings

KNOWN = "0123456789-abcdefghi"


def ring() -> None:
    """Nobody is at the bell."""


def test_a_service_listens_until_it_ends(hands: Hands, tmp_path: Path) -> None:
    port = free_port()
    listener = WebListener(tmp_path / "iodeep.toml", WebSettings(port=port))
    service = Service(hands, [], [listener])
    working = threading.Thread(target=service.work)
    working.start()
    try:
        answer = httpx2.get(f"http://127.0.0.1:{port}/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "works"})
        another = WebListener(tmp_path / "iodeep.toml", WebSettings(port=port))
        with pytest.raises(UsageError, match=rf"service\.web\.port: 127\.0\.0\.1:{port} cannot"):
            another.start(hands, ring)
        another.stop()
    finally:
        service.end()
        working.join()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/healthz")


def test_with_tls(hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", KNOWN)
    ca, port = trustme.CA(), free_port()
    pem = tmp_path / "certificate.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    tokens = (Token("a program", "env:TOKEN", Role.RUN),)
    listener = WebListener(
        tmp_path / "iodeep.toml", WebSettings(port=port, certificate=str(pem), tokens=tokens)
    )
    listener.start(hands, ring)
    try:
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        with httpx2.Client(verify=context, headers=bearer(KNOWN)) as client:
            answer = client.get(f"https://127.0.0.1:{port}/api/v1/jobs")
        assert answer.json() == {"jobs": [], "next": None}
        assert "strict-transport-security" in answer.headers
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(f"http://127.0.0.1:{port}/healthz")
    finally:
        listener.stop()


def test_what_no_client_of_http_would_send(hands: Hands, tmp_path: Path) -> None:
    port = free_port()
    listener = WebListener(tmp_path / "iodeep.toml", WebSettings(port=port))
    listener.start(hands, ring)
    try:
        for sent in (
            b"\0" * 100 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET http://evil/ HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(sent)
                assert connection.recv(1000).startswith(b"HTTP/1.1 4"), sent[:60]
        assert httpx2.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    finally:
        listener.stop()


def test_who_sends_a_byte_now_and_then_is_not_waited_for(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.3)
    monkeypatch.setattr(limits, "SECONDS", 0.3)
    port = free_port()
    listener = WebListener(tmp_path / "iodeep.toml", WebSettings(port=port))
    listener.start(hands, ring)
    whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    asks = (
        b"POST /api/v1/jobs/1.2/choose HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{"
    )
    try:
        for sent, status in ((b"", b""), (b"GET / HT", b""), (whole, b"200"), (asks, b"408")):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(sent)
                answer = b""
                while more := connection.recv(10_000):  # until the other side has ended it
                    answer += more
                assert answer[9:12] == status, sent
    finally:
        listener.stop()


def test_the_log_names_no_study(
    client: Callable[..., httpx2.Client],
    jobs: dict[State, Job],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO, LOGGER)

    def fault(self: object) -> None:
        raise ZeroDivisionError("of Jane Doe")

    monkeypatch.setattr(known_models.KnownModels, "all", fault)
    asked = client()
    for path in ("/api/v1/studies/1.2.3", f"/jobs/{jobs[State.DONE].uid}", "/healthz", "/a/1.2.3"):
        asked.get(path)
    asked.post("/api/v1/studies/1.2.3")
    answer = asked.get("/api/v1/models")
    assert (answer.status_code, "Jane" in answer.text) == (500, False)
    lines = [json.loads(record.message) for record in caplog.records]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(one["method"], one.get("route"), one["status"]) for one in requests] == [
        ("GET", "/api/v1/studies/{uid}", 200),
        ("GET", "/jobs/{uid}", 200),
        ("GET", None, 404),
        ("POST", "/api/v1/studies/{uid}", 502),
        ("GET", "/api/v1/models", 500),
    ]
    (told,) = [line for line in lines if line["event"] == "fault"]
    assert (told["kind"], told["where"].partition(":")[0]) == (
        "ZeroDivisionError",
        "test_listener.py",
    )
    assert "1.2.3" not in caplog.text
    assert "Jane" not in caplog.text


def test_health(client: Callable[..., httpx2.Client], hands: Hands, tmp_path: Path) -> None:
    asked = client()
    assert asked.get("/healthz").json() == {"status": "works"}
    pages = hands.database.ask("PRAGMA page_count")[0][0]
    assert pages
    hands.ending.set()
    answer = asked.get("/healthz")
    assert (answer.status_code, answer.json()["why"]) == (503, "the service ends")


def test_a_queue_that_cannot_be_written(
    client: Callable[..., httpx2.Client], hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Database) -> None:
        raise OutputError("/secret/place is full", "room", "make room")

    monkeypatch.setattr(Database, "transaction", full)
    answer = client().get("/healthz")
    assert (answer.status_code, answer.json()["why"]) == (503, "the queue cannot be written")


def test_figures_for_prometheus(
    client: Callable[..., httpx2.Client], hands: Hands, jobs: dict[State, Job]
) -> None:
    for seconds in (0.5, 1.0, 45.0, 90_000.0):
        hands.durations.add(seconds)
    text = client().get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert {lines[f'iodeep_jobs{{state="{state.value}"}}'] for state in State} == {"1.0"}
    assert lines["iodeep_studies_waiting"] == "1.0"
    assert float(lines["iodeep_disk_free_bytes"]) > 0
    assert lines['iodeep_run_seconds_bucket{le="1.0"}'] == "2.0"
    assert lines['iodeep_run_seconds_bucket{le="60.0"}'] == "3.0"
    assert lines['iodeep_run_seconds_bucket{le="+Inf"}'] == lines["iodeep_run_seconds_count"]
    assert lines["iodeep_run_seconds_sum"] == "90046.5"
    assert "1.2.3" not in text
    assert "<script>" not in text


def test_the_file_is_named_where_a_port_is_taken(hands: Hands, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = changed(WebSettings(), port=taken.getsockname()[1])
        listener = WebListener(tmp_path / "iodeep.toml", settings)
        with pytest.raises(UsageError, match=r"iodeep\.toml"):
            Service(replace(hands), [], [listener]).work()
