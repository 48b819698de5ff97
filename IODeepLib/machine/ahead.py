"""Work done ahead: what comes next is made in a thread of its own while the last is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from IODeepLib.machine.interruptible import ASK_EVERY, ask_to_end, leave_behind

_T = TypeVar("_T")


def ahead(
    items: Generator[_T, None, None], most: int, meanwhile: Callable[[], None] | None = None
) -> Generator[_T, None, None]:
    """`items` in their order, and what they raise in its place.

    Whoever does not want the rest closes this one, or lets it go: what is being made is asked to
    end, see `interruptible`.

    Args:
        items: used and closed in the other thread, and nowhere else.
        most: how many there may be at once besides the one that is used, that which is being made
            among them. 0: each is made here, when it is asked for.
        meanwhile: called all the time while one is waited for.
    """
    if not most:
        yield from items
        return
    made: queue.SimpleQueue[list[_T]] = queue.SimpleQueue()  # lists of one; an empty one ends it
    room, unwanted = threading.Semaphore(most), threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        ask_to_end(unwanted.is_set)
        try:
            room.acquire()
            for item in items:
                made.put([item])
                del item  # it belongs to who takes it
                room.acquire()
                if unwanted.is_set():
                    break
        except BaseException as error:
            errors.append(error)
        finally:
            items.close()
            made.put([])

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while taken := _waited_for(made, meanwhile):
            room.release()
            yield taken.pop()
    finally:
        unwanted.set()
        room.release()
        leave_behind(thread)
    if errors:
        raise errors.pop()  # kept here, it would keep all that it came through


def _waited_for(
    made: queue.SimpleQueue[list[_T]], meanwhile: Callable[[], None] | None
) -> list[_T]:
    """The next one. Some systems let Ctrl-C through between two questions only."""
    while True:
        try:
            return made.get(timeout=ASK_EVERY)
        except queue.Empty:
            if meanwhile is not None:
                meanwhile()
