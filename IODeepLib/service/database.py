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

_VERSION = 1
_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
_SECONDS_FOR_OTHERS = 30.0  # a transaction takes some milliseconds
_SCHEMA = """
CREATE TABLE cursors (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE studies (
    uid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    events INTEGER NOT NULL DEFAULT 1,
    content TEXT NOT NULL DEFAULT '',
    looked TEXT NOT NULL DEFAULT '',
    due REAL NOT NULL,
    wait REAL NOT NULL DEFAULT 0,
    owner TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    ended TEXT,
    reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX studies_next ON studies (state, due);
CREATE TABLE jobs (
    uid TEXT PRIMARY KEY,
    study TEXT NOT NULL,
    series TEXT NOT NULL,
    volume TEXT NOT NULL,
    content TEXT NOT NULL,
    model TEXT NOT NULL,
    label TEXT NOT NULL,
    choices TEXT NOT NULL,
    rule TEXT NOT NULL,
    products TEXT NOT NULL,
    priority INTEGER NOT NULL,
    opens INTEGER NOT NULL,
    closes INTEGER NOT NULL,
    state TEXT NOT NULL,
    created TEXT NOT NULL,
    started TEXT,
    ended TEXT,
    due REAL NOT NULL DEFAULT 0,
    wait REAL NOT NULL DEFAULT 0,
    owner TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    fraction REAL NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX studies_taken ON studies (owner) WHERE owner IS NOT NULL;
CREATE INDEX jobs_taken ON jobs (owner) WHERE owner IS NOT NULL;
CREATE INDEX jobs_next ON jobs (state, priority DESC, created);
CREATE INDEX jobs_by_time ON jobs (created DESC, uid);
CREATE INDEX jobs_of_study ON jobs (study, series);
CREATE INDEX jobs_by_state ON jobs (state, created DESC, uid);
CREATE INDEX jobs_ended ON jobs (state, ended);
CREATE TABLE outbox (
    job TEXT NOT NULL REFERENCES jobs (uid) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    series TEXT NOT NULL,
    uid TEXT NOT NULL,
    stored TEXT,
    PRIMARY KEY (job, position)
) WITHOUT ROWID;
"""


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
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    execute(statement)
                execute(f"PRAGMA user_version = {_VERSION}")
        if version > _VERSION:
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
