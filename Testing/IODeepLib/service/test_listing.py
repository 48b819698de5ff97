"""What is in the queue, in pages, and by hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from IODeepLib.errors import UsageError
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.listing import Listing
from IODeepLib.service.states import State
from IODeepLib.service.web.plot import plot

JOB = Job(study="1.2.3", series="1.2.3.4", content="abc", model="2.25.7", label="liver@1.0.0")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "queue.db")


def add(database: Database, *jobs: Job) -> None:
    with database.transaction() as execute:
        Jobs(database).add(execute, jobs)


def end(database: Database, job: Job, state: State, when: str) -> None:
    values = {"uid": job.uid, "state": state, "when": when}
    database.ask("UPDATE jobs SET state = :state, ended = :when WHERE uid = :uid", values)


def test_nothing_is_there(database: Database) -> None:
    listing = Listing(database)
    assert listing.jobs_by_state() == dict.fromkeys(State, 0)
    assert listing.jobs(None, 10) == listing.next_jobs(10) == []
    assert listing.study("1.2.3") is None
    with pytest.raises(UsageError, match=r"no job 1\.2\.3"):
        listing.jobs(None, 10, "1.2.3")


def test_in_the_order_of_the_queue(database: Database) -> None:
    made = [replace(JOB, model=f"2.25.{n}", priority=n % 2) for n in range(4)]
    for job in made:
        add(database, job)
    listed = Listing(database).next_jobs(10)
    assert [job.priority for job in listed] == [1, 1, 0, 0]
    taken = Jobs(database, "one").next_to_run()
    assert taken is not None
    assert taken.uid == listed[0].uid


def test_the_last_hours(database: Database) -> None:
    made = [replace(JOB, model=f"2.25.{n}") for n in range(5)]
    add(database, *made)
    for job, state, when in zip(
        made,
        [State.DONE, State.DONE, State.FAILED, State.CANCELED, State.DONE],
        ["02:00:00", "02:59:59", "03:10:00", "03:11:00", "00:59:59"],
        strict=True,
    ):
        end(database, job, state, f"2026-11-28T{when}.000+00:00")
    hours = Listing(database).hours(3, datetime(2026, 11, 28, 3, 30, tzinfo=UTC))
    assert [(one.begins.hour, one.done, one.failed) for one in hours] == [
        (1, 0, 0),
        (2, 2, 0),
        (3, 0, 1),
    ]
    ended = Listing(database).ended_jobs(State.DONE, 2)
    assert [job.model for job in ended] == ["2.25.1", "2.25.0"]
    drawn = plot(hours)
    assert drawn.words == "In the last 3 hours: 2 jobs done, 1 failed."
    first, second, third = drawn.bars
    assert first.done[1] == first.failed[1] == 0
    assert (second.done[1], third.failed[1]) == (130.0, 65.0)
    assert [count for _, count in drawn.lines] == [0, 1, 2]


@pytest.mark.parametrize(("most", "top"), [(0, 2), (2, 2), (3, 10), (11, 20), (51, 100)])
def test_heights_are_round(most: int, top: int, database: Database) -> None:
    hours = Listing(database).hours(2, datetime(2026, 11, 28, tzinfo=UTC))
    drawn = plot([hours[0], hours[1]._replace(done=most)])
    assert drawn.lines[-1] == (10.0, top)
    assert drawn.bars[1].done[1] == pytest.approx(130 * most / top, abs=0.1)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM jobs WHERE state = 'failed' ORDER BY number DESC LIMIT 50",
        "SELECT * FROM jobs WHERE state = 'waiting' ORDER BY priority DESC, number LIMIT 50",
        "SELECT * FROM jobs WHERE state = 'done' AND ended IS NOT NULL AND later = ''"
        " ORDER BY ended DESC LIMIT 9",
        "SELECT * FROM jobs WHERE number < 7 ORDER BY number DESC LIMIT 50",
        "SELECT state, count(*) FROM jobs GROUP BY state",
    ],
)
def test_nothing_is_sorted_or_read_whole(statement: str, database: Database) -> None:
    """A hundred thousand jobs may wait."""
    steps = [row["detail"] for row in database.ask(f"EXPLAIN QUERY PLAN {statement}")]
    assert all("USING" in step and "INDEX" in step for step in steps), steps
    assert not [step for step in steps if "TEMP B-TREE" in step]
