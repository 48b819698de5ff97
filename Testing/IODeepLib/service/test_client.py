"""The service as others ask it: one that runs beside an Orthanc, and some that answer otherwise."""

from __future__ import annotations

import json
import logging
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from makers.small_studies import small_model, small_study
from pacs.hostile import Request, endless, head, serving
from pacs.proxy import proxy
from pacs.servers import free_port

from IODeepLib.errors import InputError, IODeepError, SourceError, UsageError
from IODeepLib.service import client as client_module
from IODeepLib.service.client import Client, StudySeen, ask, client_of
from IODeepLib.service.states import State
from IODeepLib.sources.settings import Server, Settings, read_settings

PATIENCE = 240  # seconds
TOKENS = {"run": "a-token-that-may-run-0123", "look": "a-token-that-may-look-0123"}
STUDY = "1.2.3"
SEEN = {"uid": STUDY, "state": "done", "tries": 0, "looked": None, "reason": "", "jobs": []}
WEB = """
[service.polling]
every = 86_000

[service.web]
port = {port}

[[service.web.tokens]]
name = "the reading room"
token = "env:IODEEP_RUN"
role = "run"

[[service.web.tokens]]
name = "monitoring"
token = "env:IODEEP_LOOK"
role = "look"

[servers.ours]
url = "service+http://127.0.0.1:{port}"
token = "env:IODEEP_RUN"

[servers.monitoring]
url = "service+http://localhost:{port}"
token = "env:IODEEP_LOOK"
"""


