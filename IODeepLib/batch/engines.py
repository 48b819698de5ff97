"""Who reads studies: processes of this machine, or those of a cluster."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Protocol

from IODeepLib.batch.terms import Outcome, StudyRecord, Task, Trouble


class Engine(Protocol):
    """Reads studies, several at once."""

    @property
    def where(self) -> str:
        """How messages call it."""
        ...

    def records(self, tasks: Iterator[Task]) -> Generator[StudyRecord, None, None]:
        """What becomes of each study, in the order in which they are done.

        Tasks are taken one by one, little earlier than somebody has time for them. Whoever wants no
        more closes it: what is being read then ends at once.
        """
        ...


def lost(task: Task, what: str, words: str = "") -> StudyRecord:
    """What is said of a study where whoever read it does not say anything any more.

    Args:
        task: the study.
        what: what has happened.
        words: the last that was said; they may name a patient.
    """
    trouble = Trouble("Process", f"{what}: {words}" if words else what, what)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return StudyRecord(task.study, task.content, Outcome.FAILED, now, 0.0, (), (trouble,))
