"""Studies come, somebody kills, and in the end everything is there once, or it is said what is not.

A study is sent whole or not at all: the PACS is killed between two studies that come, in the middle
of whatever the service does there. What grows is another story (Testing/IODeepLib/service).
"""

from __future__ import annotations

import json
import resource
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import psutil
from makers.series import Stack
from makers.small_studies import small_model

from IODeepLib.service.database import Database
from soak.killing import Kill, Victim, kills
from soak.parties import Pacs, Service

SLICES = 4
_AT_ONCE = 10  # studies in one association
_PATIENCE = 600.0  # seconds in which nothing at all happens
_SETTINGS = """
[servers.pacs]
url = "{pacs}"

[service]
source = "pacs"
models = {models!r}
folder = {folder!r}
quiet_seconds = 2
workers = 2
threads = 1

[service.changes]
every = 0.5

[service.polling]
every = {polling}
days = 2
"""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        studies: how many were sent.
        killed: how often who was killed.
        seconds: from the first study to the last result.
        processor_seconds: of all processes that somebody has waited for, the PACS among them.
        attempts: how often runs were begun.
        crashes: how often the process of one was found dead.
        events: how often the service has said what.
        wrong: what is not as it should be, a line each.
    """

    studies: int
    killed: dict[str, int]
    seconds: float
    processor_seconds: float
    attempts: int
    crashes: int
    events: dict[str, int]
    wrong: list[str]


def story(
    studies: int, count: int, seed: int, folder: Path, say: Callable[[str], object] = print
) -> Outcome:
    """Let it happen.

    Args:
        studies: how many come.
        count: how many are killed.
        seed: of the chance.
        folder: a new folder.
        say: told what happens.
    """
    scene = _Scene(studies, folder)
    before = _processor_seconds()
    killed: Counter[str] = Counter()
    try:
        scene.begin()
        began = time.monotonic()
        for kill in kills(count, studies, seed):
            scene.until(lambda kill=kill: scene.ended() >= kill.after)
            time.sleep(kill.pause)
            scene.kill(kill)
            killed[kill.victim.value] += 1
            say(f"{scene.ended()} of {studies}: the {kill.victim} is killed")
        scene.until(scene.is_over)
        seconds = time.monotonic() - began
        wrong = scene.wrong()
    finally:
        scene.end()
    rows = scene.database.ask("SELECT sum(attempts) AS a, sum(crashes) AS c FROM jobs")
    return Outcome(
        studies,
        dict(killed),
        round(seconds, 1),
        round(_processor_seconds() - before, 1),
        rows[0]["a"] or 0,
        rows[0]["c"] or 0,
        dict(sorted(scene.service.events().items())),
        wrong,
    )


class _Scene:
    """PACS, service and who sends studies."""

    def __init__(self, studies: int, folder: Path) -> None:
        self._folder = folder
        self._made = [_study(number) for number in range(studies)]
        self._sending = threading.Lock()
        self._pool = ThreadPoolExecutor(1)
        self._sent: Future[None] | None = None
        self._ending = False
        (folder / "logs").mkdir(parents=True)
        self.pacs = Pacs(folder / "pacs")
        self.service = Service(folder / "iodeep.toml", folder / "logs")
        self.database = Database(folder / "service" / "queue.db")

    def begin(self) -> None:
        """All begin; the service before the first study comes."""
        self.pacs.start()
        # One label: what is measured of many takes longer than all the rest.
        small_model(self._folder / "models", channels=2)
        (self._folder / "iodeep.toml").write_text(
            _SETTINGS.format(
                pacs=self.pacs.server.source,
                models=str(self._folder / "models"),
                folder=str(self._folder / "service"),
                polling=max(3, len(self._made) // 25),
            )
        )
        self.service.start()
        self.until(lambda: len(self.database.ask("SELECT * FROM cursors")) == 2)
        self._sent = self._pool.submit(self._send)

    def end(self) -> None:
        """All end."""
        self._ending = True
        self._pool.shutdown()
        self.service.end()
        self.pacs.kill()

    def _send(self) -> None:
        """As a modality does."""
        for first in range(0, len(self._made), _AT_ONCE):
            folder = self._folder / f"sent {first}"
            for study in self._made[first : first + _AT_ONCE]:
                study.write(folder / study.study)
            with self._sending:
                if self._ending:
                    return
                server = self.pacs.server
                address = ["-aec", server.aet, "127.0.0.1", f"{server.dicom_port}"]
                files = map(str, sorted(folder.rglob("*.dcm")))
                subprocess.run(["storescu", *address, *files], check=True)

    def kill(self, kill: Kill) -> None:
        """Kill somebody, and start again who is not started again by others."""
        if kill.victim is Victim.PACS:
            with self._sending:
                self.pacs.kill()
                self.pacs.start()
        elif kill.victim is Victim.SERVICE:
            self.service.kill()
            self.service.start()
        else:
            self.until(lambda: self._killed_task(kill.parent))

    def _killed_task(self, parent: bool) -> bool:
        """Kill who does a task, or who made that process; whether there was one."""
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            for task in self.service.tasks():
                found = task.parent() if parent else task
                if found is not None:
                    found.kill()
                    return True
        return False

    def ended(self) -> int:
        """How many jobs have come to their end."""
        return self._count("jobs", "state IN ('done', 'failed', 'canceled')")

    def is_over(self) -> bool:
        """Whether nothing waits any more."""
        seen = self._count("studies", "state IN ('done', 'failed') AND looked != ''")
        return seen == len(self._made) and self.ended() == self._count("jobs", "1")

    def until(self, there: Callable[[], object]) -> None:
        """Wait, as long as something happens now and then."""
        last, ends = "", time.monotonic() + _PATIENCE
        while not there():
            if self._sent is not None and self._sent.done():
                self._sent.result()  # what has gone wrong there
            now = self._words()
            if now != last:
                last, ends = now, time.monotonic() + _PATIENCE
            assert time.monotonic() < ends, now
            time.sleep(0.1)

    def wrong(self) -> list[str]:
        """What is not as it should be, by what Orthanc itself and the queue say."""
        there: dict[str, Counter[str]] = {}
        names = {
            one["ID"]: one["MainDicomTags"]["StudyInstanceUID"]
            for one in json.loads(self.pacs.server.get("/studies?expand"))
        }
        for one in json.loads(self.pacs.server.get("/series?expand")):
            modality, count = one["MainDicomTags"]["Modality"], len(one["Instances"])
            there.setdefault(names[one["ParentStudy"]], Counter())[f"{modality} of {count}"] += 1
        wanted = Counter({f"MR of {SLICES}": 1, "SEG of 1": 1, "SR of 1": 1})
        found = [
            f"study {study.study}: {dict(there.get(study.study, {}))}"
            for study in self._made
            if there.get(study.study) != wanted
        ]
        rows = self.database.ask("SELECT uid, state, reason FROM jobs WHERE state != 'done'")
        found += [f"job {row['uid']} is {row['state']}: {row['reason']}" for row in rows]
        if (count := self._count("jobs", "1")) != len(self._made):
            found.append(f"{count} jobs")
        return found

    def _count(self, table: str, condition: str) -> int:
        asked = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608
        return int(self.database.ask(asked)[0][0])

    def _words(self) -> str:
        tables = ("studies", "jobs")
        states = [
            tuple(row)
            for table in tables
            for row in self.database.ask(
                f"SELECT '{table}', state, count(*) FROM {table} GROUP BY state"  # noqa: S608
            )
        ]
        return f"{states}"


def _study(seed: int) -> Stack:
    voxels = np.random.default_rng(seed).integers(0, 200, (SLICES, 12, 12)).astype(np.int16)
    words = {"Modality": "MR", "BodyPartExamined": "BRAIN", "StudyDate": f"{date.today():%Y%m%d}"}
    return Stack(voxels, (1.0, 1.0, 1.0), common=words)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
