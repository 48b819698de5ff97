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
from typing import Any

from IODeepLib.errors import OutputError
from IODeepLib.machine.progress import Progress
from IODeepLib.text.foreign import printable, printable_lines

CANCELLED = "iodeep: canceled; nothing is left half written\n"

# In JSON each half of what UTF-16 writes as a pair stands for itself. (RFC 8259 section 7)
_UNPRINTABLE = re.compile(r"[^\x00-\x7e]")


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
    sys.stderr.write(printable_lines(text) + "\n")


def pick(question: str, options: Sequence[str]) -> int | None:
    """Which of the options, from 0, a person at the terminal takes; None where nobody does."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
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


@contextmanager
def progress() -> Iterator[Progress]:
    """A callback (fraction, message) that draws a bar on a terminal, and nothing elsewhere."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda fraction, message: None
        return
    layout = "{desc:<28.28} {percentage:3.0f}% |{bar:30}| {elapsed}"
    with tqdm(total=1.0, bar_format=layout, leave=False, disable=None) as bar:

        def update(fraction: float, message: str) -> None:
            bar.set_description_str(printable(message), refresh=False)
            bar.update(fraction - bar.n)

        yield update


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, under a header."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines)
