"""What every verb does with the terminal: results to standard output, the rest beside it."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from IODeepLib.cli.json_lines import JsonLines
from IODeepLib.errors import OutputError
from IODeepLib.machine.progress import TimeLeft
from IODeepLib.text.foreign import printable, printable_lines

CANCELED = "canceled; nothing is left half written"

# In JSON each half of what UTF-16 writes as a pair stands for itself. (RFC 8259 section 7)
_UNPRINTABLE = re.compile(r"[^\x00-\x7e]")


# Where programs read standard error; otherwise people do.
_lines: JsonLines | None = None


def speak(lines: JsonLines | None) -> None:
    """Say what this call says to people, or as JSON lines."""
    global _lines
    _lines = lines


def to_programs() -> bool:
    """Whether programs read standard error."""
    return _lines is not None


def emit(options: argparse.Namespace, document: Any, text: str) -> None:
    """Print `document` as JSON where it was asked for, else `text` for people."""
    if options.json:
        text = _UNPRINTABLE.sub(_escaped, json.dumps(document, ensure_ascii=False, indent=1))
    else:
        text = printable_lines(text)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is in UTF-8 (RFC 8259 section 8.1); a terminal without a character shows its number.
        encoding = "utf-8" if options.json else None
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()  # so that an error is found while it can be said
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(
            f"standard output cannot be written ({error.strerror or error})",
            "a terminal, or a file on a disk with room",
            "direct the output elsewhere",
        ) from None


def _escaped(match: re.Match[str]) -> str:
    """A character for JSON that a terminal may get: as it is, or by its number."""
    character = match.group()
    return character if character.isprintable() else json.dumps(character)[1:-1]


def check_output() -> None:
    """Raise OutputError if nothing can be written to standard output, before work is done for it.

    Whoever closed it (`>&-`) would otherwise be told after the run.
    """
    if sys.stdout is None:
        raise OutputError(
            "standard output is closed",
            "a terminal, a file or a pipe",
            "direct it to a file, or to /dev/null",
        )


def discard_output() -> None:
    """Let what still waits for standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str = "") -> None:
    """A line for people on standard error."""
    if _lines is not None:
        _lines.message(text)
    else:
        sys.stderr.write(printable_lines(text) + "\n")


def fail(text: str, status: int) -> None:
    """The one line on standard error that says why the call ends."""
    if _lines is not None:
        _lines.error(text, status)
    else:
        sys.stderr.write(f"iodeep: {printable(text)}\n")


def somebody_is_there() -> bool:
    """Whether a person at a terminal can be asked."""
    return _lines is None and bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def confirm(question: str) -> bool:
    """Whether the person at the terminal says yes."""
    sys.stderr.write(printable_lines(f"{question} yes or no: "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("yes", "y")


def pick(question: str, options: Sequence[str]) -> int | None:
    """Which of the options, from 0, a person at the terminal takes; None where nobody does."""
    if not somebody_is_there():
        return None
    numbers = [str(number) for number in range(1, len(options) + 1)]
    say(question)
    for number, option in zip(numbers, options, strict=True):
        say(f"{number:>4}  {option}")
    answer = None
    while answer not in numbers:
        sys.stderr.write(f"Which one? 1 to {numbers[-1]}, or nothing: ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip()
        if not answer:
            return None
    return numbers.index(answer)


class Shown(Protocol):
    """A `Progress`, told the stages of the work as well."""

    def __call__(self, fraction: float, message: str) -> None: ...

    def begin(self, stage: str) -> None:
        """What follows is `stage`."""


@contextmanager
def progress(
    stage: str = "", *, upto: float = 1.0, left: TimeLeft | None = None
) -> Iterator[Shown]:
    """Shows people a bar on a terminal, and nothing elsewhere; programs get lines.

    Args:
        stage: what is done; the verb where it is not said.
        upto: how much of the whole call is done in the end, for programs: they get one fraction
            over all that a call does.
        left: knows how long the whole call will take; without it, a part that ends the call is
            timed as one, and no time is given for others.
    """
    if _lines is not None:
        if left is None and upto == 1.0 and _lines.ends_at is None:
            left = TimeLeft()
        with _lines.progress(stage, upto, left) as steps:
            yield steps
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield _Unseen()
        return
    layout = "{desc:<28.28} {percentage:3.0f}% |{bar:30}| {elapsed}"
    with tqdm(total=1.0, bar_format=layout, leave=False, disable=None) as bar:
        yield _Bar(bar)


class _Unseen:
    """Nobody looks."""

    def __call__(self, fraction: float, message: str) -> None:
        pass

    def begin(self, stage: str) -> None:
        pass


class _Bar(_Unseen):
    """A bar of tqdm, which has no room for stages."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def __call__(self, fraction: float, message: str) -> None:
        self._bar.set_description_str(printable(message), refresh=False)
        self._bar.update(fraction - self._bar.n)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, under a header."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines)
