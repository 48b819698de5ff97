"""Work in a process of its own; this is its owner's end.

Nothing here waits for the process, except `cancel`, at most `_PATIENCE`; large files are written
and read a little at each poll. The files lie in a folder that only this user can read,
and that is gone once the work is over.
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
from collections.abc import Generator, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from IODeepSlicer.work.worker import NO_MEMORY

_WORKER = Path(__file__).with_name("worker.py")
_PATIENCE = 1.0  # seconds for the process to end after it was killed
_TIDYING = 0.1  # seconds for it to clear up before that
_SLICE = 0.03  # seconds that a poll may take for writing and reading files
_LONGEST_LOG = 100_000  # characters
# The last words of processes that are ended by a library which finds no memory: the C library (for
# a new thread's own data), OpenBLAS, C++ (an exception that nobody catches, on any system).
_NO_MEMORY = (
    "cannot allocate memory",
    "Memory allocation still failed",
    "bad_alloc",
    "bad allocation",
)
_LAST_WORDS = 1000  # characters
# How a process ends whose processor lacks an instruction; the second one is Windows's way.
_ILLEGAL_INSTRUCTION = (-signal.SIGILL, 0xC000001D)

T = TypeVar("T")


def slicerPython() -> str:
    """Slicer's own Python interpreter."""
    return shutil.which("PythonSlicer") or sys.executable


