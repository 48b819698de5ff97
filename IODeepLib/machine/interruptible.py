"""Work in native code that can be ended: it is done in a thread of its own, and waited for here.

Python's signals and callbacks come to nobody while its thread is within a library. A thread that
does not end when it is asked to is left behind: it holds nothing that others wait for, but the
process has to end without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from IODeepLib.errors import CancelledError

_T = TypeVar("_T")

ASK_EVERY = 0.1  # seconds between two questions whether to go on
PATIENCE = 1.0  # seconds that work has to end in when it is asked to; most does at once

_left_behind: list[threading.Thread] = []
_this_thread = threading.local()


def ask_to_end(asked: Callable[[], bool]) -> None:
    """From now on work of this thread is also ended where `asked` says so."""
    _this_thread.asked = asked


def interruptible(
    work: Callable[[], _T],
    end: Callable[[], object],
    cancelled: Callable[[], bool] | None = None,
) -> _T:
    """What `work` gives, or raises.

    Args:
        work: is called in another thread.
        end: asks it to end, from this one; it is called once, if somebody does not want to wait
            any more: `cancelled`, or whoever raises here, as Ctrl-C does.
        cancelled: asked while it works.

    Raises:
        CancelledError: `cancelled` said so, or who waits for this thread.
    """
    results: list[_T] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def worker() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=worker, daemon=True)
    try:
        thread.start()
        while not done.wait(ASK_EVERY):
            check_wanted(cancelled)
    except BaseException:
        end()
        leave_behind(thread)
        raise
    if errors:
        raise errors[0]
    return results[0]


def check_wanted(cancelled: Callable[[], bool] | None) -> None:
    """Go on only if nobody asked this thread to end.

    Raises:
        CancelledError: somebody did, or `cancelled` says so.
    """
    asked: Callable[[], bool] = getattr(_this_thread, "asked", lambda: False)
    if asked() or (cancelled is not None and cancelled()):
        raise CancelledError


def leave_behind(thread: threading.Thread) -> None:
    """Wait a little for a thread that was asked to end, and no longer."""
    thread.join(PATIENCE)
    if thread.is_alive():
        _left_behind.append(thread)


def left_behind() -> bool:
    """Whether a thread still works that was not waited for: native code that must not be unloaded.

    A process where it does can only end on the spot, without the clearing up of its libraries.
    """
    return any(thread.is_alive() for thread in _left_behind)
