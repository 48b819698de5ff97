"""The queue of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from IODeepLib.errors import UsageError
from IODeepLib.service.job import Job, job_in
from IODeepLib.service.queue import Queue, time_of_day
from IODeepLib.service.states import State

_ORDER = "priority DESC, number"
_IS_OPEN = """CASE WHEN opens = closes THEN 1
    WHEN opens < closes THEN :minute >= opens AND :minute < closes
    ELSE :minute >= opens OR :minute < closes END"""


class Output(NamedTuple):
    """An object of a result that is stored, or will be.

    Attributes:
        name: of its file.
        sop_class, series, uid: its SOP Class, Series and SOP Instance UID.
        stored: when the server had it; None as long as it has not.
    """

    name: str
    sop_class: str
    series: str
    uid: str
    stored: str | None = None


class Jobs(Queue):
    """The jobs in a database. See `Queue`."""

    what = "jobs"

    def add(self, execute: Callable[..., Any], jobs: Iterable[Job]) -> list[Job]:
        """Put jobs into the queue, within a transaction; those that were not there before.

        What waits for an older state of the same series is canceled: nobody needs it any more.
        """
        new = []
        for wanted in jobs:
            if (job := _as_new(execute, wanted)) is not None:
                self.insert(execute, job)
                new.append(job)
        for job in new:
            _cancel_older(execute, job)
        return new

    def for_somebody(self, execute: Callable[..., Any], job: Job) -> Job:
        """The job that does this work for whoever asks for it now, within a transaction.

        That is one which goes on or went well; or a new one, also where the former ones have failed
        or are forgotten.
        """
        while True:
            row = execute("SELECT * FROM jobs WHERE uid = ?", [job.uid]).fetchone()
            if row is None and _forgotten(execute, job) is None:
                self.insert(execute, job)
                _cancel_older(execute, job)
                return job
            if row is not None and State(row["state"]) not in (State.FAILED, State.CANCELED):
                return job_in(row)
            job = job.once_more()

    def insert(self, execute: Callable[..., Any], job: Job) -> None:
        """Put a job into the queue that is not there, within a transaction."""
        row = job.row() | {"created": time_of_day()}
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        number = "(SELECT coalesce(max(number), 0) + 1 FROM jobs)"
        execute(f"INSERT INTO jobs (number, {names}) VALUES ({number}, {values})", row)  # noqa: S608
        execute("UPDATE jobs SET later = :uid WHERE uid = :former", row)

    def next_to_run(self) -> Job | None:
        """Take the job that is first in the queue and may begin at this time of day."""
        now = local_time()
        row = self._take(
            State.WAITING,
            State.RUNNING,
            _ORDER,
            also=", started = coalesce(started, :wall), attempts = attempts + 1, fraction = 0,"
            " message = '', reason = ''",
            if_=_IS_OPEN,
            minute=60 * now.hour + now.minute,
            wall=time_of_day(),
        )
        return None if row is None else job_in(row)

    def next_to_store(self) -> Job | None:
        """Take a job whose result is to be stored."""
        row = self._take(State.STORING, State.STORING, _ORDER)
        return None if row is None else job_in(row)

    def report(self, job: Job, fraction: float, message: str) -> None:
        """Say how far a job is."""
        values = {"fraction": fraction, "message": message}
        self._set(job, "fraction = :fraction, message = :message", values)

    def has_result(self, job: Job, outputs: Iterable[Output]) -> bool:
        """The result of a job lies whole on the disk, and is to be stored now, in this order."""
        with self._database.transaction() as execute:
            changed = execute(
                "UPDATE jobs SET state = :next, owner = NULL, due = 0, wait = 0, tries = 0,"
                " fraction = 1 WHERE uid = :uid AND owner = :owner AND state = :state",
                self._named(job) | {"next": State.STORING},
            ).rowcount
            if changed:
                execute("DELETE FROM outbox WHERE job = ?", [job.uid])
                for position, output in enumerate(outputs):
                    execute(
                        "INSERT INTO outbox (job, position, name, sop_class, series, uid, stored)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?)",
                        [job.uid, position, *output],
                    )
        return bool(changed)

    def outputs(self, job: Job) -> list[Output]:
        """The objects of its result, in the order in which they are stored."""
        columns = ", ".join(Output._fields)
        statement = f"SELECT {columns} FROM outbox WHERE job = :job ORDER BY position"  # noqa: S608
        return [Output(*row) for row in self._database.ask(statement, {"job": job.uid})]

    def former_outputs(self, job: Job) -> list[Output]:
        """The result of the same model on an earlier state of the series; the newest, if any."""
        found = self._database.ask(
            "SELECT * FROM jobs WHERE study = :study AND series = :series AND volume = :volume"
            " AND model = :model AND content != :content AND state IN (:done, :storing)"
            " ORDER BY number DESC LIMIT 1",
            {**job.row(), "done": State.DONE, "storing": State.STORING},
        )
        return self.outputs(job_in(found[0])) if found else []

    def is_stored(self, job: Job, output: Output) -> None:
        """The server has an object."""
        self._database.ask(
            "UPDATE outbox SET stored = :wall WHERE job = :job AND uid = :uid",
            {"wall": time_of_day(), "job": job.uid, "uid": output.uid},
        )

    def lost_result(self, job: Job) -> None:
        """What was to be stored is not on the disk any more: the job is run again."""
        self._set(job, "state = :to, owner = NULL", {"to": State.WAITING})

    def done(self, job: Job) -> bool:
        """All that was to be stored is stored."""
        return self._end(job, State.DONE, "")

    def job(self, uid: str) -> Job:
        """The job of this UID.

        Raises:
            UsageError: there is none.
        """
        found = self._database.ask("SELECT * FROM jobs WHERE uid = :uid", {"uid": uid})
        if not found:
            raise UsageError(f"no job {uid}", "the UID of one", "see 'iodeep serve --jobs'")
        return job_in(found[0])

    def latest(self, most: int) -> Sequence[Job]:
        """The jobs that came last, the newest first."""
        statement = "SELECT * FROM jobs ORDER BY number DESC LIMIT :most"
        return [job_in(row) for row in self._database.ask(statement, {"most": most})]

    def of_study(self, study: str) -> Sequence[Job]:
        """All jobs on the images of a study."""
        statement = "SELECT * FROM jobs WHERE study = :study ORDER BY number"
        return [job_in(row) for row in self._database.ask(statement, {"study": study})]


def _as_new(execute: Callable[..., Any], job: Job) -> Job | None:
    """A job that is not in the queue yet; None if its work is, or went well and is forgotten."""
    while (past := _forgotten(execute, job)) is not None:
        if past["done"]:
            return None
        job = job.once_more()
    there = execute("SELECT 1 FROM jobs WHERE uid = ?", [job.uid]).fetchone()
    return job if there is None else None


def _forgotten(execute: Callable[..., Any], job: Job) -> Any:
    """What is known of a job that was deleted; None if none was."""
    return execute("SELECT done FROM forgotten WHERE uid = ?", [job.uid]).fetchone()


def _cancel_older(execute: Callable[..., Any], job: Job) -> None:
    """End what waits for an older state of the same series."""
    execute(
        "UPDATE jobs SET state = :to, ended = :wall, reason = :reason, owner = NULL"
        " WHERE study = :study AND series = :series AND volume = :volume"
        " AND model = :model AND choices = :choices AND content != :content"
        " AND state IN (:choice, :waiting, :running)",
        job.row()
        | {
            "wall": time_of_day(),
            "to": State.CANCELED,
            "choice": State.CHOICE,
            "waiting": State.WAITING,
            "running": State.RUNNING,
            "reason": "the series has changed since",
        },
    )


def local_time() -> datetime:
    """The time of day here."""
    return datetime.now().astimezone()
