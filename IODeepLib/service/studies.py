"""The studies that were seen on the server, and when each is looked at.

DICOM has no "study complete": a study is looked at once nothing in it has changed for a while.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.queue import Queue, time_of_day
from IODeepLib.service.states import State


@dataclass(frozen=True, slots=True)
class Study:
    """A study that was taken to be looked at.

    Attributes:
        uid: Study Instance UID.
        state: where it is.
        events: how often it was seen until then.
        content: a digest of what images it had when the server was last asked; "" if it never was.
        looked: the same when jobs were last made of it.
        tries, crashes: how often that went wrong since it was last seen.
    """

    uid: str
    state: State
    events: int
    content: str
    looked: str
    tries: int
    crashes: int


class Studies(Queue):
    """The studies in a database. See `Queue`."""

    what = "studies"

    def seen(self, execute: Callable[..., Any], uid: str) -> None:
        """Something has changed in a study; within a transaction.

        One that is being looked at is looked at again behind that.
        """
        execute(
            "INSERT INTO studies (uid, state, due) VALUES (:uid, :waiting, :now)"
            " ON CONFLICT (uid) DO UPDATE SET events = events + 1,"
            " due = CASE WHEN state IN (:done, :failed) THEN :now ELSE due END,"
            " tries = CASE WHEN state IN (:done, :failed) THEN 0 ELSE tries END,"
            " crashes = CASE WHEN state IN (:done, :failed) THEN 0 ELSE crashes END,"
            " state = CASE WHEN state IN (:done, :failed) THEN :waiting ELSE state END",
            {
                "uid": uid,
                "now": self._database.now(),
                "waiting": State.WAITING,
                "done": State.DONE,
                "failed": State.FAILED,
            },
        )

    def look_now(self, uid: str, content: str) -> None:
        """Somebody wants a study looked at now, also where nothing in it has changed.

        Args:
            uid: the study.
            content: what it has now: nobody waits until it is quiet.
        """
        # What is being looked at just now is looked at with what there is.
        self._database.ask(
            "INSERT INTO studies (uid, state, due, content) VALUES (:uid, :waiting, :now, :content)"
            " ON CONFLICT (uid) DO UPDATE SET state = :waiting, events = events + 1, due = :now,"
            " wait = 0, content = :content, looked = '', tries = 0, crashes = 0, reason = ''"
            " WHERE owner IS NULL",
            {
                "uid": uid,
                "now": self._database.now(),
                "waiting": State.WAITING,
                "content": content,
            },
        )

    def was_there(self, execute: Callable[..., Any], uid: str, content: str) -> None:
        """A study was there before anybody looked: nothing is done with it until it changes."""
        execute(
            "INSERT OR IGNORE INTO studies (uid, state, due, content, looked)"
            " VALUES (:uid, :state, 0, :content, :content)",
            {"uid": uid, "state": State.DONE, "content": content},
        )

    def contents(self) -> dict[str, str]:
        """Of each study that was seen, the digest of what it had last."""
        found = self._database.ask("SELECT uid, content FROM studies")
        return {row["uid"]: row["content"] for row in found}

    def is_taken(self, uid: str) -> bool:
        """Whether somebody looks at a study."""
        statement = "SELECT 1 FROM studies WHERE uid = :uid AND owner IS NOT NULL"
        return bool(self._database.ask(statement, {"uid": uid}))

    def seconds_to_next(self) -> float | None:
        """How long it is until the next study is to be looked at; None if none waits."""
        statement = "SELECT min(due) FROM studies WHERE state = :waiting"
        due = self._database.ask(statement, {"waiting": State.WAITING})[0][0]
        return None if due is None else due - self._database.now()

    def next(self) -> Study | None:
        """Take a study to look at it."""
        row: sqlite3.Row | None = self._take(State.WAITING, State.RUNNING, "due, uid")
        if row is None:
            return None
        names = ("events", "content", "looked", "tries", "crashes")
        return Study(row["uid"], State(row["state"]), *(row[name] for name in names))

    def has_changed(self, study: Study, content: str, quiet: float) -> None:
        """A study has other images than before: it is looked at if that stays so for `quiet` s."""
        now = self._database.now()
        self._set(
            study,
            "state = :back, owner = NULL, content = :content, due = :due, wait = :quiet",
            {"back": State.WAITING, "content": content, "due": now + quiet, "quiet": quiet},
        )

    def looked_at(
        self, study: Study, content: str, jobs: Iterable[Job] = (), reason: str = ""
    ) -> list[Job]:
        """A study was looked at, and this has come of it; the jobs that are new.

        Args:
            study: which.
            content: what it had then.
            jobs: what is to be done.
            reason: why nothing is, if so.
        """
        values = self._named(study) | {"content": content, "reason": reason, "wall": time_of_day()}
        values |= {"events": study.events, "done": State.DONE, "waiting": State.WAITING}
        with self._database.transaction() as execute:
            changed = execute(
                "UPDATE studies SET owner = NULL, content = :content, looked = :content,"
                " tries = 0, crashes = 0, reason = :reason, ended = :wall, due = 0, wait = 0,"
                " state = CASE events WHEN :events THEN :done ELSE :waiting END"
                " WHERE uid = :uid AND owner = :owner AND state = :state",
                values,
            ).rowcount
            return Jobs(self._database, self.owner).add(execute, jobs) if changed else []