@pytest.fixture
def service(
    configured: Callable[..., Settings],
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[int]:
    """The port of `iodeep serve`, which looks at nothing by itself."""
    for role, token in TOKENS.items():
        monkeypatch.setenv(f"IODEEP_{role.upper()}", token)
    port = free_port()
    twice = tmp_path / "models"
    small_model(twice, "small")
    small_model(twice, "other", applies_to={"modalities": ["CT"]})
    small_model(twice, "others", applies_to={"modalities": ["CT"]})
    configured(WEB.format(port=port), models=twice)
    call = [sys.executable, "-m", "IODeepLib.cli", "serve", "--config", tmp_path / "iodeep.toml"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(call, stderr=log) as process:
        try:
            until(lambda: process.poll() is None and answers(port))
            yield port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    """Whether somebody is there, be it only to refuse."""
    try:
        Client(Server(f"service+http://127.0.0.1:{port}")).study(STUDY)
    except SourceError as error:
        return "does not know who asks" in error.found
    return False


def until(there: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_a_service_runs_a_study(
    service: int, send: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the press of the button to the result, and what is refused on the way."""
    monkeypatch.setattr(client_module, "_PATIENCE", PATIENCE)
    assert read_settings().services == ["monitoring", "ours"]
    assert read_settings().names == ["pacs"]  # no images are sent to a service
    study = small_study()
    ours = client_of("ours")
    with pytest.raises(SourceError, match=f"no images of the study {study.study}"):
        ask(ours, study.study, order=True)
    with pytest.raises(SourceError, match="has not seen the study"):
        ask(ours, study.study, order=False)
    send(study.write(tmp_path / "study"))
    said: list[str] = []
    seen = ask(ours, study.study, order=True, progress=lambda _, words: said.append(words))
    assert said[0] == f"asking http://127.0.0.1:{service}" and "looks at" in said[-1]
    assert [(job.label, job.reason) for job in seen.jobs] == [("small@1.0.0", "")]
    assert seen.state is State.DONE

    def done() -> bool:
        (job,) = ask(ours, study.study, order=False).jobs
        assert job.state not in (State.FAILED, State.CANCELED, State.CHOICE)
        return job.state is State.DONE

    until(done)
    monitoring = client_of(f"http://localhost:{service}")  # an address takes what the file says
    assert [job.state for job in monitoring.study(study.study).jobs] == [State.DONE]
    with pytest.raises(SourceError, match=r"monitoring, who may look; wanted: somebody who may"):
        monitoring.order(study.study)
    with pytest.raises(SourceError, match="does not know who asks"):
        Client(Server(f"service+http://127.0.0.1:{service}", token="another")).order(study.study)

    equal = small_study(1, Modality="CT")
    send(equal.write(tmp_path / "equal"))
    (job,) = ask(ours, equal.study, order=True).jobs
    assert job.state is State.CHOICE
    assert {one.label for one in job.choices} == {"other@1.0.0", "others@1.0.0"}

    unfit = small_study(2, Modality="PT")
    send(unfit.write(tmp_path / "unfit"))
    seen = ask(ours, unfit.study, order=True)
    assert (seen.jobs, seen.state) == ((), State.DONE) and seen.reason


def answered(body: bytes, status: str = "200 OK", kind: str = "application/json", **more: str):
    return lambda _: [head(status, kind, **more), body]


def refusal(status: str, found: str) -> Callable[[Request], list[bytes]]:
    said = {"found": found, "wanted": "w" * 5000, "next": "\x1b[2Jdo that\n\nnow"}
    return answered(json.dumps(said).encode(), status)


def without_end(_: Request) -> Iterator[bytes]:
    yield head(kind="application/json")
    yield from endless(b" ")


MANY = [{"uid": "1", "state": "done", "label": "x" * 900}] * 5000
ANSWERS = {
    "a login page": (answered(b"<html>Log in</html>", kind="text/html"), "answered with text/html"),
    "no JSON": (answered(b"[{"), "JSON that is none"),
    "no UTF-8": (answered(b'{"uid": "\xff"}'), "JSON that is none"),
    "another JSON": (answered(b"[1, 2]"), "JSON that is none"),
    "a state that there is not": (
        answered(json.dumps(SEEN | {"state": "perfect"}).encode()),
        "JSON that is none",
    ),
    "deep": (answered(b"[" * 100_000 + b"]" * 100_000), "JSON that is none"),
    "another study": (answered(json.dumps(SEEN | {"uid": "1.2"}).encode()), "another study"),
    "too long": (answered(json.dumps(SEEN | {"jobs": MANY}).encode()), "bytes in one answer"),
    "endless": (without_end, "bytes in one answer"),
    "elsewhere": (
        answered(b"", "302 Found", Location="http://127.0.0.1:9/login?token=x"),
        "answered 302 Found, that it is at http://127.0.0.1:9/login;",
    ),
    "500": (answered(b"oh", "500 Internal Server Error", "text/plain"), "answered 500"),
    "404, of another server": (answered(b"no", "404 Not Found", "text/html"), "answered 404"),
    "401": (answered(b"", "401 Unauthorized", "text/html"), "does not know who asks"),
    "refused": (refusal("409 Conflict", "a cat"), "a cat; wanted: w"),
    "refused, with a secret": (refusal("503 X", f"I know {TOKENS['run']}"), r"I know \*\*\*;"),
    "nothing": (lambda _: [], "broke"),
    "half": (lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], "answer"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_answers_ends_in_one_line(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    respond, words = ANSWERS[name]
    with serving(respond) as hostile:
        asked = Client(Server(f"service+http://127.0.0.1:{hostile.port}", token=TOKENS["run"]))
        for call in (asked.order, asked.study):
            with pytest.raises(IODeepError, match=words) as found:
                call(STUDY)
            line = str(found.value)
            assert "\n" not in line and "\x1b" not in line and len(line) < 2500
            assert TOKENS["run"] not in line + caplog.text
        methods = {request.head.split()[0] for request in hostile.requests}
        assert methods == {"POST", "GET"}
        sent = {request.path for request in hostile.requests}
        assert sent == {f"/api/v1/studies/{STUDY}"}  # nobody else was asked, and nothing else


def test_texts_of_an_answer_command_nothing() -> None:
    job = {"state": "failed", "label": "a\x1b[2J\u202eb", "reason": "two\nlines", "x": 1}
    body = json.dumps(SEEN | {"jobs": [job], "more": {}}).encode()
    with serving(answered(body)) as hostile:
        (seen,) = Client(Server(f"service+http://127.0.0.1:{hostile.port}")).study(STUDY).jobs
    assert (seen.label.isprintable(), seen.reason.isprintable()) == (True, True)


def test_certificates_are_checked() -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    body = json.dumps(SEEN).encode()
    with (
        serving(answered(body)) as hostile,
        proxy(hostile.port, lambda number: None, context) as guard,
        authority.cert_pem.tempfile() as pem,
    ):
        url = f"service+https://127.0.0.1:{guard.port}"
        assert Client(Server(url, ca=pem)).study(STUDY) == StudySeen(STUDY, State.DONE)
        with pytest.raises(SourceError, match="do not trust each other"):
            Client(Server(url, token=TOKENS["run"])).study(STUDY)
        assert len(hostile.requests) == 1


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("nobody", InputError, "'nobody' is no service"),
        ("", InputError, "is no service"),
        ("pacs", InputError, "is no service"),
        ("dicomweb+http://127.0.0.1:9", InputError, "is no service"),
        ("dimse://A@127.0.0.1:9", UsageError, "a user"),
        ("http://me:secret@127.0.0.1:9", UsageError, "a user, a password"),
        ("http://127.0.0.1:9/?token=secret", UsageError, "a query"),
        ("http://", UsageError, "the address"),
        ("http://127.0.0.1:x", UsageError, "the address"),
    ],
)
def test_what_is_no_service(
    configured: Callable[..., Settings], words: str, error: type[Exception], said: str
) -> None:
    configured()
    with pytest.raises(error, match=said) as found:
        client_of(words)
    assert "secret" not in str(found.value)


def test_nobody_listens_and_no_uid() -> None:
    nobody = Client(Server(f"service+http://127.0.0.1:{free_port()}"))
    with pytest.raises(SourceError, match="cannot be reached"):
        nobody.order(STUDY)
    with pytest.raises(UsageError, match="a UID"):
        nobody.order("../jobs")


def test_who_waits_in_vain_gets_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_PATIENCE", 0.3)
    monkeypatch.setattr(client_module, "_BETWEEN", 0.1)
    body = json.dumps(SEEN | {"state": "waiting"}).encode()
    with serving(answered(body)) as slow:
        asked = Client(Server(f"service+http://127.0.0.1:{slow.port}"))
        seen = ask(asked, STUDY, order=True)
        assert seen.is_looked_at and len(slow.requests) > 1
        before = len(slow.requests)
        assert ask(asked, STUDY, order=False).is_looked_at
        assert len(slow.requests) == before + 1


def test_it_needs_nothing_of_the_extra() -> None:
    """Slicer's Python has no server."""
    probe = "import sys, IODeepLib.service.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert {"fastapi", "uvicorn", "starlette", "pydantic"}.isdisjoint(done.stdout.split())
