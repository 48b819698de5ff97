"""Who wants to know what happens to procedure steps (PS3.4 section CC.2.3), and what has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from sqlite3 import Row

from pydicom.dataset import Dataset

from IODeepLib.headers import text
from IODeepLib.service.database import Database
from IODeepLib.service.states import UpsState
from IODeepLib.service.ups import attributes
from IODeepLib.service.ups.matching import matches
from IODeepLib.service.ups.refusals import EVERY_STEP, EVERY_STEP_LIKE, Status, UpsError
from IODeepLib.service.ups.tables import CANCEL_REQUESTED, PROGRESS, REPORT
from IODeepLib.service.ups.worklist import Worklist, happened

_MOST = 10_000
_MOST_AT_ONCE = 100
_OPEN = f"state NOT IN ('{UpsState.COMPLETED}', '{UpsState.CANCELED}')"
_FORGET = "DELETE FROM ups_subscriptions WHERE title = ?"
_ALL = (EVERY_STEP, EVERY_STEP_LIKE)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened.

    Attributes:
        number: the later, the higher.
        step: the SOP Instance UID of the step.
        kind: the type of the event.
        state: of the step since then.
        fraction: how much of it is done.
        words: for people.
    """

    number: int
    step: str
    kind: int
    state: UpsState
    fraction: float
    words: str

    @property
    def information(self) -> Dataset:
        """What is told of it (PS3.4 table CC.2.4-1)."""
        said = Dataset()
        if self.kind == REPORT:
            said.ProcedureStepState, said.InputReadinessState = self.state.value, "READY"
            if self.state is UpsState.CANCELED:
                said.ReasonForCancellation = self.words
        elif self.kind == CANCEL_REQUESTED:
            said.ReasonForCancellation = self.words
        elif self.kind == PROGRESS:
            progress = Dataset()
            progress.ProcedureStepProgress = f"{100 * self.fraction:.0f}"
            progress.ProcedureStepProgressDescription = self.words
            said.ProcedureStepProgressInformationSequence = [progress]
        return said


