"""Locks among the processes of a machine: on what one has alone, and on what many use.

filelock's locks end with their process at the latest. Its ReadWriteLock is not used: it is an
SQLite database that nobody can open but the user who made it, and that needs hard links where
others may write; several users could not share a cache. So whoever uses a thing locks a file of
its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


def take(path: Path) -> BaseFileLock | None:
    """The lock on the file at `path`, which is there for nothing else; None if somebody has it.

    Folders and the file are made where they are missing.

    Raises:
        OSError: the file cannot be made, or its file system has no locks.
    """
    lock = _lock(path)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


class Users:
    """Those who use a thing, among all processes of this machine.

    Args:
        path: what the names of their files begin with. Under this very name lies the one that is
            locked while somebody comes or nobody may.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def join(self) -> BaseFileLock:
        """Be one of them until the lock is released or this process ends.

        Raises:
            OSError: as of `take`.
        """
        mine = _lock(self.path.with_name(f"{self.path.name}-{secrets.token_hex(8)}"))
        with _lock(self.path).acquire(blocking=True):  # only as long as `kept_out` lasts elsewhere
            self._any()
            mine.acquire()
        return mine

    @contextmanager
    def kept_out(self) -> Iterator[bool]:
        """A block in which nobody joins; whether there is nobody now.

        Raises:
            OSError: as of `take`.
        """
        door = take(self.path)
        try:
            yield door is not None and not self._any()
        finally:
            if door is not None:
                door.release()

    def _any(self) -> bool:
        """Whether one of them lives; what dead ones left is cleared away."""
        found = False
        for path in list(self.path.parent.iterdir()):
            if not path.name.startswith(f"{self.path.name}-") or not path.is_file():
                continue
            try:
                with _lock(path).acquire():
                    pass
            except OSError:  # it is locked, or another user's, of whom nobody knows
                found = True
            else:
                with suppress(OSError):
                    path.unlink()
        return found


def _lock(path: Path) -> BaseFileLock:
    # Of the process, whichever thread asks. Where there are no locks, files alone are none: those
    # that a killed process leaves would lock for ever.
    return FileLock(path, blocking=False, thread_local=False, fallback_to_soft=False)
