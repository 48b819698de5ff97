"""A network runs in a process of its own; this is its owner's end.

    run = Run(python, image, model)
    while run.poll() is State.RUNNING:
        ...  # run.fraction, run.message
    outcome = run.outcome()

Nothing here waits for the process, except `cancel`, at most `_PATIENCE`. The files lie in a folder
that only this user can read, and that is gone once the run is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.job import Job, readResult, writeJob

if TYPE_CHECKING:
    from IODeepLib.classification import Classification
    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.segmentation import Segmentation
    from IODeepLib.series import Image

_WORKER = Path(__file__).with_name("worker.py")
_PATIENCE = 1.0  # seconds for the process to end after it was killed
_LONGEST_LOG = 100_000  # characters


class State(Enum):
    """How far a run is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes:
        found: the labels, or what a classification or regression says.
        document: everything about the run in plain values, as `result.json` of the command line.
    """

    found: Segmentation | Classification
    document: dict[str, Any]


class Run:
    """One run of one model on one image.

    Attributes:
        fraction: the part that is done, 0 to 1.
        message: what is being done.
        log: what the process and its libraries said, once the run is over.
    """

    def __init__(
        self,
        python: str,
        image: Image,
        model: Model,
        options: Options | None = None,
        others: Sequence[Image] = (),
    ) -> None:
        """Start it; `python` is the interpreter."""
        from IODeepLib.pipeline import Options

        self.fraction, self.message, self.log = 0.0, "starting", ""
        self._state = State.RUNNING
        self._done = False
        self._error: dict[str, str] | None = None
        self._outcome: Outcome | None = None
        self._started = time.monotonic()
        self._inferring: tuple[float, float] | None = None
        self._job = Job(model, options or Options(), [image, *others])
        self._folder = Path(tempfile.mkdtemp(prefix="IODeep-"))
        try:
            writeJob(self._folder, self._job)
            self._process = self._start(python)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._lines = (self._folder / "progress").open(encoding="utf-8")
        self._unfinished = ""

    def _start(self, python: str) -> subprocess.Popen:
        # Files, not pipes: they never fill up, and are read without waiting on every system.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NO_WINDOW}
        with (
            (self._folder / "progress").open("wb") as progress,
            (self._folder / "log").open("wb") as log,
        ):
            return subprocess.Popen(  # noqa: S603  our own program, no shell
                [python, str(_WORKER), str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=progress,
                stderr=log,
                **apart,
            )

    @property
    def process_id(self) -> int:
        """The process identifier."""
        return self._process.pid

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    @property
    def seconds_left(self) -> float | None:
        """An estimate from how fast it went so far, or None as long as there is none."""
        if self._inferring is None or self._state is not State.RUNNING:
            return None
        since, fraction = self._inferring
        done = self.fraction - fraction
        if done < 0.02:
            return None
        return (time.monotonic() - since) / done * (1 - self.fraction)

    def poll(self) -> State:
        """Read what the process said since the last time, and see whether it is over."""
        if self._state is State.RUNNING:
            ended = self._process.poll() is not None
            self._read()
            if ended or self._done or self._error is not None:
                self._finish()
        return self._state

    def outcome(self) -> Outcome:
        """What it gave.

        Raises:
            IODeepError: it failed, was cancelled, or is not over yet.
        """
        from IODeepLib.errors import CancelledError, IODeepError, UsageError

        if self._outcome is not None:
            return self._outcome
        if self._state is State.CANCELLED:
            raise CancelledError
        if self._state is State.RUNNING:
            raise UsageError("the run is not over", "a run to its end", "poll it until it is over")
        error = IODeepError(**self._error)
        if self.log:
            error.add_note(self.log)  # below the traceback in the Python console
        raise error

    def cancel(self) -> None:
        """End it at once, and leave nothing behind; without effect once it is over."""
        if self._state is State.RUNNING:
            self._kill()
            self._close(State.CANCELLED)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                # A launcher may stand between us and Python: the whole group goes.
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.stdin.close()  # and this ends what still lives
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)

    def _read(self) -> None:
        *lines, self._unfinished = (self._unfinished + self._lines.read()).split("\n")
        for line in lines:
            said = json.loads(line)
            if "message" not in said:
                self._done, self._error = said.get("done", False), said.get("error")
                continue
            self.fraction, self.message = said["fraction"], said["message"]
            # Reading and preparing say nothing about how fast the network is.
            if self._inferring is None and "network" in self.message:
                self._inferring = time.monotonic(), self.fraction

    def _finish(self) -> None:
        if self._done:
            try:
                self._outcome = Outcome(*readResult(self._folder, self._job))
            except (OSError, ValueError, MemoryError) as error:
                self._error = _unexpected(f"the result cannot be read: {error!r}")
        elif self._error is None:
            status = self._process.returncode
            ended = f"signal {-status}" if status < 0 else f"status {status}"
            self._error = _unexpected(f"the process that ran the network ended with {ended}")
        self._kill()
        self._close(State.DONE if self._outcome is not None else State.FAILED)

    def _close(self, state: State) -> None:
        self._state = state
        self._lines.close()
        with contextlib.suppress(OSError):
            text = (self._folder / "log").read_text("utf-8", "replace")
            self.log = text[-_LONGEST_LOG:]
        shutil.rmtree(self._folder, ignore_errors=True)


def _unexpected(found: str) -> dict[str, str]:
    return {
        "found": found,
        "wanted": "a result",
        "next_step": "read the log; if memory was short, close other programs and run again",
    }
