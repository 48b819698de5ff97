"""What should not make this turn of the event loop longer has one of its own.

Not by `qt.QTimer.singleShot`: PythonQt (4.1) never lets go of what that is given, and so of nothing
that it knows, such as the labels of each run.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable

import qt

_waiting: deque[Callable[[], object]] = deque()


def later(action: Callable[[], object]) -> None:
    """Call `action` in a turn of its own, after those that wait for theirs."""
    _waiting.append(action)
    _timer().start()


@functools.cache
def _timer() -> qt.QTimer:
    timer = qt.QTimer()
    timer.setInterval(0)
    timer.connect("timeout()", _next)
    return timer


def _next() -> None:
    if not _waiting:
        _timer().stop()
        return
    _waiting.popleft()()
