"""Jobs are taken once, in order, and go back or end whatever becomes of who took them."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from IODeepLib.errors import OutputError, UsageError
from IODeepLib.service import orders, waits
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs, Output
from IODeepLib.service.owners import Owner
from IODeepLib.service.queue import MOST_CRASHES, MOST_REFUSALS
from IODeepLib.service.schema import VERSIONS
from IODeepLib.service.states import State, UpsState
from IODeepLib.service.studies import Studies
from IODeepLib.text.foreign import is_uid

JOB = Job(study="1.2.3", series="1.2.3.4", content="abc", model="2.25.7", label="liver@1.0.0")
OUTPUT = Output("segmentation.dcm", "1.2.840.10008.5.1.4.1.1.66.4", "2.25.1", "2.25.2")


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock(50_000.0)


@pytest.fixture
def database(tmp_path: Path, clock: Clock) -> Database:
    return Database(tmp_path / "service" / "queue.db", clock)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, "one")


@pytest.fixture
def studies(database: Database) -> Studies:
    return Studies(database, "one")


def add(database: Database, *jobs: Job) -> list[Job]:
    with database.transaction() as execute:
        return Jobs(database).add(execute, jobs)


def see(database: Database, uid: str) -> None:
    with database.transaction() as execute:
        Studies(database).seen(execute, uid)


def test_a_job_from_its_beginning_to_its_end(database: Database, jobs: Jobs) -> None:
    assert add(database, JOB) == [JOB]
    waiting = jobs.job(JOB.uid)
    assert (waiting.state, waiting.ups_state) == (State.WAITING, UpsState.SCHEDULED)
    job = jobs.next_to_run()
    assert job is not None
    assert (job.state, job.ups_state, job.attempts) == (State.RUNNING, UpsState.IN_PROGRESS, 1)
    jobs.report(job, 0.5, "running the network")
    assert jobs.job(job.uid).fraction == 0.5
    assert jobs.has_result(job, [OUTPUT, OUTPUT._replace(uid="2.25.3")])
    storing = jobs.next_to_store()
    assert storing is not None
    assert jobs.next_to_store() is None
    first, second = jobs.outputs(storing)
    jobs.is_stored(storing, first)
    assert [output.stored is None for output in jobs.outputs(storing)] == [False, True]
    assert second.uid == "2.25.3"
    assert jobs.done(storing)
    done = jobs.job(job.uid)
    assert (done.state, done.ups_state, done.fraction) == (State.DONE, UpsState.COMPLETED, 1.0)
    assert done.created <= (done.started or "") <= (done.ended or "")
    assert jobs.next_to_run() is None


def test_the_same_work_is_one_job(database: Database, jobs: Jobs) -> None:
    other = [
        replace(JOB, study="1.2.4"),
        replace(JOB, series="1.2.3.5"),
        replace(JOB, volume="echo 1 of 2"),
        replace(JOB, content="abcd"),
        replace(JOB, model="2.25.8"),
    ]
    same = replace(JOB, rule="another", priority=2, products=("seg",))
    uids = {job.uid for job in [JOB, *other]}
    assert len(uids) == 6
    assert all(map(is_uid, uids))
    assert same.uid == JOB.uid
    assert add(database, JOB, same) == [JOB]
    assert add(database, same) == []
    assert jobs.job(JOB.uid).rule == JOB.rule


def test_what_comes_first(database: Database, jobs: Jobs) -> None:
    late, urgent = replace(JOB, model="2.25.1"), replace(JOB, model="2.25.2", priority=2)
    add(database, JOB)
    add(database, late)
    add(database, urgent)
    taken = [jobs.next_to_run() for _ in range(4)]
    assert [job and job.uid for job in taken] == [urgent.uid, JOB.uid, late.uid, None]


MINUTES = (0, 419, 420, 479, 480, 720, 1079, 1080, 1139, 1140, 1439)


@pytest.mark.parametrize(
    ("hours", "open_at"),
    [
        ((0, 0), [*MINUTES]),
        ((480, 1080), [480, 720, 1079]),
        ((1140, 420), [0, 419, 1140, 1439]),
    ],
)
def test_hours(
    hours: tuple[int, int],
    open_at: list[int],
    database: Database,
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(database, replace(JOB, opens=hours[0], closes=hours[1]))
    taken = []
    for minute in MINUTES:
        time = datetime(2026, 11, 28, minute // 60, minute % 60).astimezone()
        monkeypatch.setattr("IODeepLib.service.jobs.local_time", lambda time=time: time)
        if (job := jobs.next_to_run()) is not None:
            taken.append(minute)
            jobs.give_back(job)
    assert taken == open_at


def test_services_that_take_at_once_never_take_the_same(database: Database) -> None:
    add(database, *(replace(JOB, model=f"2.25.{n + 1}") for n in range(60)))
    taken: list[str] = []

    def work(name: str) -> None:
        jobs = Jobs(database, name)  # every thread has a connection of its own, as a process has
        while (job := jobs.next_to_run()) is not None:
            taken.append(job.uid)

    threads = [threading.Thread(target=work, args=[f"service {n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60


def test_services_that_begin_at_once_make_one_database(tmp_path: Path) -> None:
    faults: list[BaseException] = []

    def begin() -> None:
        try:
            Database(tmp_path / "service" / "queue.db").ask("SELECT * FROM jobs")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


TAKE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from IODeepLib.service.database import Database
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.owners import Owner
folder = Path(sys.argv[1])
owner = Owner(folder / "owners")
job = Jobs(Database(folder / "queue.db"), owner.name).next_to_run()
with Database(folder / "queue.db").transaction() as execute:
    execute("UPDATE jobs SET state = 'done'")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_service_had_goes_back(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    database = Database(folder / "queue.db")
    add(database, JOB)
    killed = subprocess.run([sys.executable, "-c", TAKE_AND_DIE, folder], check=False)
    assert killed.returncode == -signal.SIGKILL
    owner = Owner(folder / "owners")
    jobs = Jobs(database, owner.name)
    left = jobs.job(JOB.uid)
    assert (left.state, left.attempts) == (State.RUNNING, 1)  # no half of a transaction
    (name,) = jobs.owners()
    assert owner.is_dead(name)
    assert jobs.take_back(name) == 1
    again = jobs.next_to_run()
    assert again is not None
    assert (again.attempts, again.crashes) == (2, 0)
    assert jobs.owners() == {owner.name}
    other = Owner(folder / "owners")
    assert not other.is_dead(owner.name)
    assert not owner.is_dead(owner.name)
    other.close()
    owner.close()
    assert list((folder / "owners").iterdir()) == []


def test_who_has_lost_a_job_changes_nothing(database: Database, jobs: Jobs) -> None:
    add(database, JOB)
    lost = jobs.next_to_run()
    assert lost is not None
    jobs.take_back("one")
    other = Jobs(database, "two")
    taken = other.next_to_run()
    assert taken is not None
    assert not jobs.is_ours(lost)
    jobs.report(lost, 0.9, "mine")
    jobs.crashed(lost, "it crashed")
    assert not jobs.failed(lost, "for nothing")
    assert not jobs.has_result(lost, [OUTPUT])
    now = jobs.job(JOB.uid)
    assert (now.state, now.fraction, now.crashes) == (State.RUNNING, 0.0, 0)
    assert jobs.outputs(lost) == []
    assert other.is_ours(taken)


def test_ten_crashes_are_the_end(database: Database, jobs: Jobs, clock: Clock) -> None:
    add(database, JOB)
    pauses = []
    for number in range(1, MOST_CRASHES + 1):
        job = jobs.next_to_run()
        assert job is not None, number
        assert jobs.crashed(job, "SIGSEGV") == (number < MOST_CRASHES)
        begins = clock.seconds
        if number < MOST_CRASHES:
            assert jobs.next_to_run() is None
            clock.seconds += waits.pause_after(number)
            pauses.append(clock.seconds - begins)
    assert pauses == sorted(pauses)
    assert pauses[-1] > 100 * pauses[0]
    ended = jobs.job(JOB.uid)
    assert (ended.state, ended.ups_state) == (State.FAILED, UpsState.CANCELED)
    assert ended.reason == "quarantined: its process crashed 10 times (SIGSEGV)"


def test_refusals_end_and_a_silent_server_does_not(
    database: Database, jobs: Jobs, clock: Clock
) -> None:
    add(database, JOB)
    for refused, most in ((False, 3 * MOST_REFUSALS), (True, 1)):
        for _ in range(most):
            clock.seconds += waits.LONGEST_PAUSE
            job = jobs.next_to_run()
            assert job is not None
            assert jobs.later(job, "no", refused=refused) is not refused
    assert jobs.job(JOB.uid).state is State.FAILED


@pytest.mark.parametrize("after", [0.0, 10.0, 49_000.0, 60_000.0])
def test_nobody_waits_longer_because_the_machine_was_started_again(
    after: float, database: Database, jobs: Jobs, clock: Clock
) -> None:
    """Its clock begins at 0 then."""
    add(database, JOB)
    job = jobs.next_to_run()
    assert job is not None
    jobs.later(job, "the server is silent")
    clock.seconds = after
    waited = 0.0
    while jobs.next_to_run() is None and waited <= waits.FIRST_PAUSE:
        clock.seconds += 1
        waited += 1
    assert jobs.job(JOB.uid).attempts == 2


def test_a_choice_waits_until_somebody_chooses(database: Database, jobs: Jobs) -> None:
    choices = (("2.25.7", "liver@1.0.0"), ("2.25.8", "hepar@2.0.0"))
    open_ = replace(JOB, model="", label="", choices=choices, state=State.CHOICE)
    add(database, open_)
    assert jobs.next_to_run() is None
    assert jobs.job(open_.uid).ups_state is UpsState.SCHEDULED
    with pytest.raises(UsageError, match=r"hepar@2\.0\.0 \(2\.25\.8\)"):
        orders.choose(database, open_.uid, "kidney@1.0.0")
    chosen = orders.choose(database, open_.uid, "hepar@2.0.0")
    assert (chosen.uid, chosen.state, chosen.model) == (open_.uid, State.WAITING, "2.25.8")
    with pytest.raises(UsageError, match="is waiting"):
        orders.choose(database, open_.uid, "2.25.7")
    assert add(database, open_) == []
    taken = jobs.next_to_run()
    assert taken is not None
    assert taken.label == "hepar@2.0.0"


def test_canceled_and_done_again(database: Database, jobs: Jobs) -> None:
    add(database, JOB)
    running = jobs.next_to_run()
    assert running is not None
    with pytest.raises(UsageError, match="is running"):
        orders.again(database, JOB.uid)
    canceled = orders.cancel(database, JOB.uid, "a person said so")
    assert (canceled.ups_state, canceled.reason) == (UpsState.CANCELED, "a person said so")
    assert not jobs.is_ours(running)
    assert not jobs.has_result(running, [OUTPUT])
    assert orders.cancel(database, JOB.uid, "twice").reason == "a person said so"
    more = orders.again(database, JOB.uid)
    assert (more.ups_state, more.former, is_uid(more.uid)) == (UpsState.SCHEDULED, JOB.uid, True)
    with pytest.raises(UsageError, match=f"done once more as {more.uid}"):
        orders.again(database, JOB.uid)
    again = jobs.next_to_run()
    assert again is not None
    assert (again.uid, again.attempts) == (more.uid, 1)
    former = jobs.job(JOB.uid)
    assert (former.ups_state, former.later) == (UpsState.CANCELED, more.uid)
    assert jobs.failed(again, "why")
    third = orders.again(database, more.uid)
    assert len({JOB.uid, more.uid, third.uid}) == 3
    assert add(database, JOB) == []  # by whichever way it is seen
    with pytest.raises(UsageError, match="no job 1\\.2"):
        orders.cancel(database, "1.2", "")


def test_a_choice_is_made_once_more(database: Database, jobs: Jobs) -> None:
    choices = (("2.25.7", "liver@1.0.0"), ("2.25.8", "hepar@2.0.0"))
    open_ = replace(JOB, model="", label="", choices=choices, state=State.CHOICE)
    add(database, open_)
    orders.cancel(database, open_.uid, "")
    more = orders.again(database, open_.uid)
    assert (more.state, more.choices) == (State.CHOICE, choices)
    orders.choose(database, more.uid, "2.25.8")
    orders.cancel(database, more.uid, "")
    third = orders.again(database, more.uid)
    assert (third.state, third.label) == (State.WAITING, "hepar@2.0.0")


def test_what_somebody_asks_for_is_done_by_one_job(database: Database, jobs: Jobs) -> None:
    def asked() -> str:
        with database.transaction() as execute:
            return jobs.for_somebody(execute, JOB).uid

    assert asked() == asked() == JOB.uid
    orders.cancel(database, JOB.uid, "")
    more = asked()
    assert more == asked() == jobs.job(JOB.uid).later
    taken = jobs.next_to_run()
    assert taken is not None
    jobs.has_result(taken, [])
    stored = jobs.next_to_store()
    assert stored is not None
    jobs.done(stored)
    assert asked() == more  # it went well


def test_the_order_is_not_the_clock_s(
    database: Database, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it which result is the former one."""
    states = [replace(JOB, content=content) for content in "abc"]
    last: list[str] = []
    for hour, job in zip((9, 7, 8), states, strict=True):
        monkeypatch.setattr(
            "IODeepLib.service.jobs.time_of_day",
            lambda hour=hour: f"2026-11-28T{hour:02}:00:00.000+00:00",
        )
        add(database, job)
        taken = jobs.next_to_run()
        assert taken is not None
        assert taken.uid == job.uid
        assert [one.uid for one in jobs.former_outputs(taken)] == last
        last = [f"2.25.{hour}"]
        jobs.has_result(taken, [OUTPUT._replace(uid=last[0])])
    assert [job.content for job in jobs.latest(9)] == ["c", "b", "a"]


