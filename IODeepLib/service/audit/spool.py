"""Messages that wait to be sent: a file each, of which the oldest goes first."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

MOST = 100_000  # messages: a busy site's week, some 300 MB
_UNFINISHED = "."


class Spool:
    """A folder of messages.

    Args:
        folder: where; it is made where it is missing.
        most: how many it takes. What it has is kept: nobody shall be able to push out what was
            said of them.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self._folder, self._most = folder, most

    @property
    def is_full(self) -> bool:
        """Whether it takes no more."""
        return len(self._there()) >= self._most

    def put(self, message: bytes) -> str:
        """Keep a message; why that cannot be, "" if it can."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.is_full:
                return f"{self._most} messages wait already"
            name = f"{time.time_ns():020}-{secrets.token_hex(8)}"
            new = self._folder / f"{_UNFINISHED}{name}"
            with new.open("xb") as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            new.rename(self._folder / name)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def oldest(self, most: int) -> list[Path]:
        """So many of those that wait, the oldest first."""
        return sorted(Path(one) for one in self._there())[:most]

    def forget(self, message: Path) -> None:
        """It was sent."""
        message.unlink(missing_ok=True)

    def _there(self) -> list[str]:
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            return [one.path for one in entries if not one.name.startswith(_UNFINISHED)]
        return []
