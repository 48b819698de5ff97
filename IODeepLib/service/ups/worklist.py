"""The procedure steps there are: jobs, and what others have scheduled (PS3.4 section CC.2).

What comes over DIMSE and what comes over HTTP is done here, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from IODeepLib.headers import text
from IODeepLib.service import orders
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job, job_in
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.queue import time_of_day
from IODeepLib.service.states import State, UpsState
from IODeepLib.service.ups import attributes, steps
from IODeepLib.service.ups.candidates import candidates
from IODeepLib.service.ups.found import Found
from IODeepLib.service.ups.matching import matches
from IODeepLib.service.ups.refusals import Status, UpsError
from IODeepLib.service.ups.steps import Performer
from IODeepLib.service.ups.tables import CANCEL_REQUESTED, REPORT, add_tables

RULE = "a Workitem"  # by this name jobs know that a step asked for them
MOST_FOUND = 1000  # of one search
_MOST_STEPS = 100_000
_WITH_RESULT = (State.STORING, State.DONE, State.FAILED, State.CANCELED)
FINAL = (UpsState.COMPLETED, UpsState.CANCELED)
_Execute = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A step that others have made.

    Attributes:
        uid: its SOP Instance UID.
        state: where it is.
        attributes: what was said of it.
        ours: whether the service performs it.
        secret: the Transaction UID of who has claimed it; "" if nobody has.
        reason: why it was canceled.
    """

    uid: str
    state: UpsState
    attributes: Dataset
    ours: bool
    secret: str
    reason: str


