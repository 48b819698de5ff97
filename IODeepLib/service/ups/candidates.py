"""The rows that may be what somebody searches for: what columns say is asked of the database.

To make a step of a row and compare it takes a thousand times as long as not to read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from IODeepLib.headers import text
from IODeepLib.service.database import Database
from IODeepLib.service.settings import Priority
from IODeepLib.service.states import State, UpsState
from IODeepLib.service.ups.matching import matches
from IODeepLib.service.ups.steps import LONGEST_LABEL, TO_BE_CHOSEN

_MOST_LOOKED_AT = 2000  # of one search, whatever is asked for
_PAGE = 100
_MOST_UIDS = 500
_STATES = {
    UpsState.SCHEDULED: (State.CHOICE, State.WAITING),
    UpsState.IN_PROGRESS: (State.CHOICE, State.WAITING, State.RUNNING, State.STORING),
    UpsState.COMPLETED: (State.DONE,),
    UpsState.CANCELED: (State.FAILED, State.CANCELED),
}
# What differs from job to job; what else is asked for, all of them have or none.
_OF_ONE = (
    *("SpecificCharacterSet", "TimezoneOffsetFromUTC", "TransactionUID"),
    *("SOPClassUID", "SOPInstanceUID", "ProcedureStepState", "ScheduledProcedureStepPriority"),
    *("ProcedureStepLabel", "ScheduledProcessingParametersSequence"),
    "ReplacedProcedureStepSequence",
    *("ScheduledProcedureStepStartDateTime", "InputInformationSequence"),
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
_CREATED = "replace(replace(replace(substr(created, 1, 19), '-', ''), 'T', ''), ':', '')"
_ORDER = {"ups_steps": "created DESC, uid", "jobs": "number DESC"}
_RANGE = re.compile(r"(\d{0,14})[^-]*-(\d{0,14})[^-]*")
_Condition = tuple[str, dict[str, Any]]


def candidates(database: Database, table: str, keys: Dataset, of_all: Dataset) -> Iterator[Any]:
    """Rows of a table that may be of steps with these values, the newest first.

    Args:
        database: where the table is.
        table: `jobs`, or `ups_steps`.
        keys: the values.
        of_all: what all jobs have alike.
    """
    found = [*_named(keys, table), *_in_study(keys)]
    if table == "jobs":
        others = Dataset()
        others.update(keys)
        for keyword in _OF_ONE:
            others.pop(keyword, None)
        if not matches(of_all, others):
            return
        found += _like(keys)
    where = " AND ".join(["1", *(condition for condition, _ in found)])
    values = {name: value for _, those in found for name, value in those.items()}
    for offset in range(0, _MOST_LOOKED_AT, _PAGE):
        rows = database.ask(
            f"SELECT * FROM {table} WHERE {where}"  # noqa: S608
            f" ORDER BY {_ORDER[table]} LIMIT :most OFFSET :offset",
            values | {"most": _PAGE, "offset": offset},
        )
        yield from rows
        if len(rows) < _PAGE:
            return


def _named(keys: Dataset, table: str) -> Iterator[_Condition]:
    """By UID and state."""
    if "SOPInstanceUID" in keys and keys.SOPInstanceUID:
        value = keys.SOPInstanceUID
        many = [value] if isinstance(value, str) else [str(one) for one in value]
        if len(many) <= _MOST_UIDS:
            yield _one_of("uid", many)
    state = text(keys, "ProcedureStepState")
    if state in {one.value for one in UpsState}:
        own = [one.value for one in _STATES[UpsState(state)]]
        yield _one_of("state", own if table == "jobs" else [state])


def _in_study(keys: Dataset) -> Iterator[_Condition]:
    """By the study that is read."""
    element = keys.get_item("InputInformationSequence")
    asked = keys.get("InputInformationSequence") if element is not None else None
    if asked and isinstance(asked[0], Dataset):
        study = text(asked[0], "StudyInstanceUID")
        if study and "\\" not in study:
            yield "study IN (:study, '')", {"study": study}


def _like(keys: Dataset) -> Iterator[_Condition]:
    """Jobs by model, priority and time."""
    label = text(keys, "ProcedureStepLabel")
    if label and "\\" not in label:
        values = {"label": label.replace("[", "[[]"), "choice": TO_BE_CHOSEN}
        shown = f"substr(iif(label = '', :choice, label), 1, {LONGEST_LABEL})"
        yield f"{shown} GLOB :label", values
    priority = text(keys, "ScheduledProcedureStepPriority")
    if priority in set(Priority):
        yield "priority = :priority", {"priority": Priority(priority).rank}
    if span := _RANGE.fullmatch(text(keys, "ScheduledProcedureStepStartDateTime")):
        first, last = span.groups()
        yield f"{_CREATED} >= :first", {"first": first}
        if last:
            yield f"substr({_CREATED}, 1, {len(last)}) <= :last", {"last": last}


def _one_of(column: str, those: list[str]) -> _Condition:
    names = [f"{column}{number}" for number in range(len(those))]
    condition = f"{column} IN ({', '.join(f':{name}' for name in names)})"
    return condition, dict(zip(names, those, strict=True))
