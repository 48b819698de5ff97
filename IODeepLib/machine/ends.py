"""How a process of ours has ended, in words."""

from __future__ import annotations

import signal
from contextlib import suppress

from IODeepLib.text.foreign import printable

MOST_READ = 10_000  # bytes of messages in which the last words are
_LONGEST = 500  # characters


def how_it_ended(status: int) -> str:
    """The signal that ended a process, or its exit status.

    >>> how_it_ended(-9), how_it_ended(1)
    ('SIGKILL', 'exit status 1')
    """
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"exit status {status}"


def last_words(messages: bytes) -> str:
    """The last line of what a process has said; it may name a patient."""
    said = messages[-MOST_READ:].decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    return printable(last)[:_LONGEST]