def test_a_database_of_the_first_version(tmp_path: Path) -> None:
    """Its jobs are where they were, in their order, and can be done again."""
    path = tmp_path / "queue.db"
    ended = replace(JOB, state=State.FAILED)
    made = [replace(JOB, model=f"2.25.{n}") for n in (9, 8)]
    with sqlite3.connect(path) as connection:
        connection.executescript(VERSIONS[0])
        connection.execute("PRAGMA user_version = 1")
        for second, job in enumerate([ended, *made]):
            row = job.row() | {"created": f"2026-11-28T01:00:0{second}.000+00:00"}
            del row["former"], row["later"]
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO jobs ({names}) VALUES ({values})", row)  # noqa: S608
    for _ in range(2):
        database = Database(path)
        jobs = Jobs(database, "one")
        assert [job.uid for job in jobs.latest(3)] == [one.uid for one in (*made[::-1], ended)]
    more = orders.again(database, ended.uid)
    taken = [jobs.next_to_run() for _ in range(3)]
    assert [job and job.uid for job in taken] == [made[0].uid, made[1].uid, more.uid]


def test_a_series_that_grows_is_another_one(database: Database, jobs: Jobs) -> None:
    add(database, JOB)
    running = jobs.next_to_run()
    assert running is not None
    grown, elsewhere = replace(JOB, content="abcd"), replace(JOB, series="1.2.3.9", content="x")
    # A network that reads a second series beside it has a content of its own.
    beside = replace(JOB, model="2.25.8", content="abcdef")
    add(database, beside)
    assert jobs.is_ours(running)
    assert add(database, grown, elsewhere) == [grown, elsewhere]
    assert not jobs.is_ours(running)
    assert jobs.job(JOB.uid).reason == "the series has changed since"
    assert len(jobs.of_study(JOB.study)) == 4
    states = [jobs.job(job.uid).state for job in (JOB, grown, elsewhere, beside)]
    assert states == [State.CANCELED, *[State.WAITING] * 3]


