"""The one file that the service remembers everything in: SQLite, for many threads and processes.

Whoever may read it knows whose studies were read and what came of it, so that only its owner may.
SQLite's write-ahead log needs a disk of this machine: not one of the network.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IODeepLib.errors import OutputError
from IODeepLib.service.schema import VERSIONS

_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
_SECONDS_FOR_OTHERS = 30.0  # a transaction takes some milliseconds


class Database:
    """The file, made where it is missing.

    Args:
        path: where it lies.
        now: the clock by which things wait, see `waits`.

    Raises:
        OutputError: it cannot be used.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path, self.now = path, now
        self._own = threading.local()  # a connection belongs to its thread
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise OutputError(f"SQLite {sqlite3.sqlite_version}", "3.35 or newer", "update Python")
        with self._named_errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
        with self.transaction() as execute:
            (version,) = execute("PRAGMA user_version").fetchone()
            for script in VERSIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    execute(statement)
            if version < len(VERSIONS):
                execute(f"PRAGMA user_version = {len(VERSIONS)}")
        if version > len(VERSIONS):
            raise OutputError(
                f"{path}, which a newer IODeep has written",
                "one of this version or older",
                "update IODeep, or name another folder",
            )

    @contextmanager
    def transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """A block that happens as a whole or not at all, while no other process writes.

        It gives the function that executes a statement with its values by name.
        """
        with self._named_errors():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def ask(self, statement: str, values: Mapping[str, Any] = {}) -> list[sqlite3.Row]:
        """What one statement gives, which may as well change something."""
        with self._named_errors():
            return self._connection().execute(statement, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if found is None:
            found = sqlite3.connect(self._path, timeout=_SECONDS_FOR_OTHERS, isolation_level=None)
            found.row_factory = sqlite3.Row
            # A power failure takes back nothing that others have been told.
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                found.execute(f"PRAGMA {pragma}")
            self._own.connection = found
        return found

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.IntegrityError):  # a fault of ours
                raise
            raise OutputError(
                f"{self._path} cannot be used ({error})",
                "a database of IODeep on a disk of this machine, with room",
                "make room, correct its permissions, or name another folder if it is damaged",
            ) from None
