"""A task is done in a process of its own, whose end, whichever it is, ends nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.machine.ends import how_it_ended
from IODeepLib.service import tasks
from IODeepLib.service.helpers import Helpers
from IODeepLib.service.tasks import Failure, Look, Run

_ASK_EVERY = 0.2  # seconds between two looks whether to go on


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process has ended.

    Attributes:
        failure: what it said of why there is no result; None if it did not.
        crash: the signal or the exit status that it ended with, without saying why; "" if it did.
        words: the last that it said then; they may name a patient.
        unwanted: whether it was ended because nobody wants it any more.
    """

    failure: Failure | None = None
    crash: str = ""
    words: str = ""
    unwanted: bool = False

    @property
    def reason(self) -> str:
        """How and with which words it crashed."""
        return f"{self.crash}: {self.words}" if self.words else self.crash


def do_apart(
    helpers: Helpers,
    task: Look | Run,
    folder: Path,
    wanted: Callable[[], bool],
    report: Callable[[float, str], object],
) -> Ended:
    """Do a task in a process of its own.

    Args:
        helpers: those who can.
        task: what to do.
        folder: where it works, which exists and is empty.
        wanted: asked again and again whether to go on.
        report: told how far it is.

    Raises:
        OutputError: the folder cannot be written.
    """
    tasks.write_json(folder / tasks.TASK, task)
    minutes = task.settings.minutes
    ends = time.monotonic() + 60 * minutes
    with helpers.one() as helper:
        helper.begin(folder)
        while (status := helper.status(_ASK_EVERY)) is None:
            if not wanted():
                return Ended(unwanted=True)
            if time.monotonic() > ends:
                return Ended(Failure(f"it took longer than {minutes:g} minutes", "TimeoutError"))
            if (step := helper.news()) is not None:
                report(*step)
        words = helper.last_words()
    if (folder / tasks.FAILURE).exists():
        return Ended(tasks.read_json(folder / tasks.FAILURE, Failure))
    expected = tasks.FOUND if isinstance(task, Look) else tasks.OUTPUTS
    if status and not wanted():  # who ended the service has ended it as well
        return Ended(unwanted=True)
    if status or not (folder / expected).exists():
        return Ended(crash=how_it_ended(status), words=words)
    return Ended()