def test_a_study_is_looked_at_when_it_is_quiet(
    database: Database, studies: Studies, clock: Clock
) -> None:
    see(database, "1.2.3")
    study = studies.next()
    assert study is not None
    assert study.content == ""
    studies.has_changed(study, "20 images", 60.0)
    clock.seconds += 59
    see(database, "1.2.3")
    assert studies.next() is None
    clock.seconds += 2
    study = studies.next()
    assert study is not None
    assert (study.content, study.looked) == ("20 images", "")
    assert studies.looked_at(study, "20 images", [JOB]) == [JOB]
    assert studies.next() is None
    see(database, "1.2.3")
    again = studies.next()
    assert again is not None
    assert again.looked == "20 images"
    assert studies.looked_at(again, "20 images") == []


def test_what_comes_while_a_study_is_looked_at_is_not_lost(
    database: Database, studies: Studies, clock: Clock
) -> None:
    see(database, "1.2.3")
    study = studies.next()
    assert study is not None
    see(database, "1.2.3")
    assert studies.next() is None
    studies.looked_at(study, "20 images")
    assert studies.next() is not None


@pytest.mark.parametrize("how", [Studies.crashed, Studies.later])
def test_a_study_that_failed_is_looked_at_again_when_it_changes(
    how: Callable[..., bool], database: Database, studies: Studies, clock: Clock
) -> None:
    see(database, "1.2.3")
    words = {"refused": True} if how is Studies.later else {}
    for number in range(10):
        study = studies.next()
        assert study is not None
        assert how(studies, study, "why", **words) == (number < 9)
        clock.seconds += waits.LONGEST_PAUSE
    assert studies.next() is None
    see(database, "1.2.3")
    study = studies.next()
    assert study is not None
    assert (study.tries, study.crashes) == (0, 0)


