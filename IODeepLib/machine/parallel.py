"""Work on several files at once, with progress and errors in the caller's thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

from IODeepLib.errors import CancelledError
from IODeepLib.machine.progress import Advance

_T = TypeVar("_T")
_MOST_THREADS = 8  # more wait for the disk only


def in_parallel(jobs: Sequence[Callable[[Advance], _T]], advance: Advance) -> list[_T]:
    """Do all `jobs`, as many at once as there are processors, and return what they return.

    Each is given a function to say how much it has done, which raises once the work is to stop.

    Args:
        jobs: what is done; they leave the interpreter free, as reading and digesting do.
        advance: is called in this thread; what it raises stops all jobs, and is raised.

    Raises:
        Exception: what the first job that failed raised; the others were stopped.
    """
    done: SimpleQueue[int | None] = SimpleQueue()  # None: a job has ended
    stop = Event()

    def advance_job(count: int) -> None:
        if stop.is_set():
            raise CancelledError
        done.put(count)

    def work(job: Callable[[Advance], _T]) -> _T:
        try:
            advance_job(0)
            return job(advance_job)
        except BaseException:
            stop.set()
            raise
        finally:
            done.put(None)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            running = len(jobs)
            while running:
                count = done.get()
                if count is None:
                    running -= 1
                else:
                    advance(count)
        except BaseException:
            stop.set()
            raise
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in errors:
        if not isinstance(error, CancelledError):
            raise error
    return [future.result() for future in futures]