class Subscriptions:
    """The subscriptions in a database.

    Args:
        database: where they are.
        worklist: the steps.
    """

    def __init__(self, database: Database, worklist: Worklist) -> None:
        self._database, self._worklist = database, worklist

    def subscribe(
        self, uid: str, title: str, keys: Dataset | None = None, *, locks: bool = False
    ) -> None:
        """Somebody wants to know what happens to a step, or to all that are like `keys`.

        Args:
            uid: the step, or one of those that stand for all.
            title: who.
            keys: what steps are like.
            locks: whether they are kept after their end as well, see `is_locked`.

        Raises:
            UpsError: there is no such step, or there are too many subscriptions.
        """
        state = self._state(uid)
        filter_ = "" if keys is None else json.dumps(attributes.to_json(keys))
        with self._database.transaction() as execute:
            (count,) = execute("SELECT count(*) FROM ups_subscriptions").fetchone()
            if count >= _MOST:
                raise UpsError(Status.FULL)
            if uid in _ALL:  # from now on it is of all
                execute(_FORGET, [title])
            execute(
                "INSERT OR REPLACE INTO ups_subscriptions (step, title, wanted, keys, locks)"
                " VALUES (?, ?, 1, ?, ?)",
                [uid, title, filter_, locks],
            )
            if state is not None:
                happened(execute, uid, REPORT, state, title=title)

    def unsubscribe(self, uid: str, title: str) -> None:
        """They do not want to any more.

        Raises:
            UpsError: there is no such step.
        """
        self._state(uid)
        with self._database.transaction() as execute:
            if uid in _ALL:
                execute(_FORGET, [title])
                return
            general = "SELECT 1 FROM ups_subscriptions WHERE step IN (?, ?) AND title = ?"
            if execute(general, [*_ALL, title]).fetchone() is None:
                execute("DELETE FROM ups_subscriptions WHERE step = ? AND title = ?", [uid, title])
            else:
                execute(
                    "INSERT OR REPLACE INTO ups_subscriptions (step, title, wanted)"
                    " VALUES (?, ?, 0)",
                    [uid, title],
                )

    def suspend(self, uid: str, title: str) -> None:
        """They want to know of the steps that there are, and of no new ones.

        Raises:
            UpsError: that can only be said of all steps.
        """
        if uid not in _ALL:
            raise UpsError(Status.NO_SUCH_ACTION)
        with self._database.transaction() as execute:
            removed = execute(
                "DELETE FROM ups_subscriptions WHERE step = ? AND title = ? RETURNING locks",
                [uid, title],
            ).fetchone()
            if removed is None:
                return
            for table in ("ups_steps", "jobs"):
                is_open = _OPEN if table == "ups_steps" else "ended IS NULL"
                execute(
                    "INSERT OR IGNORE INTO ups_subscriptions (step, title, wanted, locks)"  # noqa: S608
                    f" SELECT uid, :title, 1, :locks FROM {table} WHERE {is_open} OR :locks"
                    " LIMIT :most",
                    {"title": title, "locks": removed["locks"], "most": _MOST},
                )

    def is_locked(self, uid: str) -> bool:
        """Whether somebody wants to read a step after its end, and is not done with that."""
        one = {row["title"]: row["locks"] for row in self._locks(uid, "1")}
        return any(one.values()) or any(
            row["title"] not in one
            for every in _ALL
            for row in self._locks(every, "locks")
            if every == EVERY_STEP or self._is_like(uid, row["keys"])
        )

    def _locks(self, step: str, condition: str) -> list[Row]:
        statement = f"SELECT * FROM ups_subscriptions WHERE step = :step AND {condition}"  # noqa: S608
        return self._database.ask(statement, {"step": step})

    def last(self) -> int:
        """The number of the last event."""
        found = self._database.ask("SELECT coalesce(max(number), 0) AS last FROM ups_events")
        return int(found[0]["last"])

    def titles(self) -> list[str]:
        """All who want to know something."""
        found = self._database.ask("SELECT DISTINCT title FROM ups_subscriptions")
        return [row["title"] for row in found]

    def news(self, title: str, since: int) -> tuple[list[Event], int]:
        """What has happened that somebody wants to know, and the number up to which that is."""
        rows = self._database.ask(
            "SELECT events.*, one.wanted AS one, every.wanted AS every, some.keys AS some"
            " FROM ups_events AS events"
            " LEFT JOIN ups_subscriptions AS one ON one.step = events.step AND one.title = :title"
            " LEFT JOIN ups_subscriptions AS every ON every.step = :every AND every.title = :title"
            " LEFT JOIN ups_subscriptions AS some ON some.step = :some AND some.title = :title"
            " WHERE number > :since AND events.title IN ('', :title) ORDER BY number LIMIT :most",
            {
                "title": title,
                "since": since,
                "every": EVERY_STEP,
                "some": EVERY_STEP_LIKE,
                "most": _MOST_AT_ONCE,
            },
        )
        found, last = [], since
        for row in rows:
            last = row["number"]
            wanted = row["one"] if row["one"] is not None else row["every"]
            if wanted or (wanted is None and self._is_like(row["step"], row["some"])):
                state = UpsState(row["state"])
                said = row["kind"], state, row["fraction"], row["words"]
                found.append(Event(last, row["step"], *said))
        return found, last

    def _is_like(self, uid: str, keys: str | None) -> bool:
        if keys is None:
            return False
        try:
            return matches(self._worklist.step(uid), Dataset.from_json(keys))
        except UpsError:
            return False

    def _state(self, uid: str) -> UpsState | None:
        """Of the step that is meant; None if all are."""
        if uid in _ALL:
            return None
        return UpsState(text(self._worklist.step(uid), "ProcedureStepState"))
