"""Processes that are ready for a task: they have read all that tasks need.

That takes longer than many a task. Each forks for every task, so that this has a process of its own
which ends with it; where processes cannot do so safely, it does one task and ends. When there is
nothing to do for a while they end, and give their memory back.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from IODeepLib.machine.ends import MOST_READ, last_words
from IODeepLib.text.foreign import printable

_MODULE = "IODeepLib.service.child"
_IDLE_SECONDS = 30.0


class Helper:
    """A process that is ready for a task, or does one."""

    def __init__(self) -> None:
        # Nobody else can read it: it may name a patient.
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it ends with the process
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-W", "ignore", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            start_new_session=True,  # Ctrl-C is for the service
        )
        self._busy = False
        self._newest: tuple[float, str] | None = None
        self._statuses: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.used = time.monotonic()

    @property
    def pid(self) -> int:
        """Of the process that is ready."""
        return self._process.pid

    @property
    def is_free(self) -> bool:
        """Whether it can do a task."""
        return not self._busy and self._process.poll() is None

    def begin(self, folder: Path) -> None:
        """Do the task in a folder."""
        assert self._process.stdin is not None  # noqa: S101
        self._busy, self._newest = True, None
        with suppress(OSError):  # it has ended, as `status` says
            self._process.stdin.write(json.dumps(str(folder)).encode() + b"\n")
            self._process.stdin.flush()

    def status(self, seconds: float) -> int | None:
        """The exit status of the task's process, or minus the signal that ended it.

        None if it does not end within so many seconds.
        """
        try:
            status = self._statuses.get(timeout=seconds)
        except queue.Empty:
            if (ended := self._process.poll()) is None:
                return None
            status = ended
        self._busy = False
        return status

    def news(self) -> tuple[float, str] | None:
        """How far the task is, if it has said so since the last call."""
        newest, self._newest = self._newest, None
        return newest

    def last_words(self) -> str:
        """The last line that the task has said."""
        file = self._words.fileno()
        os.lseek(file, max(0, os.fstat(file).st_size - MOST_READ), os.SEEK_SET)
        return last_words(os.read(file, MOST_READ))

    def rest(self) -> None:
        """Be ready for another task."""
        os.ftruncate(self._words.fileno(), 0)
        os.lseek(self._words.fileno(), 0, os.SEEK_SET)  # from where the process writes, too
        self.used = time.monotonic()

    def end(self) -> None:
        """End it, and what it does."""
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._words):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        with self._process.stdout as stream:
            for line in stream:
                with suppress(ValueError, TypeError, KeyError):  # a library has printed something
                    said = json.loads(line)
                    if isinstance(said, dict):
                        self._statuses.put(int(said["ended"]))
                    else:
                        fraction, message = said
                        self._newest = float(fraction), printable(str(message))
        self._statuses.put(self._process.wait())


class Helpers:
    """The processes of one service that are ready."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Helper] = []

    @contextmanager
    def one(self) -> Iterator[Helper]:
        """A process for one task; if that is not done at the end of the block, it is ended."""
        helper = self._taken() or Helper()
        try:
            yield helper
        finally:
            if helper.is_free:
                helper.rest()
                with self._lock:
                    self._idle.append(helper)
            else:
                helper.end()

    def prepare(self) -> None:
        """A task will come soon: have a process ready."""
        with self._lock:
            if not self._idle:
                self._idle.append(Helper())

    def end(self, idle: float = 0.0) -> None:
        """End those that have had nothing to do for so many seconds."""
        with self._lock:
            since = time.monotonic() - idle
            old = [one for one in self._idle if one.used <= since or not one.is_free]
            self._idle = [one for one in self._idle if one not in old]
        for helper in old:
            helper.end()

    def tidy(self) -> None:
        """End those that have had nothing to do for a while."""
        self.end(_IDLE_SECONDS)

    def _taken(self) -> Helper | None:
        with self._lock:
            while self._idle:
                helper = self._idle.pop()
                if helper.is_free:
                    return helper
                helper.end()
        return None
