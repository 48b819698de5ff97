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
