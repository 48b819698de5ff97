"""Work on several things at once: files, with progress; and what is wanted in its order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

from IODeepLib.errors import CancelledError
from IODeepLib.machine.cores import usable_threads
from IODeepLib.machine.progress import Advance

_T = TypeVar("_T")
_Item = TypeVar("_Item")
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


def in_order(work: Callable[[_Item], _T], items: Iterable[_Item]) -> Iterator[_T]:
    """What `work` gives for each of `items`, in their order, on all processors.

    It is ahead of who takes the results by twice as many as there are processors at most.

    Raises:
        Exception: what the first item that failed raised, in the place of its result.
    """
    threads = usable_threads()
    if threads == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[_T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