class State(Enum):
    """How far the work is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerProcess(Generic[T]):
    """One task in a process of its own; what the task is, subclasses say.

    Attributes:
        task: the word by which `IODeepSlicer.work.worker` knows it.
        fraction: the part that is done, 0 to 1.
        message: what is being done, in words.
        stage: the part of the task that has begun, as the task names it; empty where it has none.
        log: what the process and its libraries have said so far.
        environment: variables of the process; None for those of Slicer.
        clearsUp: whether it writes elsewhere than in its folder, and is given time to end that.
    """

    task: str
    clearsUp = True
    environment: Mapping[str, str] | None = None

    def __init__(self, python: str, place: Path | None = None) -> None:
        """The first poll starts it, in a turn of its own.

        Args:
            python: the interpreter.
            place: where its folder shall lie.
        """
        self.fraction, self.message, self.stage, self.log = 0.0, "starting", "", ""
        self._state = State.RUNNING
        self._done = False
        self._error: dict[str, str] | None = None
        self._outcome: T | None = None
        self._started = time.monotonic()
        self._folder = Path(tempfile.mkdtemp(prefix="IODeep-", dir=place))
        self._files = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._unfinished = ""
        self._life: Iterator[bool | None] = self._live(python)

    def _write(self, folder: Path) -> Iterator[None]:
        """Put what the task needs into `folder`, a piece at each step."""
        raise NotImplementedError

    def _take(self, folder: Path) -> Generator[None, None, T]:
        """What the finished task left in `folder`, which goes away after this, in pieces too."""
        raise NotImplementedError

    def _began(self) -> None:
        """Called when `stage` has changed."""

    def _start(self, python: str) -> subprocess.Popen[bytes]:
        from IODeepLib.errors import IODeepError

        # Files, not pipes: they never fill up, and are read without waiting on every system.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NO_WINDOW}
        with (
            (self._folder / "progress").open("wb") as progress,
            (self._folder / "log").open("wb") as log,
        ):
            self._lines = self._opened("progress")
            self._log_file = self._opened("log")
            try:
                return subprocess.Popen(  # noqa: S603  our own program, no shell
                    [python, str(_WORKER), self.task, str(self._folder)],
                    stdin=subprocess.PIPE,
                    bufsize=0,
                    stdout=progress,
                    stderr=log,
                    env=self.environment,
                    **apart,
                )
            except OSError as error:
                raise IODeepError(
                    f"{python} cannot be started ({error.strerror or error})",
                    "a Python interpreter that this user may run",
                    "name another one, or free memory, and try again",
                ) from error

    def _opened(self, name: str) -> IO[str]:
        path = self._folder / name
        return self._files.enter_context(path.open(encoding="utf-8", errors="replace"))

    @property
    def process_id(self) -> int | None:
        """The process identifier; None before the first poll."""
        return self._process.pid if self._process is not None else None

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def poll(self) -> State:
        """Do what can be done without waiting, and see whether it is over."""
        until = time.monotonic() + _SLICE
        while self._state is State.RUNNING:
            try:
                if next(self._life) or time.monotonic() > until:
                    break
            except Exception as error:
                self._error = _inParts(error)
                self._finish()
        return self._state

    def _live(self, python: str) -> Generator[bool | None, None, None]:
        """From beginning to end; each step tells whether there is nothing to do but wait."""
        process = self._process = self._start(python)
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        yield True  # starting takes long enough for one turn
        yield from self._write(self._folder)
        with contextlib.suppress(BrokenPipeError):  # it died; this is seen below
            process.stdin.write(b"\n")
        while not self._done and self._error is None:
            ended = process.poll() is not None
            self._read()
            if ended and not self._done and self._error is None:
                self._error = _ended(process.returncode, self.log)
            yield not self._done
        if self._done:
            self._outcome = yield from self._take(self._folder)
        process.stdin.close()  # and so it ends
        yield from _until_ended(process)
        self._finish()
        yield True

    def outcome(self) -> T:
        """What it gave.

        Raises:
            IODeepError: it failed, was canceled, or is not over yet.
        """
        from IODeepLib.errors import CancelledError, IODeepError, UsageError

        if self._outcome is not None:
            return self._outcome
        if self._state is State.CANCELLED:
            raise CancelledError
        if self._state is State.RUNNING:
            raise UsageError("the run is not over", "a run to its end", "poll it until it is over")
        error = IODeepError(**(self._error or _unexpected("no result, and no error")))
        if self.log:
            error.add_note(self.log)  # below the traceback in the Python console
        raise error

    def cancel(self) -> None:
        """End it at once, and leave nothing behind; without effect once it is over."""
        if self._state is State.RUNNING:
            self._end(State.CANCELLED)

    def stop(self) -> None:
        """Begin to end it at once; whoever polls on sees it canceled, and waits for nothing."""
        if self._state is State.RUNNING:
            self._life = self._stopping()

    def _stopping(self) -> Generator[bool, None, None]:
        if self._process is not None:
            self._tell_to_end(self._process)
            yield from _until_ended(self._process)
        self._end(State.CANCELLED)
        yield True

    def _end(self, state: State) -> None:
        self._state = state
        # It holds this, and what the task gave, which would stay until the collector finds them.
        self._life = iter(())
        with self._files:
            if self._process is not None:
                self._read_log()
                self._end_process(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read_log(self) -> None:
        self.log = (self.log + self._log_file.read())[-_LONGEST_LOG:]

    def _end_process(self, process: subprocess.Popen[bytes]) -> None:
        self._tell_to_end(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)

    def _tell_to_end(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.close()  # it clears up and ends; what cannot, is killed
        if self.clearsUp:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TIDYING)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                process.kill()
            else:
                # A launcher may stand between us and Python: the whole group goes.
                os.killpg(process.pid, signal.SIGKILL)

    def _read(self) -> None:
        self._read_log()
        *lines, self._unfinished = (self._unfinished + self._lines.read()).split("\n")
        for line in lines:
            said = json.loads(line)
            if "message" in said:
                self.fraction, self.message = said["fraction"], said["message"]
            elif "stage" in said:
                self.stage = said["stage"]
                self._began()
            else:
                self._done, self._error = said.get("done", False), said.get("error")

    def _finish(self) -> None:
        self._end(State.DONE if self._outcome is not None else State.FAILED)


def _until_ended(process: subprocess.Popen[bytes]) -> Iterator[bool]:
    """As long as it goes on; waiting for its end would hold up whoever polls."""
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        yield True


def _inParts(error: Exception) -> dict[str, str]:
    parts = ("found", "wanted", "next_step")
    if all(hasattr(error, part) for part in parts):
        return {part: str(getattr(error, part)) for part in parts}
    if isinstance(error, (OSError, ValueError)):
        return _unexpected(f"the files for the process, or from it, are of no use: {error!r}")
    return _unexpected(f"a fault of IODeep itself: {error!r}")


def _ended(status: int, log: str) -> dict[str, str]:
    """What a process died of that could not say so itself."""
    if any(words in log[-_LAST_WORDS:] for words in _NO_MEMORY):
        return NO_MEMORY
    if status in _ILLEGAL_INSTRUCTION:
        return {
            "found": "this computer's processor lacks an instruction that ONNX Runtime uses",
            "wanted": "a processor that the installed onnxruntime is made for",
            "next_step": "use a newer computer",
        }
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return _unexpected(f"the process ended with {how}")


def _unexpected(found: str) -> dict[str, str]:
    return {
        "found": found,
        "wanted": "a result",
        "next_step": "read the log; if memory was short, close other programs and run again",
    }
