"""A task is done in a process of its own, whose end, whichever it is, ends nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from IODeepLib.machine.ends import how_it_ended, last_words
from IODeepLib.service import tasks
from IODeepLib.service.tasks import Failure, Look, Run
from IODeepLib.text.foreign import printable

_ASK_EVERY = 0.2  # seconds between two looks whether to go on
_MODULE = "IODeepLib.service.child"


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
    task: Look | Run,
    folder: Path,
    wanted: Callable[[], bool],
    report: Callable[[float, str], object],
) -> Ended:
    """Do a task in a process of its own.

    Args:
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
    with (
        (folder / tasks.MESSAGES).open("wb") as messages,
        subprocess.Popen(  # noqa: S603 - our own module, on a folder of ours
            [sys.executable, "-P", "-m", _MODULE, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,  # Ctrl-C is for the service
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101
        told = _Told(process.stdout)
        try:
            while process.poll() is None:
                if not wanted():
                    return Ended(unwanted=True)
                if time.monotonic() > ends:
                    return Ended(
                        Failure(f"it took longer than {minutes:g} minutes", "TimeoutError")
                    )
                if (step := told.news()) is not None:
                    report(*step)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_ASK_EVERY)
        finally:
            process.kill()
            process.wait()
    if (folder / tasks.FAILURE).exists():
        return Ended(tasks.read_json(folder / tasks.FAILURE, Failure))
    expected = tasks.FOUND if isinstance(task, Look) else tasks.OUTPUTS
    if process.returncode and not wanted():  # who ended the service has ended it as well
        return Ended(unwanted=True)
    if process.returncode or not (folder / expected).exists():
        words = last_words((folder / tasks.MESSAGES).read_bytes())
        return Ended(crash=how_it_ended(process.returncode), words=words)
    return Ended()


class _Told:
    """What a process says of how far it is: the newest step, read in a thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._newest: tuple[float, str] | None = None
        threading.Thread(target=self._read, args=[stream], daemon=True).start()

    def news(self) -> tuple[float, str] | None:
        """The newest step, if there is one since the last call."""
        newest, self._newest = self._newest, None
        return newest

    def _read(self, stream: IO[bytes]) -> None:
        with suppress(ValueError):  # it was closed
            for line in stream:
                with suppress(ValueError, TypeError):  # a library has printed something
                    fraction, message = json.loads(line)
                    self._newest = float(fraction), printable(str(message))
