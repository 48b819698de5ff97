"""How far work is, said to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable

# Called with the fraction done, 0 to 1, and what is being done. It may raise to stop the work.
Progress = Callable[[float, str], None]

# Called with an amount of work, such as bytes, that has been done since the last call. It may
# raise to stop the work.
Advance = Callable[[int], None]


class Advancing:
    """Makes fractions done, as `Progress` takes them, of the amounts that `Advance` is told.

    Args:
        progress: who wants to know, if anybody.
        total: all of the work.
        message: what is being done.
    """

    def __init__(self, progress: Progress | None, total: int, message: str) -> None:
        self._progress, self._total, self._message = progress, total, message
        self._done = 0

    def __call__(self, count: int) -> None:
        """`count` more is done."""
        self._done += count
        if self._progress:
            self._progress(min(1.0, self._done / max(1, self._total)), self._message)


class TimeLeft:
    """When work will be done that is told in fractions, from how fast its main part goes.

    Its first step is left out: what is called for the first time takes longer.

    Args:
        main: the stage that nearly all of the time goes into; "" if there is only one.
        until: the fraction at which the last part of that stage ends.
        behind: the seconds that the rest takes, whatever the main stage takes.
    """

    def __init__(self, main: str = "", until: float = 1.0, behind: float = 0.0) -> None:
        self._main, self._until, self._behind = main, until, behind
        self._stage = ""
        self._first: tuple[float, float] | None = None
        self._ends_at: float | None = None

    def begin(self, stage: str) -> None:
        """The work comes to a stage; a main one may be slower or faster than the one before."""
        self._stage, self._first = stage, None

    def ends_at(self, fraction: float, now: float) -> float | None:
        """When all will be done, or None as long as nobody can know.

        Args:
            fraction: of all that is done now.
            now: seconds of any clock.
        """
        if self._stage != self._main:
            return self._ends_at
        if self._first is None:
            self._first = fraction, now
        done, took = fraction - self._first[0], now - self._first[1]
        if done > 0 and took > 0:
            self._ends_at = now + took / done * (self._until - fraction) + self._behind
        return self._ends_at
