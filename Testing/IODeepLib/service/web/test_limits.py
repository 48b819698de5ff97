"""Who asks for too much at once waits, and who sends too much is sent away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from web_client import BROWSER, Client

from IODeepLib.service.job import Job
from IODeepLib.service.states import State
from IODeepLib.service.web import rates
from IODeepLib.service.web.limits import ANY, LOGIN, MOST_BYTES
from IODeepLib.service.web.rates import Rates
from IODeepLib.service.web.sessions import Sessions


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_guessing_tokens_takes_for_ever(closed: Client) -> None:
    answers = [closed.sign_in("a guess").status_code for _ in range(LOGIN.at_once)]
    assert set(answers) == {403}
    answer = closed.post("/login", data={"token": "a guess"}, headers=BROWSER)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 1 / LOGIN.each_second
    assert closed.get("/healthz").status_code == 200


def test_an_address_may_ask_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, monitored = Clock(), "10.0.0.1"
    meter = Rates(clock)
    waits = [meter.wait(monitored, ANY) for _ in range(ANY.at_once + 1)]
    assert waits == [0] * ANY.at_once + [1]
    assert meter.wait("10.0.0.2", ANY) == 0
    assert meter.wait(monitored, LOGIN) == 0
    clock.seconds += 1
    waits = [meter.wait(monitored, ANY) for _ in range(int(ANY.each_second) + 1)]
    assert waits == [0] * int(ANY.each_second) + [1]
    clock.seconds += 10**6
    assert meter.wait(monitored, ANY) == 0
    monkeypatch.setattr(rates, "_MOST_ADDRESSES", 100)
    for number in range(200):
        meter.wait(f"10.1.0.{number}", ANY)
    assert len(meter._left) == 100


def test_bodies_that_are_too_long(client: Callable[..., Client], jobs: dict[State, Job]) -> None:
    """Whether they say so before or not."""

    def chunks() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 10_000 + 1):
            yield b"x" * 10_000

    page = client()
    uid = jobs[State.CHOICE].uid
    for path in (f"/api/v1/jobs/{uid}/choose", f"/api/v1/jobs/{uid}/cancel", "/nothing"):
        answer = page.post(path, content=b"x" * (MOST_BYTES + 1))
        assert answer.status_code == 413, path
    answer = page.post(f"/api/v1/jobs/{uid}/choose", content=chunks())
    assert (answer.status_code, answer.json()["wanted"]) == (413, "a shorter body")
    page.get("/")
    assert page.post(f"/jobs/{uid}/choose", content=chunks(), headers=BROWSER).status_code == 413
    for wrong in ("-1", "1e3", "\xb2"):
        headers = {"Content-Length": wrong.encode("latin-1")}
        assert page.post(f"/api/v1/jobs/{uid}/again", headers=headers).status_code == 413


def test_sessions_end_and_are_never_too_many() -> None:
    clock = Clock()
    sessions = Sessions(3, 60.0, clock)
    made = [sessions.begin() for _ in range(4)]
    assert [sessions.find(one.key) for one in made] == [None, *made[1:]]
    assert sessions.find(None) is None
    sessions.end(made[1].key)
    sessions.end("nobody's")
    assert sessions.find(made[1].key) is None
    clock.seconds += 60
    assert sessions.find(made[3].key) is None
