"""Work on several files at once: progress and errors come to the caller's thread."""

from __future__ import annotations

import threading

import pytest

from IODeepLib.parallel import Report, in_parallel


def test_results_come_in_order_and_reports_in_the_callers_thread() -> None:
    reports = []

    def job(number: int):
        def work(report: Report) -> int:
            for _ in range(number):
                report(number)
            return number

        return work

    def report(count: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        reports.append(count)

    assert in_parallel([job(n) for n in range(20)], report) == list(range(20))
    assert sum(reports) == sum(n * n for n in range(20))
    assert in_parallel([], report) == []


def test_what_the_report_raises_stops_all_jobs() -> None:
    def endless(report: Report) -> None:
        while True:
            report(1)

    def refuse(count: int) -> None:
        if count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parallel([endless] * 20, refuse)


def test_one_failing_job_stops_the_others_and_its_error_is_raised() -> None:
    started = threading.Event()

    def endless(report: Report) -> None:
        while True:
            started.set()
            report(1)

    def failing(report: Report) -> None:
        started.wait()
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        in_parallel([endless, failing, *[endless] * 20], lambda count: None)
