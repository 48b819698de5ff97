"""Steps that ended long ago are deleted, so that what there is of them stays bounded.

A step stays as long as somebody's subscription locks it (PS3.4 section CC.2.3), but not for ever.
Subscriptions to what is deleted end. Of a job is known that it was there: no UID is given twice,
and what went well is not done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from IODeepLib.service.database import Database
from IODeepLib.service.states import State
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import FINAL, Worklist

# So many times as long a step is kept that is locked: who locked it may never come back.
LOCKED_TIMES = 4
AT_ONCE = 200  # looked at by one call: others write, too
_FROM_THE_FIRST = "", ""


class Forgetting:
    """Deletes steps, some by each call.

    Args:
        database: where they are.
        worklist: the same, as steps.
        days: how long they are kept after their end.
    """

    def __init__(self, database: Database, worklist: Worklist, days: float) -> None:
        self._database, self._days = database, days
        self._subscriptions = Subscriptions(database, worklist)
        self._seen = {"ups_steps": _FROM_THE_FIRST, "jobs": _FROM_THE_FIRST}

    def forget(self, now: datetime | None = None) -> int:
        """Delete some of what has been kept for long enough; how much that was."""
        now = now or datetime.now(UTC)
        return sum(self._forget(table, now) for table in self._seen)

    def _forget(self, table: str, now: datetime) -> int:
        then, after = self._seen[table]
        values = {"before": self._since(now, 1), "then": then, "after": after, "most": AT_ONCE}
        rows = self._database.ask(_ENDED[table], values)
        last = (rows[-1]["ended"], rows[-1]["uid"]) if len(rows) == AT_ONCE else _FROM_THE_FIRST
        self._seen[table] = last
        if not rows:
            return 0
        with self._database.transaction() as execute:
            gone = [
                row["uid"]
                for row in rows
                if row["ended"] < self._since(now, LOCKED_TIMES)
                or not self._subscriptions.is_locked(row["uid"])
            ]
            for uid in gone:
                _delete(execute, table, uid)
        return len(gone)

    def _since(self, now: datetime, times: int) -> str:
        """What ended before that is deleted; as `time_of_day` has it."""
        return (now - timedelta(days=times * self._days)).isoformat(timespec="milliseconds")


def _ended(table: str, ended: str, states: Iterable[str], condition: str) -> str:
    """What has ended, from where one is."""
    listed = ", ".join(f"'{state}'" for state in states)
    return (
        f"SELECT uid, {ended} AS ended FROM {table} WHERE state IN ({listed})"  # noqa: S608
        f" AND {ended} < :before AND ({ended}, uid) > (:then, :after) AND {condition}"
        f" ORDER BY {ended}, uid LIMIT :most"
    )


_ENDED = {
    # Those of former versions do not say when they ended.
    "ups_steps": _ended("ups_steps", "coalesce(ended, created)", FINAL, "1"),
    # A step of others says what its jobs have given.
    "jobs": _ended(
        "jobs",
        "ended",
        [state for state in State if state.is_final],
        "NOT EXISTS (SELECT 1 FROM ups_performs WHERE job = jobs.uid)",
    ),
}


def _delete(execute: Callable[..., Any], table: str, uid: str) -> None:
    if table == "jobs":
        execute(
            "INSERT OR REPLACE INTO forgotten SELECT uid, state = ? FROM jobs WHERE uid = ?",
            [State.DONE, uid],
        )
    execute(f"DELETE FROM {table} WHERE uid = ?", [uid])  # noqa: S608
    execute("DELETE FROM ups_performs WHERE step = ?", [uid])
    execute("DELETE FROM ups_subscriptions WHERE step = ?", [uid])
