"""Who works: each service has a file that is locked as long as it lives, however it ends.

The system takes the lock away with the process, so that nobody has to guess by the clock whether
somebody still lives, and what the dead one had goes back at once.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from IODeepLib.disk.locks import take
from IODeepLib.errors import OutputError


class Owner:
    """A service that lives until it is closed, or its process ends.

    Args:
        folder: where all services on one queue have their files.

    Raises:
        OutputError: its file cannot be made or locked.
    """

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(8)
        self._folder = folder
        try:
            lock = take(folder / self.name)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be written or has no locks ({error.strerror or error})",
                "a folder on a disk of this machine",
                "choose another one",
            ) from None
        assert lock is not None  # noqa: S101 - nobody else knows the name
        self._lock = lock

    def close(self) -> None:
        """Be no one any more."""
        self._lock.release()
        with suppress(OSError):
            (self._folder / self.name).unlink()

    def is_dead(self, name: str) -> bool:
        """Whether the service has ended that this name is of, or a thread of it: NAME-THREAD."""
        service = name.partition("-")[0]
        if service == self.name:
            return False
        path = self._folder / service
        if not path.exists():
            return True
        with suppress(OSError):
            lock = take(path)
            if lock is not None:
                lock.release()
                path.unlink(missing_ok=True)
                return True
        return False
