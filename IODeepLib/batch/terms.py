"""What is asked for each study of a cohort, and what is said of it afterwards: JSON, all of it.

Between processes and machines nothing else goes to and fro.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from IODeepLib.errors import IODeepError
from IODeepLib.service.settings import Which
from IODeepLib.text.records import Record, dump, parse

SCHEMA = "iodeep-batch/1"


class Outcome(StrEnum):
    """What became of a study."""

    DONE = "done"
    NOTHING = "nothing fits"
    CHOICE = "needs a choice"  # several models are equally good
    FAILED = "failed"  # the next call tries it again


class Asked(Record):
    """What is done with every study.

    Attributes:
        source: where the studies are.
        models: where the models are.
        cards: SOP Instance UIDs of the cards of the models to choose from.
        out: the folder for results.
        store: where they go as well.
        which: which of the models that fit are run.
        model: the name of the one model to run, instead.
        study_date, modality: which images are meant, as of `Query`.
        threads: for each network.
        memory: bytes that a process may take.
    """

    source: str
    models: str
    cards: tuple[str, ...]
    out: str
    store: str | None = None
    which: Which = Which.BEST
    model: str | None = None
    study_date: str | None = None
    modality: str | None = None
    threads: int | None = None
    memory: int | None = None

    @property
    def digest(self) -> str:
        """Of all that the results depend on."""
        aside = {"source": "", "models": "", "out": "", "study_date": None}
        same = replace(self, **aside, threads=None, memory=None, cards=tuple(sorted(self.cards)))
        return hashlib.sha256(json.dumps(dump(same), sort_keys=True).encode()).hexdigest()


class Task(Record):
    """One study.

    Attributes:
        study: Study Instance UID.
        content: a digest of what it has, see `studies`.
        files: the files of its images, if they are in a folder.
    """

    study: str
    content: str
    files: tuple[str, ...] = ()


# Label, what was measured of it, the value, and its unit.
Measured = tuple[str, str, float, str]


class Run(Record):
    """A model was run on a series.

    Attributes:
        series: Series Instance UID.
        part: which volume, where the series holds several.
        model: its name and version.
        card: SOP Instance UID of its card.
        folder: where the result lies, in the folder of the study.
        seconds: how long it took.
        measured: what came out, as numbers.
    """

    series: str
    part: str
    model: str
    card: str
    folder: str
    seconds: float
    measured: tuple[Measured, ...] = ()


class Trouble(Record):
    """Why something did not come to a result.

    Attributes:
        kind: the kind of error.
        reason: it, in one line; it may say something of the patient.
        group: the same in words that others of its kind share, and that say nothing of anybody.
    """

    kind: str
    reason: str
    group: str


class StudyRecord(Record):
    """What became of a study.

    Attributes:
        study, content: as of its task.
        outcome: in one word.
        ended: when, in UTC and ISO 8601.
        seconds: how long it took.
        runs: what was run.
        troubles: what was not, and why.
    """

    study: str
    content: str
    outcome: Outcome
    ended: str
    seconds: float
    runs: tuple[Run, ...] = ()
    troubles: tuple[Trouble, ...] = ()


def trouble_of(error: IODeepError, shared: str) -> Trouble:
    """What is said of an error; `shared` is what was wanted, without a word on the patient."""
    kind = type(error).__name__
    return Trouble(kind, str(error), f"{kind}: wanted {shared}")


def to_line(record: Record) -> str:
    """A record as one line of ASCII."""
    return json.dumps(dump(record), separators=(",", ":"))


def from_line(kind: Any, line: str | bytes) -> Any:
    """What `to_line` wrote.

    Raises:
        ValueError: it is something else.
    """
    return parse(kind, json.loads(line), exact=True)