def test_what_was_there_before_is_left_alone(database: Database, studies: Studies) -> None:
    with database.transaction() as execute:
        studies.was_there(execute, "1.2.3", "20 images")
    assert studies.next() is None
    assert studies.contents() == {"1.2.3": "20 images"}
    see(database, "1.2.3")
    study = studies.next()
    assert study is not None
    assert study.looked == "20 images"


def test_only_its_owner_may_read_the_database(tmp_path: Path) -> None:
    path = tmp_path / "service" / "queue.db"
    Database(path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in path.parent.iterdir())


def test_databases_that_cannot_be_used(tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    Database(newer)
    with sqlite3.connect(newer) as connection:
        connection.execute(f"PRAGMA user_version = {len(VERSIONS) + 1}")
    with pytest.raises(OutputError, match="newer IODeep"):
        Database(newer)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"no database" * 1000)
    with pytest.raises(OutputError, match=r"damaged\.db cannot be used"):
        Database(damaged)
    with pytest.raises(OutputError, match="cannot be used"):
        Database(damaged / "queue.db")


def test_a_full_disk_is_one_line_and_loses_nothing(database: Database, jobs: Jobs) -> None:
    add(database, JOB)
    pages = database.ask("PRAGMA page_count")[0][0]
    database.ask(f"PRAGMA max_page_count = {pages}")
    many = [replace(JOB, model=f"2.25.{n + 10}") for n in range(200)]
    with pytest.raises(OutputError, match="full"):
        add(database, *many)
    assert [job.uid for job in jobs.latest(1000)] == [JOB.uid]
