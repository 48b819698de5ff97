"""What is in the queue, for people and programs that look: in pages, however long it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from IODeepLib.errors import UsageError
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job, job_in
from IODeepLib.service.states import State


class Seen(NamedTuple):
    """A study that was seen.

    Attributes:
        uid: Study Instance UID.
        state: where it is.
        tries: how often it was looked at in vain since it was last seen.
        looked: when it was last looked at.
        reason: why nothing came of that.
    """

    uid: str
    state: State
    tries: int
    looked: str | None
    reason: str


class Hour(NamedTuple):
    """What ended in an hour.

    Attributes:
        begins: the hour.
        done, failed: how many jobs.
    """

    begins: datetime
    done: int
    failed: int


class Listing:
    """What is in a queue.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def jobs_by_state(self) -> dict[State, int]:
        """How many jobs there are in each state."""
        return self._counts("jobs")

    def studies_by_state(self) -> dict[State, int]:
        """How many studies: waiting are those that will be looked at once they are quiet."""
        return self._counts("studies")

    def jobs(self, state: State | None, most: int, after: str | None = None) -> list[Job]:
        """Jobs, the newest first.

        Args:
            state: in which they are; None for all.
            most: how many at most.
            after: the UID of the job behind which the list begins.

        Raises:
            UsageError: there is no such job.
        """
        asked = {"state": state, "most": most, "after": after}
        conditions = ["state = :state"] if state is not None else []
        if after is not None:
            found = self._database.ask("SELECT number FROM jobs WHERE uid = :after", asked)
            if not found:
                raise UsageError(f"no job {after}", "the UID of one", "begin at the first page")
            asked["then"] = found[0]["number"]
            conditions += ["number < :then"]
        return self._jobs(" AND ".join(conditions) or "1", "number DESC", **asked)

    def next_jobs(self, most: int) -> list[Job]:
        """The jobs that wait, in the order in which they are run."""
        how = {"state": State.WAITING, "most": most}
        return self._jobs("state = :state", "priority DESC, number", **how)

    def ended_jobs(self, state: State, most: int) -> list[Job]:
        """The jobs that ended last in this state, and that nobody has had done again."""
        how = {"state": state, "most": most}
        condition = "state = :state AND ended IS NOT NULL AND later = ''"
        return self._jobs(condition, "ended DESC", **how)

    def studies(self, most: int, after: str = "") -> list[Seen]:
        """The studies that were seen, by their UID.

        Args:
            most: how many at most.
            after: the UID behind which the list begins.
        """
        return self._seen("uid > :after", after=after, most=most)

    def study(self, uid: str) -> Seen | None:
        """The study of this UID; None if it was never seen."""
        return next(iter(self._seen("uid = :uid", uid=uid, most=1)), None)

    def hours(self, count: int, until: datetime) -> list[Hour]:
        """What ended in each of the last hours, the oldest first; the last one goes on still."""
        last = until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        hours = [last - timedelta(hours=back) for back in reversed(range(count))]
        rows = self._database.ask(
            "SELECT substr(ended, 1, 13) AS hour, state, count(*) AS number FROM jobs"
            " WHERE state IN (:done, :failed) AND ended >= :since GROUP BY hour, state",
            {"done": State.DONE, "failed": State.FAILED, "since": hours[0].isoformat()},
        )
        found = {(row["hour"], row["state"]): row["number"] for row in rows}
        return [
            Hour(
                hour,
                found.get((f"{hour:%Y-%m-%dT%H}", State.DONE), 0),
                found.get((f"{hour:%Y-%m-%dT%H}", State.FAILED), 0),
            )
            for hour in hours
        ]

    def _counts(self, table: str) -> dict[State, int]:
        statement = f"SELECT state, count(*) AS number FROM {table} GROUP BY state"  # noqa: S608
        found = {State(row["state"]): row["number"] for row in self._database.ask(statement)}
        return {state: found.get(state, 0) for state in State}

    def _seen(self, condition: str, **values: object) -> list[Seen]:
        columns = "uid, state, tries, ended, reason"
        statement = f"SELECT {columns} FROM studies WHERE {condition} ORDER BY uid LIMIT :most"  # noqa: S608
        return [
            Seen(row["uid"], State(row["state"]), row["tries"], row["ended"], row["reason"])
            for row in self._database.ask(statement, values)
        ]

    def _jobs(self, condition: str, order: str, **values: object) -> list[Job]:
        statement = f"SELECT * FROM jobs WHERE {condition} ORDER BY {order} LIMIT :most"  # noqa: S608
        return [job_in(row) for row in self._database.ask(statement, values)]
