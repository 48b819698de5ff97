"""Locks among the processes of a machine, on files that are there for nothing else."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

_WHOLE = 2**30  # bytes; a lock may reach beyond the end of its file


class FileLock:
    """A lock that many may share or one may have alone; it ends with the process at the latest.

    The file is made where it is missing, and is never to be removed: whoever waits for the lock
    would wait for a file that is no longer the one that others open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if it is free, at once; whether it was.

        Whoever shares it may, on Windows and very rarely, be turned down by another who does.

        Raises:
            OSError: the file cannot be made, or its file system has no locks.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _lock(file, shared):
                self._file = file
                return True
            return False
        finally:
            if self._file != file:
                os.close(file)

    def release(self) -> None:
        """Give it back; nothing happens if it was not taken."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, shared: bool) -> bool:
        # Here a range of bytes belongs to one opened file: those who share take a byte each, and
        # whoever wants to be alone takes all. Two get the same byte once in 2**30 times; the later
        # one is turned down then, and takes another when it tries again.
        os.lseek(file, random.randrange(_WHOLE) if shared else 0, os.SEEK_SET)  # noqa: S311
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1 if shared else _WHOLE)
        except PermissionError:  # EACCES: somebody has it; LK_NBLCK does not wait for that
            return False
        return True

else:
    import fcntl

    def _lock(file: int, shared: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
