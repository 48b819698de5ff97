"""What ended long ago goes, but what somebody locks, and no UID is given twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from makers.procedure_steps import performed, step
from pydicom.dataset import Dataset

from IODeepLib.service import orders
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs, Output
from IODeepLib.service.states import State, UpsState
from IODeepLib.service.ups.forgetting import AT_ONCE, LOCKED_TIMES, Forgetting
from IODeepLib.service.ups.refusals import EVERY_STEP, EVERY_STEP_LIKE, UpsError
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import Worklist

UID, OTHER, SECRET = "2.25.100", "2.25.101", "2.25.200"
DAYS = 10.0
JOB = Job(study="1.2.3", series="1.2.3.4", content="abc", model="2.25.7", label="liver@1.0.0")


@pytest.fixture
def forgetting(database: Database, worklist: Worklist) -> Forgetting:
    return Forgetting(database, worklist, DAYS)


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def ended(worklist: Worklist, uid: str) -> None:
    worklist.create(uid, step(station="WS1"))
    worklist.change_state(uid, "IN PROGRESS", SECRET)
    worklist.update(uid, performed(), SECRET)
    worklist.change_state(uid, "COMPLETED", SECRET)


def done(database: Database, job: Job) -> None:
    jobs = Jobs(database, "test")
    taken = jobs.next_to_run()
    assert taken is not None
    assert taken.uid == job.uid
    jobs.has_result(
        taken, [Output("seg.dcm", "1.2.840.10008.5.1.4.1.1.66.4", "2.25.11", "2.25.12")]
    )
    storing = jobs.next_to_store()
    assert storing is not None
    jobs.done(storing)


def there(worklist: Worklist) -> set[str]:
    return {str(one.whole().SOPInstanceUID) for one in worklist.search(Dataset())}


def test_what_ended_long_ago_goes_and_what_goes_on_stays(
    worklist: Worklist, database: Database, forgetting: Forgetting
) -> None:
    ended(worklist, UID)
    worklist.create(OTHER, step(station="WS1"))
    waits = replace(JOB, model="2.25.8")
    with database.transaction() as execute:
        Jobs(database).add(execute, [JOB])
    done(database, JOB)
    with database.transaction() as execute:
        Jobs(database).add(execute, [waits])
    assert forgetting.forget(in_days(DAYS - 1)) == 0
    assert there(worklist) == {UID, OTHER, JOB.uid, waits.uid}
    assert forgetting.forget(in_days(DAYS + 1)) == 2
    assert there(worklist) == {OTHER, waits.uid}
    assert database.ask("SELECT * FROM outbox") == []
    with pytest.raises(UpsError):
        worklist.step(JOB.uid)


def test_what_went_well_is_not_done_again_and_what_failed_is_another_step(
    database: Database, forgetting: Forgetting
) -> None:
    jobs, fails = Jobs(database, "test"), replace(JOB, model="2.25.8")
    with database.transaction() as execute:
        jobs.add(execute, [JOB])
    done(database, JOB)
    with database.transaction() as execute:
        jobs.add(execute, [fails])
    orders.cancel(database, fails.uid, "")
    more = orders.again(database, fails.uid)
    orders.cancel(database, more.uid, "")
    assert forgetting.forget(in_days(DAYS + 1)) == 3
    with database.transaction() as execute:
        (new,) = jobs.add(execute, [JOB, fails])
        assert jobs.add(execute, [JOB, fails]) == []
        asked = jobs.for_somebody(execute, JOB)  # whoever asks for it wants to see its result
    assert new.former == more.uid
    assert len({JOB.uid, asked.uid, fails.uid, more.uid, new.uid}) == 5


@pytest.mark.parametrize("whose", [UID, EVERY_STEP, EVERY_STEP_LIKE])
def test_what_somebody_locks_stays_until_they_are_done_with_it(
    whose: str, worklist: Worklist, subscriptions: Subscriptions, forgetting: Forgetting
) -> None:
    keys = Dataset()
    keys.WorklistLabel = "AI"
    ended(worklist, UID)
    like = keys if whose == EVERY_STEP_LIKE else None
    subscriptions.subscribe(whose, "A", like, locks=True)
    subscriptions.subscribe(UID, "B")
    assert forgetting.forget(in_days(DAYS + 1)) == 0
    subscriptions.unsubscribe(UID, "A")
    assert forgetting.forget(in_days(DAYS + 1)) == 1
    assert subscriptions.titles() == ([] if whose == UID else ["A"])  # B's has ended


def test_who_never_comes_back_keeps_nothing_for_ever(
    worklist: Worklist, subscriptions: Subscriptions, forgetting: Forgetting
) -> None:
    subscriptions.subscribe(EVERY_STEP, "A", locks=True)
    ended(worklist, UID)
    subscriptions.suspend(EVERY_STEP, "A")
    ended(worklist, OTHER)
    assert forgetting.forget(in_days(DAYS * LOCKED_TIMES - 1)) == 1
    assert there(worklist) == {UID}
    assert forgetting.forget(in_days(DAYS * LOCKED_TIMES + 1)) == 1


def test_a_step_keeps_the_jobs_that_it_shows(
    worklist: Worklist, database: Database, forgetting: Forgetting, job: Job
) -> None:
    done(database, job)
    worklist.create(UID, step())
    with database.transaction() as execute:
        worklist.move(execute, UID, UpsState.IN_PROGRESS, SECRET)
        execute("INSERT INTO ups_performs VALUES (?, ?)", [UID, job.uid])
    assert forgetting.forget(in_days(DAYS + 1)) == 0
    with database.transaction() as execute:
        worklist.move(execute, UID, UpsState.COMPLETED)
    assert forgetting.forget(in_days(DAYS + 1)) == 2
    assert database.ask("SELECT * FROM ups_performs") == []


def test_however_many_they_are_and_whatever_is_locked_among_them(
    worklist: Worklist, database: Database, subscriptions: Subscriptions, forgetting: Forgetting
) -> None:
    made = [replace(JOB, model=f"2.25.{n + 10}", state=State.CANCELED) for n in range(AT_ONCE + 5)]
    with database.transaction() as execute:
        Jobs(database).add(execute, made)
        execute("UPDATE jobs SET ended = created")
    for job in made[:AT_ONCE]:
        database.ask(
            "INSERT INTO ups_subscriptions (step, title, wanted, locks) VALUES (:uid, 'A', 1, 1)",
            {"uid": job.uid},
        )
    gone = sum(forgetting.forget(in_days(DAYS + 1)) for _ in range(4))
    assert gone == 5
    assert there(worklist) == {job.uid for job in made[:AT_ONCE]}


def test_a_database_of_the_first_version(database: Database, worklist: Worklist) -> None:
    """Its steps do not say when they ended, and its subscriptions lock nothing."""
    subscriptions = Subscriptions(database, worklist)
    ended(worklist, UID)
    subscriptions.subscribe(UID, "A")
    with database.transaction() as execute:
        execute("ALTER TABLE ups_steps DROP COLUMN ended")
        execute("ALTER TABLE ups_subscriptions DROP COLUMN locks")
    again = Worklist(database, worklist._performer)
    forgetting = Forgetting(database, again, DAYS)
    assert there(again) == {UID}
    assert forgetting.forget(in_days(DAYS - 1)) == 0
    assert forgetting.forget(in_days(DAYS + 1)) == 1
