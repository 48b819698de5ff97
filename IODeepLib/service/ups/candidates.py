"""The rows that may be what somebody searches for: what columns say is asked of the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from IODeepLib.headers import text
from IODeepLib.service.database import Database
from IODeepLib.service.states import State, UpsState

_MOST_LOOKED_AT = 20_000  # of one search
_PAGE = 500
_STATES = {
    UpsState.SCHEDULED: (State.CHOICE, State.WAITING),
    UpsState.IN_PROGRESS: (State.CHOICE, State.WAITING, State.RUNNING, State.STORING),
    UpsState.COMPLETED: (State.DONE,),
    UpsState.CANCELED: (State.FAILED, State.CANCELED),
}


def candidates(database: Database, table: str, keys: Dataset) -> Iterator[Any]:
    """Rows of a table that may be of steps with these values, the newest first."""
    conditions, values = ["1"], dict[str, Any]()
    for column, those in _wanted(keys).items():
        if column == "state" and table == "jobs":
            those = [one for state in those for one in _STATES[UpsState(state)]]
        names = [f"{column}{number}" for number in range(len(those))]
        conditions.append(f"{column} IN ({', '.join(f':{name}' for name in names)})")
        values |= dict(zip(names, those, strict=True))
    for offset in range(0, _MOST_LOOKED_AT, _PAGE):
        rows = database.ask(
            f"SELECT * FROM {table} WHERE {' AND '.join(conditions)}"  # noqa: S608
            " ORDER BY created DESC, uid LIMIT :most OFFSET :offset",
            values | {"most": _PAGE, "offset": offset},
        )
        yield from rows
        if len(rows) < _PAGE:
            return


def _wanted(keys: Dataset) -> dict[str, list[str]]:
    """What of the keys stands in columns of the tables."""
    found: dict[str, list[str]] = {}
    if "SOPInstanceUID" in keys and keys.SOPInstanceUID:
        value = keys.SOPInstanceUID
        many = [value] if isinstance(value, str) else [str(one) for one in value]
        if len(many) <= _PAGE:
            found["uid"] = many
    state = text(keys, "ProcedureStepState")
    if state in {one.value for one in UpsState}:
        found["state"] = [state]
    return found
