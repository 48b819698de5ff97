"""When a server that does not come to an end is given up."""

from __future__ import annotations

import pytest

from IODeepLib.errors import SourceError
from IODeepLib.sources import limits
from IODeepLib.sources.archive import StalledError
from IODeepLib.sources.limits import SLOWEST, TIMEOUTS, TimeLimit


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def passes(clock: list[float], waiting: TimeLimit, seconds: int, each_second: int) -> None:
    for _ in range(seconds):
        clock[0] += 1
        if each_second:
            waiting.moved(each_second)
        waiting.check()


def test_silence(clock: list[float]) -> None:
    waiting = TimeLimit("pacs", 5)
    passes(clock, waiting, 5, 0)
    with pytest.raises(StalledError, match="pacs has said nothing for 5 seconds"):
        passes(clock, waiting, 1, 0)


@pytest.mark.parametrize("each_second", [1, 100, 1_000, SLOWEST // 2])
def test_too_little_at_a_time(clock: list[float], each_second: int) -> None:
    waiting = TimeLimit("pacs", 5)
    with pytest.raises(SourceError, match="has not come to an end") as raised:
        passes(clock, waiting, 10 * TIMEOUTS * 5, each_second)
    assert type(raised.value) is SourceError  # it is not tried again


def test_a_slow_line_that_moves_on(clock: list[float]) -> None:
    passes(clock, TimeLimit("pacs", 5), 100_000, 2 * SLOWEST)
