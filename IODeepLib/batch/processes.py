"""Studies are read by processes of this machine, which stay for many of them.

They are told what to do, and answer, by lines of JSON over pipes. Whoever dies is replaced.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from typing import IO

from msgspec.structs import replace

from IODeepLib.batch.engines import lost
from IODeepLib.batch.terms import Asked, StudyRecord, Task, from_line, to_line
from IODeepLib.machine.cores import usable_threads
from IODeepLib.machine.ends import MOST_READ, how_it_ended, last_words
from IODeepLib.machine.interruptible import ASK_EVERY
from IODeepLib.machine.memory import memory_at_hand
from IODeepLib.text.records import Record
from IODeepLib.text.wording import counted

_MODULE = "IODeepLib.batch.worker"
_AT_HAND = 2  # tasks for each process, so that none waits for the next one
_MOST_DEATHS = 3  # of processes that read the same study
_PATIENCE = 5.0  # seconds until a process that was told to end is made to


class Processes:
    """An `Engine` of processes on this machine.

    Args:
        asked: what is done with every study.
        count: how many processes; they share cores and memory.
        minutes: the longest that a study may take.
    """

    def __init__(self, asked: Asked, count: int, minutes: float) -> None:
        threads = max(1, usable_threads() // count)
        memory = memory_at_hand() // count
        self._asked = replace(asked, threads=threads, memory=memory)
        self._count, self._minutes = count, minutes
        self._own = threading.local()
        self._started: list[_Process] = []
        self._ending = threading.Event()
        processes = counted(count, "process", "processes")
        self.where = f"{processes} of {counted(threads, 'thread')} each"

    def records(self, tasks: Iterator[Task]) -> Generator[StudyRecord, None, None]:
        """See `Engine`."""
        with ThreadPoolExecutor(self._count) as pool:
            try:
                first = islice(tasks, _AT_HAND * self._count)
                pending: set[Future[StudyRecord]] = {pool.submit(self._read, one) for one in first}
                while pending:
                    done, pending = wait(pending, ASK_EVERY, FIRST_COMPLETED)
                    for one in done:
                        pending |= {pool.submit(self._read, task) for task in islice(tasks, 1)}
                        yield one.result()
            finally:
                self._ending.set()
                pool.shutdown(wait=False, cancel_futures=True)
                for process in self._started:
                    process.end()

    def _read(self, task: Task) -> StudyRecord:
        """In the thread of one process."""
        process: _Process | None = None
        for _ in range(_MOST_DEATHS):
            process = self._process()
            answer = process.ask(task, 60 * self._minutes)
            if answer is not None:
                record: StudyRecord = from_line(StudyRecord, answer)
                return record
            self._own.process = None
            process.end()
            if process.took_too_long:
                return lost(task, f"it took longer than {self._minutes:g} minutes")
            if self._ending.is_set():
                break
        assert process is not None  # noqa: S101
        what = f"its process died {_MOST_DEATHS} times ({process.how})"
        return lost(task, what, process.last_words)

    def _process(self) -> _Process:
        """That of this thread."""
        found: _Process | None = getattr(self._own, "process", None)
        if found is None:
            found = self._own.process = _Process(self._asked)
            self._started.append(found)
            if self._ending.is_set():
                found.end()
        return found


class _Process:
    """One process, for one thread.

    Attributes:
        took_too_long: whether it was ended because a study took too long.
        how: the signal or the exit status that it ended with.
        last_words: what it said last then; it may name a patient.
    """

    took_too_long = False
    how = last_words = ""

    def __init__(self, asked: Asked) -> None:
        self._one = threading.Lock()
        self._messages: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        threads = {} if asked.threads is None else {"OMP_NUM_THREADS": f"{asked.threads}"}
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env=os.environ | threads,
            start_new_session=True,  # Ctrl-C is for who started it
        )
        self._tell(asked)

    def ask(self, task: Task, seconds: float) -> bytes | None:
        """What it answers; None if it does not."""
        assert self._process.stdout is not None  # noqa: S101
        timer = threading.Timer(seconds, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            self._tell(task)
            answer = self._process.stdout.readline()
        finally:
            timer.cancel()
        return answer if answer.endswith(b"\n") else None

    def end(self) -> None:
        """It has to end, be it in the middle of a study; what it writes is cleared away."""
        with self._one:
            if self._messages.closed:
                return
            assert self._process.stdin is not None  # noqa: S101
            with suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self.how = how_it_ended(self._process.returncode)
            self._messages.seek(max(0, self._messages.seek(0, os.SEEK_END) - MOST_READ))
            self.last_words = last_words(self._messages.read())
            self._messages.close()

    def _tell(self, what: Record) -> None:
        assert self._process.stdin is not None  # noqa: S101
        with suppress(OSError):  # it is no more, which reading says, too
            self._process.stdin.write(f"{to_line(what)}\n".encode("ascii"))
            self._process.stdin.flush()

    def _end_late(self) -> None:
        self.took_too_long = True
        self._process.kill()
