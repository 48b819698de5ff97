"""A folder in which the steps of a round are kept: one process at a time works in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from IODeepLib.disk.locks import take
from IODeepLib.errors import OutputError, UsageError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A block that one process at a time is in; the folder is made if it is not there.

    Raises:
        UsageError: another process is.
        OutputError: the folder cannot be written.
    """
    try:
        lock = take(folder / "lock")
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written ({error.strerror or error})",
            "a folder with write permission",
            "choose another place",
        ) from None
    if lock is None:
        raise UsageError(f"another process works in {folder}", "one at a time", "wait for it")
    try:
        yield
    finally:
        lock.release()
