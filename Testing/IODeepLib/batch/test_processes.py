"""Whatever becomes of a process that reads studies, it is known, and the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import psutil

from IODeepLib.batch.processes import Processes
from IODeepLib.batch.terms import Asked, Outcome, Task

MINUTES = 5.0


def tasks(number: int) -> Iterator[Task]:
    return (Task(f"1.2.{i}", f"content {i}") for i in range(number))


def alive(marks: Path) -> list[int]:
    return [int(one.name) for one in marks.iterdir() if psutil.pid_exists(int(one.name))]


def test_each_task_is_done_once(child: Callable[[str], Path], asked: Callable[..., Asked]) -> None:
    marks = child("does nothing")
    records = list(Processes(asked(), 2, MINUTES).records(tasks(50)))
    assert sorted(one.study for one in records) == sorted(f"1.2.{i}" for i in range(50))
    assert {one.content for one in records} == {f"content {i}" for i in range(50)}
    assert 1 <= len(list(marks.iterdir())) <= 2  # they stay
    assert not alive(marks)


def test_tasks_are_taken_as_they_are_needed(
    child: Callable[[str], Path], asked: Callable[..., Asked]
) -> None:
    marks = child("does nothing")
    taken: list[int] = []
    endless = (Task(f"1.2.{i}", "") for i in count() if not taken.append(i))
    with closing(Processes(asked(), 2, MINUTES).records(endless)) as records:
        assert len(list(islice(records, 10))) == 10
    assert len(taken) < 20
    assert not alive(marks)


def test_a_study_that_kills_three_processes(
    child: Callable[[str], Path], asked: Callable[..., Asked]
) -> None:
    marks = child("crashes")
    (record,) = Processes(asked(), 2, MINUTES).records(tasks(1))
    assert record.outcome is Outcome.FAILED
    (trouble,) = record.troubles
    assert trouble.reason == "its process died 3 times (SIGSEGV): of Secret^Name"
    assert trouble.group == "its process died 3 times (SIGSEGV)"
    assert len(list(marks.iterdir())) == 3


def test_a_study_without_an_end(child: Callable[[str], Path], asked: Callable[..., Asked]) -> None:
    marks = child("hangs")
    (record,) = Processes(asked(), 1, 0.01).records(tasks(1))
    assert record.troubles[0].reason == "it took longer than 0.01 minutes"
    assert len(list(marks.iterdir())) == 1  # it is not tried again
    assert not alive(marks)


def test_whoever_wants_no_more_ends_them(
    child: Callable[[str], Path], asked: Callable[..., Asked], monkeypatch
) -> None:
    marks = child("hangs")
    monkeypatch.setattr("IODeepLib.batch.processes._PATIENCE", 0.1)

    def watched() -> Iterator[Task]:
        yield from tasks(2)
        while len(list(marks.iterdir())) < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt

    try:
        list(Processes(asked(), 2, MINUTES).records(watched()))
    except KeyboardInterrupt:
        assert not alive(marks)
    else:
        raise AssertionError
