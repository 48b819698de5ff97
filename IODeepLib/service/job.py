"""A job: one model on one series, as the queue remembers it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields

from IODeepLib.service.states import State, UpsState, ups_state
from IODeepLib.text.derived_uids import derived_uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model on one series.

    Attributes:
        study, series: Study and Series Instance UID of the images.
        volume: which volume, where the series holds several, see `ImageSeries.split_by`.
        content: digest of the SOP Instance UIDs of the volume: a series that grows is another one.
        model: SOP Instance UID of the card of the model; "" as long as somebody has to choose.
        label: name and version of the model.
        choices: the models to choose from: of each the UID of its card, and its label.
        rule: the name of the rule that asked for it.
        products: what of the result is stored, see `rules.Product`.
        priority: the higher, the sooner.
        opens, closes: the minutes of the day from and until which it may begin; equal for any.
        state: where it is.
        created, started, ended: when, in UTC and ISO 8601; for people, nothing is decided by it.
        attempts: how often it was begun.
        crashes: how often its process ended without saying why.
        fraction, message: how far it is.
        reason: why it failed, was canceled, or waits.
        former: the UID of the job whose work it does once more; "" if it is the first.
        later: the UID of the job that does its work once more; "" if there is none.
    """

    study: str
    series: str
    volume: str = ""
    content: str = ""
    model: str = ""
    label: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    products: tuple[str, ...] = ()
    priority: int = 0
    opens: int = 0
    closes: int = 0
    state: State = State.WAITING
    created: str = ""
    started: str | None = None
    ended: str | None = None
    attempts: int = 0
    tries: int = 0
    crashes: int = 0
    fraction: float = 0.0
    message: str = ""
    reason: str = ""
    former: str = ""
    later: str = ""

    @property
    def uid(self) -> str:
        """SOP Instance UID of the procedure step: the same work has the same one."""
        models = [self.model] if not self.choices else [uid for uid, _ in self.choices]
        parts = [self.study, self.series, self.volume, self.content, *models]
        parts += [self.former] if self.former else []
        return derived_uid("procedure step", "\n".join(parts))

    @property
    def ups_state(self) -> UpsState:
        """The state of the procedure step."""
        return ups_state(self.state, self.started is not None)

    def once_more(self) -> Job:
        """The same work as another job, which has not begun: a step that has ended stays so."""
        return Job(
            **{name: getattr(self, name) for name in _ORDERED},
            state=State.WAITING if self.model else State.CHOICE,
            former=self.uid,
        )

    def row(self) -> dict[str, str | float | None]:
        """Its columns in the table of jobs."""
        row = {one.name: getattr(self, one.name) for one in fields(self)}
        row |= {"uid": self.uid, "choices": json.dumps(self.choices), "state": self.state.value}
        return row | {"products": ",".join(self.products)}


# What a job is told, and not what becomes of it.
_ORDERED = (
    *("study", "series", "volume", "content", "model", "label", "choices", "rule", "products"),
    *("priority", "opens", "closes"),
)


def job_in(row: sqlite3.Row) -> Job:
    """The job in a row of the table."""
    values = {one.name: row[one.name] for one in fields(Job)}
    choices: Sequence[Sequence[str]] = json.loads(row["choices"])
    values["choices"] = tuple((uid, label) for uid, label in choices)
    values["products"] = tuple(filter(None, row["products"].split(",")))
    return Job(**values | {"state": State(row["state"])})
