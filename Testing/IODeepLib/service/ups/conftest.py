"""The procedure steps of a service whose PACS nobody asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.ups.steps import Performer
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import Worklist


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "queue.db")


@pytest.fixture
def worklist(database: Database) -> Worklist:
    return Worklist(database, Performer("IODEEP", address="https://pacs.example.org/dicom-web"))


@pytest.fixture
def subscriptions(database: Database, worklist: Worklist) -> Subscriptions:
    return Subscriptions(database, worklist)


@pytest.fixture
def job(database: Database) -> Job:
    """A job that a rule has asked for, and that waits."""
    made = Job(study="2.25.1", series="2.25.2", model="2.25.7", label="liver@1.0.0", rule="rule 1")
    with database.transaction() as execute:
        Jobs(database).add(execute, [made])
    return made
