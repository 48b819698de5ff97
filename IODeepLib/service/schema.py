"""The tables of the database: the script of its first version, and of each later one what it adds.

A script that was released is never changed: databases were made by it.
"""

from __future__ import annotations

_FIRST = """
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
# Work that is done once more is a job of its own. Jobs are in the order of their numbers: the clock
# may be set. Of those that are deleted is known that they were there.
_SECOND = """
ALTER TABLE jobs ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN former TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN later TEXT NOT NULL DEFAULT '';
UPDATE jobs SET number = place FROM (
    SELECT uid AS one, row_number() OVER (ORDER BY created, uid DESC) AS place FROM jobs
) WHERE uid = one;
DROP INDEX jobs_next;
DROP INDEX jobs_by_time;
DROP INDEX jobs_by_state;
CREATE UNIQUE INDEX jobs_by_number ON jobs (number);
CREATE INDEX jobs_next ON jobs (state, priority DESC, number);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE TABLE forgotten (uid TEXT PRIMARY KEY, done INTEGER NOT NULL) WITHOUT ROWID;
"""
VERSIONS = (_FIRST, _SECOND)
