"""Standard error for programs, where `--progress json` asks for it: a JSON object a line.

Docs/reference/command-line.md has the keys. Each line is ASCII, and written at once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from IODeepLib.machine.progress import TimeLeft
from IODeepLib.text.foreign import printable, printable_lines

# Steps that follow each other faster than this are told together: nobody looks more often.
_SECONDS_BETWEEN = 0.1


def asked_for(arguments: Sequence[str]) -> bool:
    """Whether a call asks for JSON lines; before its arguments are read, for they may be wrong."""
    apart = ("--progress", "json") in pairwise(arguments)
    return apart or "--progress=json" in arguments


def error_line(text: str, status: int) -> str:
    """Why a call ends."""
    return json.dumps({"kind": "error", "exit_status": status, "message": printable(text)})


class JsonLines:
    """What one call of the command says.

    Args:
        stage: what it does, where nobody says it more closely.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self.fraction = 0.0  # of the whole call
        self.ends_at: float | None = None  # by `time.monotonic`

    def message(self, text: str, level: str = "info") -> None:
        """Something for people to know."""
        document = {"kind": "message", "level": level, "message": printable_lines(text)}
        _write(json.dumps(document))

    def error(self, text: str, status: int) -> None:
        """Why the call ends, the last line."""
        _write(error_line(text, status))

    @contextmanager
    def progress(self, stage: str, upto: float, left: TimeLeft | None) -> Iterator[Steps]:
        """A part of the call; at its end the whole has come to the fraction `upto`."""
        steps = Steps(self, stage or self._stage, upto, left)
        yield steps
        steps(1.0, "done")

    def step(self, stage: str, message: str) -> None:
        """Where the call is now."""
        left = None if self.ends_at is None else max(0.0, self.ends_at - time.monotonic())
        if self.fraction >= 1 and left is not None:  # sooner than was foretold
            left = 0.0
        document = {
            "kind": "progress",
            "stage": stage,
            "fraction": round(self.fraction, 4),
            "seconds_left": None if left is None else round(left, 1),
            "message": printable(message),
        }
        _write(json.dumps(document))


class Steps:
    """A `Progress` of a part of a call, and the stages that it goes through."""

    def __init__(self, lines: JsonLines, stage: str, upto: float, left: TimeLeft | None) -> None:
        self._lines, self._stage, self._left = lines, stage, left
        self._from, self._share = lines.fraction, max(0.0, upto - lines.fraction)
        self._message, self._said, self._said_at = "", ("", ""), 0.0

    def __call__(self, fraction: float, message: str) -> None:
        lines, now = self._lines, time.monotonic()
        lines.fraction = max(lines.fraction, self._from + self._share * min(1.0, fraction))
        if self._left is not None:
            lines.ends_at = self._left.ends_at(fraction, now)
        self._message = message
        soon = self._said[0] == self._stage and now - self._said_at < _SECONDS_BETWEEN
        again = self._said == (self._stage, message)  # the end, for instance
        if not (again if fraction >= 1 else soon):
            self._say(now)

    def begin(self, stage: str) -> None:
        """What follows is `stage`."""
        self._stage = stage
        now = time.monotonic()
        if self._left is not None:
            self._left.begin(stage, now)
        self._say(now)

    def _say(self, now: float) -> None:
        self._said, self._said_at = (self._stage, self._message), now
        self._lines.step(self._stage, self._message)


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
