"""What the database has for procedure steps, beside the jobs.

ups_steps           those that others have made
ups_performs        which jobs do them
ups_subscriptions   who wants to know what happens to which
ups_events          what has happened, for as long as somebody may still be told of it

A change of a job becomes an event by a trigger, whichever process makes it.
"""

from __future__ import annotations

from IODeepLib.service.database import Database
from IODeepLib.service.states import State, ups_state

MOST_EVENTS = 10_000  # that are remembered
_AS_STEP = "CASE NEW.state " + " ".join(
    f"WHEN '{state}' THEN CASE WHEN NEW.started IS NULL"
    f" THEN '{ups_state(state, False)}' ELSE '{ups_state(state, True)}' END"
    for state in State
)
_EVENT = (
    "BEGIN INSERT INTO ups_events (step, kind, state, fraction, words)"  # noqa: S608
    f" VALUES (NEW.uid, {{kind}}, {_AS_STEP} END, NEW.fraction, NEW.{{words}}); END"
)
_WANTED = "EXISTS (SELECT 1 FROM ups_subscriptions)"
REPORT, CANCEL_REQUESTED, PROGRESS = 1, 2, 3  # event types; PS3.4 table CC.2.4-1
_TABLES = (
    """CREATE TABLE IF NOT EXISTS ups_steps (
        uid TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        attributes TEXT NOT NULL,
        ours INTEGER NOT NULL,
        study TEXT NOT NULL,
        secret TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS ups_steps_open ON ups_steps (state, created)",
    """CREATE TABLE IF NOT EXISTS ups_performs (
        step TEXT NOT NULL,
        job TEXT NOT NULL,
        PRIMARY KEY (step, job)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS ups_performs_job ON ups_performs (job)",
    """CREATE TABLE IF NOT EXISTS ups_subscriptions (
        step TEXT NOT NULL,
        title TEXT NOT NULL,
        wanted INTEGER NOT NULL,
        keys TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (step, title)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS ups_events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        step TEXT NOT NULL,
        kind INTEGER NOT NULL,
        state TEXT NOT NULL,
        fraction REAL NOT NULL,
        words TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT ''
    )""",
    f"CREATE TRIGGER IF NOT EXISTS ups_new AFTER INSERT ON jobs WHEN {_WANTED} "
    + _EVENT.format(kind=REPORT, words="reason"),
    "CREATE TRIGGER IF NOT EXISTS ups_changed AFTER UPDATE OF state ON jobs"
    f" WHEN OLD.state != NEW.state AND {_WANTED} " + _EVENT.format(kind=REPORT, words="reason"),
    "CREATE TRIGGER IF NOT EXISTS ups_moved AFTER UPDATE OF fraction ON jobs"
    f" WHEN OLD.fraction != NEW.fraction AND OLD.state = NEW.state AND {_WANTED} "
    + _EVENT.format(kind=PROGRESS, words="message"),
    "CREATE TRIGGER IF NOT EXISTS ups_many AFTER INSERT ON ups_events BEGIN"  # noqa: S608
    f" DELETE FROM ups_events WHERE number <= NEW.number - {MOST_EVENTS}; END",
)
# Columns that databases of former versions lack: when a step ended, and whether a subscription
# keeps it.
_ADDED = (("ups_steps", "ended", "TEXT"), ("ups_subscriptions", "locks", "INTEGER DEFAULT 0"))


def add_tables(database: Database) -> None:
    """Make the tables where they are missing, and what they lack.

    Raises:
        OutputError: the database cannot be used.
    """
    with database.transaction() as execute:
        for statement in _TABLES:
            execute(statement)
        for table, column, kind in _ADDED:
            there = {row["name"] for row in execute(f"PRAGMA table_info({table})")}
            if column not in there:
                execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
