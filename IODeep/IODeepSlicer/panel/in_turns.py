"""Many small steps, as many in each turn of the event loop as nobody notices."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator

from IODeepSlicer.panel.turns import later

_SLICE = 0.03  # seconds at a time; what takes no longer is done at once


def rest() -> None:
    """A step of `InTurns`: what comes next takes a turn of its own."""


class InTurns:
    """Many steps, a few in each turn of the event loop; `done` is called behind the last one."""

    def __init__(self, done: Callable[[], object]) -> None:
        self._done = done
        self._steps: Iterator[Callable[[], object]] | None = None

    @property
    def isAtWork(self) -> bool:
        """Whether there are steps still to be taken."""
        return self._steps is not None

    def begin(self, steps: Iterator[Callable[[], object]], *, atOnce: bool = True) -> None:
        """Take these steps, in the place of those that were not taken yet.

        Args:
            steps: they, made one after the other.
            atOnce: begin in this turn, and if it takes no time end in it, too.
        """
        self._steps = steps
        if atOnce:
            self._turn(steps)
        else:
            later(functools.partial(self._turn, steps))

    def stop(self) -> None:
        """Take no further step."""
        self._steps = None

    def _turn(self, steps: Iterator[Callable[[], object]]) -> None:
        until = time.monotonic() + _SLICE
        while steps is self._steps:
            step = next(steps, None)
            if step is None:
                self._steps = None
                self._done()
                return
            step()
            if time.monotonic() > until or step is rest:
                later(functools.partial(self._turn, steps))
                return
