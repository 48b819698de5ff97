"""Work on several files at once: progress and errors come to the caller's thread."""

from __future__ import annotations

import threading
import time

import pytest

from IODeepLib.machine.parallel import in_order, in_parallel
from IODeepLib.machine.progress import Advance


def test_results_come_in_order_and_reports_in_the_callers_thread() -> None:
    reports = []

    def job(number: int):
        def work(advance: Advance) -> int:
            for _ in range(number):
                advance(number)
            return number

        return work

    def advance(count: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        reports.append(count)

    assert in_parallel([job(n) for n in range(20)], advance) == list(range(20))
    assert sum(reports) == sum(n * n for n in range(20))
    assert in_parallel([], advance) == []


def test_what_the_report_raises_stops_all_jobs() -> None:
    def endless(advance: Advance) -> None:
        while True:
            advance(1)

    def refuse(count: int) -> None:
        if count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parallel([endless] * 20, refuse)


def test_one_failing_job_stops_the_others_and_its_error_is_raised() -> None:
    started = threading.Event()

    def endless(advance: Advance) -> None:
        while True:
            started.set()
            advance(1)

    def failing(advance: Advance) -> None:
        started.wait()
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        in_parallel([endless, failing, *[endless] * 20], lambda count: None)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_results_come_in_order_and_never_far_ahead(threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    begun = []

    def work(number):
        begun.append(number)
        time.sleep(0.001 * (number % 3))
        return number * number

    for taken, result in enumerate(in_order(work, range(40))):
        assert result == taken**2
        assert len(begun) <= taken + 2 + 2 * int(threads)
    assert sorted(begun) == list(range(40))


@pytest.mark.parametrize("threads", ["1", "3"])
def test_what_fails_is_raised_in_its_place(threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    results = in_order(lambda number: 12 // (3 - number), range(9))
    assert [next(results) for _ in range(3)] == [4, 6, 12]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_nothing_runs_on_when_nobody_wants_more(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    begun = []
    results = in_order(begun.append, range(1000))
    next(results)
    results.close()
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count < 20
