"""A service is asked by a process of its own, which finds the token itself."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from IODeepSlicer.sources.servers import serviceNames
from IODeepSlicer.work.asking import Asking
from IODeepSlicer.work.worker_process import State
from pacs.hostile import head, serving

from IODeepLib.errors import IODeepError

TOKEN = "a-token-that-may-run-0123"  # noqa: S105
STUDY = "1.2.3"
SEEN = {"uid": STUDY, "state": "done", "reason": "", "jobs": [{"state": "waiting", "label": "a@1"}]}


def wait(asking: Asking) -> None:
    until = time.monotonic() + 120
    while asking.poll() is State.RUNNING:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("order", [True, False])
def test_the_answer_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: bool
) -> None:
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    monkeypatch.setenv("HOSPITAL", TOKEN)
    body = json.dumps(SEEN).encode()
    with serving(lambda _: [head(kind="application/json"), body]) as service:
        (tmp_path / "iodeep.toml").write_text(
            f'[servers.hospital]\nurl = "service+http://127.0.0.1:{service.port}"\n'
            'token = "env:HOSPITAL"\n[servers.pacs]\nurl = "dicomweb+http://127.0.0.1:9"\n'
        )
        assert serviceNames() == (["hospital"], "")
        asking = Asking(sys.executable, "hospital", STUDY, order=order)
        wait(asking)
        (job,) = asking.outcome().jobs
        (asked,) = service.requests
    assert (job.label, str(job.state)) == ("a@1", "waiting")
    assert asked.head.startswith("POST" if order else "GET")
    assert f"Authorization: Bearer {TOKEN}" in asked.head
    assert TOKEN not in asking.log


def test_what_goes_wrong_is_one_line_without_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    monkeypatch.setenv("HOSPITAL", TOKEN)
    said = json.dumps({"found": f"who is {TOKEN}?", "wanted": "x", "next": "y"}).encode()
    with serving(lambda _: [head("409 Conflict", "application/json"), said]) as service:
        (tmp_path / "iodeep.toml").write_text(
            f'[servers.hospital]\nurl = "service+http://127.0.0.1:{service.port}"\n'
            'token = "env:HOSPITAL"\n'
        )
        asking = Asking(sys.executable, "hospital", STUDY, order=True)
        wait(asking)
    with pytest.raises(IODeepError, match=r"who is \*\*\*\?") as found:
        asking.outcome()
    assert TOKEN not in str(found.value) + asking.log


def test_it_is_ended_while_nobody_answers() -> None:
    def silent(_: object) -> list[bytes]:
        time.sleep(120)
        return []

    with serving(silent) as service:
        asking = Asking(sys.executable, f"http://127.0.0.1:{service.port}", STUDY, order=True)
        until = time.monotonic() + 120
        while not service.requests and asking.poll() is State.RUNNING:
            assert time.monotonic() < until
            time.sleep(0.02)
        asking.cancel()
    assert asking.poll() is State.CANCELLED


def test_settings_that_are_of_no_use_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    (tmp_path / "iodeep.toml").write_text("[servers")
    names, problem = serviceNames()
    assert names == [] and "iodeep.toml" in problem
