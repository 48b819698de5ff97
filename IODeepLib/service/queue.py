"""What waits in a table, is taken by one service each, and ends: the same for jobs and studies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

from IODeepLib.service.database import Database
from IODeepLib.service.states import State
from IODeepLib.service.waits import IS_DUE, pause_after

MOST_CRASHES = 10
MOST_REFUSALS = 10  # of what a server will not have, for it may have been set up wrongly
_OURS = "uid = :uid AND owner = :owner AND state = :state"


class Item(Protocol):
    """What was taken, as it was then."""

    @property
    def uid(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def tries(self) -> int: ...
    @property
    def crashes(self) -> int: ...


class Queue:
    """The rows of a table, as one service sees them.

    What a service says of an item that it has taken says nothing once that is not its own any more:
    it was canceled, or another service has taken it.

    Args:
        database: where they are.
        owner: the name of the service.
    """

    what: ClassVar[str]  # the name of the table

    def __init__(self, database: Database, owner: str = "") -> None:
        self._database, self.owner = database, owner

    def is_ours(self, item: Item) -> bool:
        """Whether an item that was taken is still ours."""
        statement = f"SELECT 1 FROM {self.what} WHERE {_OURS}"  # noqa: S608
        return bool(self._database.ask(statement, self._named(item)))

    def failed(self, item: Item, reason: str) -> bool:
        """Nothing will come of it."""
        return self._end(item, State.FAILED, reason)

    def later(self, item: Item, reason: str, *, refused: bool = False) -> bool:
        """It is tried again after a pause: the other side failed, or the disk is full.

        Args:
            item: which.
            reason: why.
            refused: whether that is likely to be for good; it fails in the end then.

        Returns:
            Whether it will be tried again.
        """
        tries = item.tries + 1
        if refused and tries >= MOST_REFUSALS:
            self.failed(item, reason)
            return False
        self._wait(item, pause_after(tries), "tries = :tries, reason = :reason", tries, reason)
        return True

    def crashed(self, item: Item, reason: str) -> bool:
        """Its process ended without saying why; after some times it is not tried any more.

        Returns:
            Whether it will be tried again.
        """
        crashes = item.crashes + 1
        self._set(item, "crashes = :crashes", {"crashes": crashes})
        if crashes >= MOST_CRASHES:
            self.failed(item, f"quarantined: its process crashed {crashes} times ({reason})")
            return False
        return self.later(item, reason)

    def give_back(self, item: Item) -> None:
        """Let another service go on, or this one when it runs again; nothing is counted."""
        self._set(item, "state = :back, owner = NULL", {"back": _back(item)})

    def owners(self) -> set[str]:
        """The names of all services that have taken something."""
        statement = f"SELECT DISTINCT owner FROM {self.what} WHERE owner IS NOT NULL"  # noqa: S608
        return {row["owner"] for row in self._database.ask(statement)}

    def take_back(self, owner: str) -> int:
        """What a service had that has ended waits again; how much that was."""
        found = self._database.ask(
            f"UPDATE {self.what} SET owner = NULL, state = CASE state WHEN :running"  # noqa: S608
            " THEN :waiting ELSE state END WHERE owner = :owner RETURNING uid",
            {"owner": owner, "running": State.RUNNING, "waiting": State.WAITING},
        )
        return len(found)

    def _take(
        self, state: State, to: State, order: str, *, also: str = "", if_: str = "1", **values: Any
    ) -> Any:
        """The first row that waits no more, which is ours now; None if there is none.

        Args:
            state, to: in which it is, and then comes.
            order: what is first.
            also: what else is set.
            if_: another condition.
            values: by their names.
        """
        rows = self._database.ask(
            f"UPDATE {self.what} SET state = :to, owner = :owner {also} WHERE uid = ("  # noqa: S608
            f"SELECT uid FROM {self.what} WHERE state = :state AND owner IS NULL AND {IS_DUE}"
            f" AND {if_} ORDER BY {order} LIMIT 1) RETURNING *",
            {
                "state": state,
                "to": to,
                "owner": self.owner,
                "now": self._database.now(),
                **values,
            },
        )
        return rows[0] if rows else None

    def _wait(self, item: Item, pause: float, also: str, tries: int, reason: str) -> None:
        values = {"due": self._database.now() + pause, "pause": pause, "back": _back(item)}
        changes = f"state = :back, owner = NULL, due = :due, wait = :pause, {also}"
        self._set(item, changes, values | {"tries": tries, "reason": reason})

    def _end(self, item: Item, state: State, reason: str) -> bool:
        values = {"to": state, "wall": time_of_day(), "reason": reason}
        ended = "state = :to, ended = :wall, reason = :reason, owner = NULL"
        return self._set(item, ended, values)

    def _set(self, item: Item, changes: str, values: dict[str, Any]) -> bool:
        statement = f"UPDATE {self.what} SET {changes} WHERE {_OURS} RETURNING uid"  # noqa: S608
        return bool(self._database.ask(statement, self._named(item) | values))

    def _named(self, item: Item) -> dict[str, Any]:
        return {"uid": item.uid, "owner": self.owner, "state": item.state}


def _back(item: Item) -> State:
    return State.WAITING if item.state is State.RUNNING else item.state


def time_of_day() -> str:
    """In UTC and ISO 8601; for people, nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
