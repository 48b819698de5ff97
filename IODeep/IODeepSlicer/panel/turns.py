"""What should not make this turn of the event loop longer has one of its own.

Not by `qt.QTimer.singleShot`: PythonQt (4.1) never lets go of what that is given, and so of nothing
that it knows, such as the labels of each run.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable

import qt

_POLL_MILLISECONDS = 50

_waiting: deque[Callable[[], object]] = deque()


def later(action: Callable[[], object]) -> None:
    """Call `action` in a turn of its own, after those that wait for theirs."""
    _waiting.append(action)
    _timer().start()


class Polls:
    """Calls `action` twenty times a second from `start` to `stop`, each in a turn of its own.

    Timers of Qt that are due together share a turn, which is as long as all of them.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._waits = False
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._onTimer)

    @property
    def isActive(self) -> bool:
        """Whether it was started and not stopped."""
        return bool(self._timer.active)

    def start(self) -> None:
        """Begin, or go on."""
        self._timer.start()

    def stop(self) -> None:
        """Call it no more."""
        self._timer.stop()

    def cleanup(self) -> None:
        """The panel goes."""
        self.stop()
        self._timer.disconnect("timeout()", self._onTimer)

    def _onTimer(self) -> None:
        if not self._waits:
            self._waits = True
            later(self._turn)

    def _turn(self) -> None:
        self._waits = False
        if self.isActive:
            self._action()


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
