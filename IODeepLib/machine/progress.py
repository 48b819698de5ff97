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

    Its first step is left out: what is called for the first time takes longer. What comes behind
    the main part goes through as much as what comes before it, on the same machine with as much
    else to do: it is taken to be a multiple of that.

    Args:
        main: the stage that nearly all of the time goes into; "" if there is only one.
        until: the fraction at which the last part of that stage ends.
        multiple: how many times as long as before it all takes that comes behind it.
        began: when what comes before began, by any clock.
    """

    def __init__(
        self, main: str = "", until: float = 1.0, multiple: float = 0.0, began: float = 0.0
    ) -> None:
        self._main, self._until, self._multiple, self._began = main, until, multiple, began
        self._behind: float | None = None if main else 0.0
        self._stage = ""
        self._first: tuple[float, float] | None = None
        self._ends_at: float | None = None

    def begin(self, stage: str, now: float) -> None:
        """The work comes to a stage; a main one may be slower or faster than the one before."""
        self._stage, self._first = stage, None
        if stage == self._main and self._behind is None:
            self._behind = self._multiple * (now - self._began)

    def ends_at(self, fraction: float, now: float) -> float | None:
        """When all will be done, or None as long as nobody can know.

        Args:
            fraction: of all that is done now.
            now: by the same clock.
        """
        if self._stage != self._main or self._behind is None:
            return self._ends_at
        if self._first is None:
            self._first = fraction, now
        done, took = fraction - self._first[0], now - self._first[1]
        if done > 0 and took > 0:
            self._ends_at = now + took / done * (self._until - fraction) + self._behind
        return self._ends_at
