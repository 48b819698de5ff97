"""Progress of work that is counted in bytes."""

from __future__ import annotations

from collections.abc import Callable

# Called with the fraction done, 0 to 1, and what is being done. It may raise to stop the work.
Progress = Callable[[float, str], None]


class Reporter:
    """Turns bytes done into fractions done.

    Args:
        progress: who wants to know, if anybody.
        total: all bytes.
        message: what is being done.
    """

    def __init__(self, progress: Progress | None, total: int, message: str) -> None:
        self._progress, self._total, self._message = progress, total, message
        self._done = 0

    def __call__(self, count: int) -> None:
        """`count` more bytes are done."""
        self._done += count
        if self._progress:
            self._progress(min(1.0, self._done / max(1, self._total)), self._message)