class Worklist:
    """The steps in a database.

    Args:
        database: where they are.
        performer: who we are.

    Raises:
        OutputError: it cannot be used.
    """

    def __init__(self, database: Database, performer: Performer) -> None:
        add_tables(database)
        self._database, self._performer = database, performer
        self._jobs = Jobs(database)

    def step(self, uid: str) -> Dataset:
        """All attributes of a step.

        Raises:
            UpsError: there is none.
        """
        if (row := self._row(uid)) is not None:
            return self._shown(row).whole()
        return self._of_job(self._job_row(uid)).whole()

    def search(self, keys: Dataset) -> Iterator[Found]:
        """The steps that have these values, the newest first; those of others, then jobs."""
        count = 0
        for table, shown in (("ups_steps", self._shown), ("jobs", self._of_job)):
            for row in candidates(self._database, table, keys, steps.of_all(self._performer)):
                found = shown(row)
                if matches(found, keys):
                    yield found
                    count += 1
                    if count == MOST_FOUND:
                        return

    def create(self, uid: str, given: Dataset) -> Status:
        """Schedule a step.

        Raises:
            UpsError: it is none, or is there already.
        """
        step, changed = attributes.new_step(given)
        with self._database.transaction() as execute:
            (count,) = execute("SELECT count(*) FROM ups_steps").fetchone()
            if count >= _MOST_STEPS:
                raise UpsError(Status.FULL)
            is_job = execute("SELECT 1 FROM jobs WHERE uid = ?", [uid]).fetchone()
            ours, now = self._is_ours(step), time_of_day()
            values = [uid, UpsState.SCHEDULED, _kept(step), ours, _study(step), now]
            made = is_job is None and execute(
                "INSERT OR IGNORE INTO ups_steps (uid, state, attributes, ours, study, created)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            if not made or not made.rowcount:
                raise UpsError(Status.ALREADY_THERE)
            happened(execute, uid, REPORT, UpsState.SCHEDULED)
        return Status.CHANGED if changed else Status.DONE

    def update(self, uid: str, given: Dataset, secret: str) -> Status:
        """Change what is said of a step.

        Raises:
            UpsError: it cannot be changed, or not by whoever asks.
        """
        with self._database.transaction() as execute:
            step = self._step(execute, uid)
            if step.state in FINAL:
                raise UpsError(Status.ENDED)
            if step.state is UpsState.SCHEDULED and secret:
                raise UpsError(Status.NOT_IN_PROGRESS)
            if step.state is UpsState.IN_PROGRESS and secret != step.secret:
                raise _wrong(secret)
            changed = attributes.updated(step.attributes, given)
            execute(
                "UPDATE ups_steps SET attributes = ?, ours = ?, study = ? WHERE uid = ?",
                [_kept(changed), step.ours and self._is_ours(changed), _study(changed), uid],
            )
            happened(execute, uid, REPORT, step.state)
        return Status.DONE

    def change_state(self, uid: str, state: str, secret: str) -> Status:
        """Claim a step, or end one that was claimed (PS3.4 table CC.1.1-2).

        Args:
            uid: which.
            state: that it is to have then.
            secret: the Transaction UID, which nobody else knows.

        Raises:
            UpsError: it cannot change so, or not by whoever asks.
        """
        with self._database.transaction() as execute:
            step = self._step(execute, uid)
            if state == UpsState.SCHEDULED.value:
                raise UpsError(Status.NEVER_SCHEDULED_AGAIN)
            if state not in {one.value for one in UpsState}:
                raise UpsError(Status.BAD_VALUE, "ProcedureStepState")
            if not secret or (step.secret and secret != step.secret):
                raise _wrong(secret)
            wanted = UpsState(state)
            if wanted is UpsState.IN_PROGRESS:
                _may_claim(step)
            elif step.state is not UpsState.IN_PROGRESS:
                return _again(step, wanted)
            elif wanted is UpsState.COMPLETED:
                attributes.check_completed(step.attributes)
            self.move(execute, uid, wanted, secret)
        return Status.DONE

    def request_cancel(self, uid: str, reason: str) -> Status:
        """Somebody wants a step to end.

        Raises:
            UpsError: there is none, or it went well.
        """
        with self._database.transaction() as execute:
            row = execute("SELECT * FROM ups_steps WHERE uid = ?", [uid]).fetchone()
            step = None if row is None else _step_in(row)
            state = step.state if step is not None else self._job(uid).ups_state
            if state is UpsState.COMPLETED:
                raise UpsError(Status.COMPLETED)
            if state is UpsState.CANCELED:
                return Status.CANCELED_BEFORE
            if step is not None and state is UpsState.IN_PROGRESS and not step.ours:
                happened(execute, uid, CANCEL_REQUESTED, state, words=reason)
            elif step is not None:
                self.move(execute, uid, UpsState.CANCELED, step.secret, reason)
        if step is None:
            orders.cancel(self._database, uid, reason)
        elif step.ours:
            self._cancel_jobs(uid, reason)
        return Status.DONE

    def move(
        self, execute: _Execute, uid: str, state: UpsState, secret: str = "", reason: str = ""
    ) -> None:
        """Let a step of others have another state, within a transaction."""
        ended = time_of_day() if state in FINAL else None
        execute(
            "UPDATE ups_steps SET state = ?, secret = ?, reason = ?, ended = ? WHERE uid = ?",
            [state, secret, reason, ended, uid],
        )
        happened(execute, uid, REPORT, state, words=reason)

    def ours(self, state: UpsState) -> list[Step]:
        """The steps of others that the service performs and that are in this state."""
        statement = "SELECT * FROM ups_steps WHERE state = :state AND ours ORDER BY created, uid"
        return [_step_in(row) for row in self._database.ask(statement, {"state": state})]

    def jobs_of(self, uid: str) -> list[Job]:
        """The jobs that do a step."""
        statement = (
            "SELECT jobs.* FROM jobs JOIN ups_performs ON job = jobs.uid WHERE step = :uid"
            " ORDER BY number"
        )
        return [job_in(row) for row in self._database.ask(statement, {"uid": uid})]

    def _cancel_jobs(self, uid: str, reason: str) -> None:
        """End the jobs that only this step has asked for."""
        others = (
            "SELECT 1 FROM ups_performs JOIN ups_steps ON uid = step WHERE job = :job"
            " AND step != :uid AND state = :state"
        )
        for job in self.jobs_of(uid):
            values = {"job": job.uid, "uid": uid, "state": UpsState.IN_PROGRESS}
            if job.rule == RULE and not self._database.ask(others, values):
                orders.cancel(self._database, job.uid, reason)

    def _is_ours(self, step: Dataset) -> bool:
        """Whether it is for us to perform: it names us, or nobody."""
        stations = step.get("ScheduledStationNameCodeSequence") or []
        return not stations or any(
            self._performer.station in (text(one, "CodeValue"), text(one, "LongCodeValue"))
            for one in stations
        )

    def _row(self, uid: str) -> Any:
        rows = self._database.ask("SELECT * FROM ups_steps WHERE uid = :uid", {"uid": uid})
        return rows[0] if rows else None

    def _step(self, execute: _Execute, uid: str) -> Step:
        """A step that others may change."""
        row = execute("SELECT * FROM ups_steps WHERE uid = ?", [uid]).fetchone()
        if row is None:
            self._job(uid)
            raise UpsError(Status.NOT_ALLOWED)
        return _step_in(row)

    def _job(self, uid: str) -> Job:
        return job_in(self._job_row(uid))

    def _job_row(self, uid: str) -> Any:
        rows = self._database.ask("SELECT * FROM jobs WHERE uid = :uid", {"uid": uid})
        if not rows:
            raise UpsError(Status.UNKNOWN)
        return rows[0]

    def _of_job(self, row: Any) -> Found:
        job = job_in(row)
        outputs = self._jobs.outputs(job) if job.state in _WITH_RESULT else []
        return steps.step_of(job, outputs, self._performer)

    def _shown(self, row: Any) -> Found:
        own = Dataset()
        steps.named(own, row["uid"], UpsState(row["state"]))
        if row["ours"] and row["state"] != UpsState.SCHEDULED:
            jobs = self.jobs_of(row["uid"])
            outputs = {job.uid: self._jobs.outputs(job) for job in jobs}
            steps.performed(own, jobs, outputs, self._performer, row["reason"])
        return Found(own, json.loads(row["attributes"]))


def happened(
    execute: _Execute,
    uid: str,
    kind: int,
    state: UpsState,
    *,
    fraction: float = 0.0,
    words: str = "",
    title: str = "",
) -> None:
    """Something has happened to a step, within a transaction.

    Args:
        execute: of the transaction.
        uid: the step.
        kind: the type of the event.
        state: of the step, from now on.
        fraction: how much of it is done.
        words: for people.
        title: the only one who is told; all who want to know, by default.
    """
    execute(
        "INSERT INTO ups_events (step, kind, state, fraction, words, title)"
        " SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM ups_subscriptions)",
        [uid, kind, state, fraction, words, title],
    )


def _wrong(secret: str) -> UpsError:
    words = "" if secret else "The Transaction UID is missing."
    return UpsError(Status.WRONG_TRANSACTION, words=words)


def _may_claim(step: Step) -> None:
    if step.state in FINAL:
        raise UpsError(Status.ENDED)
    if step.state is UpsState.IN_PROGRESS:
        raise UpsError(Status.CLAIMED)


def _again(step: Step, wanted: UpsState) -> Status:
    """What to say to who wants to end what nobody performs."""
    if step.state is UpsState.SCHEDULED:
        raise UpsError(Status.NOT_IN_PROGRESS)
    if step.state is not wanted:
        raise UpsError(Status.ENDED)
    completed = wanted is UpsState.COMPLETED
    return Status.COMPLETED_BEFORE if completed else Status.CANCELED_BEFORE


def _kept(step: Dataset) -> str:
    return json.dumps(attributes.to_json(step))


def _study(step: Dataset) -> str:
    """The only study that it reads; "" if there are more, or none."""
    items = step.get("InputInformationSequence") or []
    studies = {text(one, "StudyInstanceUID") for one in items}
    return studies.pop() if len(studies) == 1 else ""


def _step_in(row: Any) -> Step:
    given = Dataset.from_json(row["attributes"])
    state = UpsState(row["state"])
    return Step(row["uid"], state, given, bool(row["ours"]), row["secret"], row["reason"])
