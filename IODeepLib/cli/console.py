"""What every verb does with the terminal: results to standard output, the rest beside it."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from IODeepLib.errors import OutputError


def emit(options: argparse.Namespace, document: Any, text: str) -> None:
    """Print `document` as JSON where it was asked for, else `text` for people."""
    if options.json:
        text = json.dumps(document, ensure_ascii=False, indent=1)
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


def discard_output() -> None:
    """Let what still waits for standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str = "") -> None:
    """A line for people on standard error."""
    sys.stderr.write(text + "\n")


@contextmanager
def progress() -> Iterator[Callable[[float, str], None]]:
    """A callback (fraction, message) that draws a bar on a terminal, and nothing elsewhere."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda fraction, message: None
        return
    layout = "{desc:<28.28} {percentage:3.0f}% |{bar:30}| {elapsed}"
    with tqdm(total=1.0, bar_format=layout, leave=False, disable=None) as bar:

        def update(fraction: float, message: str) -> None:
            bar.set_description_str(message, refresh=False)
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
