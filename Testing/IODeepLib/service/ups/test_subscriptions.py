"""Who wants to know something is told it, in order, and nothing else."""

from __future__ import annotations

import pytest
from makers.procedure_steps import step
from pydicom.dataset import Dataset

from IODeepLib.service import orders
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.ups import subscriptions as module
from IODeepLib.service.ups import tables
from IODeepLib.service.ups.refusals import EVERY_STEP, EVERY_STEP_LIKE, Status, UpsError
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import Worklist

UID, OTHER, SECRET = "2.25.100", "2.25.101", "2.25.200"


def told(subscriptions: Subscriptions, title: str, since: int = 0) -> list[tuple[str, int, str]]:
    events, _ = subscriptions.news(title, since)
    return [(event.step, event.kind, event.state.value) for event in events]


def test_who_subscribed_to_one_step(worklist: Worklist, subscriptions: Subscriptions) -> None:
    for uid in (UID, OTHER):
        worklist.create(uid, step(station="WS1"))
    subscriptions.subscribe(UID, "A")
    assert told(subscriptions, "A") == [(UID, 1, "SCHEDULED")]  # how it stands
    since = subscriptions.last()
    for uid in (UID, OTHER):
        worklist.change_state(uid, "IN PROGRESS", SECRET)
    worklist.request_cancel(UID, "too late")
    events, last = subscriptions.news("A", since)
    assert [(event.step, event.kind) for event in events] == [(UID, 1), (UID, 2)]
    assert events[1].information.ReasonForCancellation == "too late"
    assert told(subscriptions, "B") == []
    subscriptions.unsubscribe(UID, "A")
    worklist.change_state(UID, "CANCELED", SECRET)
    assert told(subscriptions, "A", last) == []


def test_who_subscribed_to_all(
    worklist: Worklist, database: Database, subscriptions: Subscriptions, job: Job
) -> None:
    """But one; and of jobs, whoever changes them."""
    subscriptions.subscribe(EVERY_STEP, "A")
    worklist.create(UID, step())
    worklist.create(OTHER, step())
    subscriptions.unsubscribe(OTHER, "A")
    worklist.request_cancel(OTHER, "")
    jobs = Jobs(database, "test")
    taken = jobs.next_to_run()
    assert taken is not None
    jobs.report(taken, 0.5, "half")
    orders.cancel(database, job.uid, "a person canceled it")
    assert told(subscriptions, "A") == [
        (UID, 1, "SCHEDULED"),
        (job.uid, 1, "IN PROGRESS"),
        (job.uid, 3, "IN PROGRESS"),
        (job.uid, 1, "CANCELED"),
    ]
    events, last = subscriptions.news("A", 0)
    progress = events[2].information.ProcedureStepProgressInformationSequence[0]
    assert (progress.ProcedureStepProgress, progress.ProcedureStepProgressDescription) == (
        50,
        "half",
    )
    assert events[3].information.ReasonForCancellation == "a person canceled it"
    subscriptions.suspend(EVERY_STEP, "A")
    worklist.create("2.25.102", step())
    worklist.request_cancel(UID, "")
    assert told(subscriptions, "A", last) == [(UID, 1, "CANCELED")]
    with pytest.raises(UpsError):
        subscriptions.suspend(UID, "A")


def test_who_subscribed_to_what_is_like_something(
    worklist: Worklist, subscriptions: Subscriptions
) -> None:
    keys = Dataset()
    keys.WorklistLabel = "AI*"
    subscriptions.subscribe(EVERY_STEP_LIKE, "A", keys)
    worklist.create(UID, step(WorklistLabel="AI 2"))
    worklist.create(OTHER, step(WorklistLabel="reading"))
    assert told(subscriptions, "A") == [(UID, 1, "SCHEDULED")]


def test_nobody_subscribes_without_end(
    worklist: Worklist, subscriptions: Subscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 1000)
    worklist.create(UID, step())
    for number in range(1000):
        subscriptions.subscribe(UID, f"A{number}")
    with pytest.raises(UpsError) as refused:
        subscriptions.subscribe(UID, "ONE MORE")
    assert refused.value.status is Status.FULL
    assert told(subscriptions, "A999") == [(UID, 1, "SCHEDULED")]
    with pytest.raises(UpsError) as refused:
        subscriptions.subscribe("2.25.404", "A1")
    assert refused.value.status is Status.UNKNOWN


def test_events_are_forgotten(
    worklist: Worklist, database: Database, subscriptions: Subscriptions
) -> None:
    worklist.create(UID, step())
    worklist.create(OTHER, step())
    database.ask("SELECT * FROM ups_events")
    assert subscriptions.last() == 0  # nobody wanted to know
    subscriptions.subscribe(EVERY_STEP, "A")
    change = Dataset()
    change.WorklistLabel = "changed"
    with database.transaction() as execute:
        execute(
            "INSERT INTO ups_events (number, step, kind, state, fraction, words)"
            " VALUES (1, ?, 1, 'SCHEDULED', 0, '')",
            [UID],
        )
        execute(
            "INSERT INTO ups_events (number, step, kind, state, fraction, words)"
            " VALUES (?, ?, 1, 'SCHEDULED', 0, '')",
            [tables.MOST_EVENTS + 1, UID],
        )
    worklist.update(OTHER, change, "")
    assert [event.number for event in subscriptions.news("A", 0)[0]] == [
        tables.MOST_EVENTS + 1,
        tables.MOST_EVENTS + 2,
    ]
