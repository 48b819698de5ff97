"""Whatever becomes of the process of a task, it is known, and nothing else ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from IODeepLib.service import waits
from IODeepLib.service.hands import Hands
from IODeepLib.service.helpers import Helper, Helpers
from IODeepLib.service.job import Job
from IODeepLib.service.processes import do_apart
from IODeepLib.service.queue import MOST_CRASHES
from IODeepLib.service.runs import run_next
from IODeepLib.service.settings import Polling, ServiceSettings
from IODeepLib.service.states import State
from IODeepLib.service.tasks import Look

SETTINGS = ServiceSettings("pacs", polling=Polling())
JOB = Job(study="1.2.3", series="1.2.3.4", content="abc", model="2.25.7", label="liver@1.0.0")


@pytest.fixture
def helpers() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


def done(
    helpers: Helpers,
    folder: Path,
    settings: ServiceSettings = SETTINGS,
    wanted=lambda: True,
    report=None,
):
    folder.mkdir(exist_ok=True)
    return do_apart(
        helpers,
        Look(settings, "1.2.3", str(folder / "images")),
        folder,
        wanted,
        report or (lambda fraction, message: None),
    )


def has_ended(pid: int) -> bool:
    """Whether a process does, be it that nobody asks for its exit status."""
    end = time.monotonic() + 60
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
    return True


def test_a_crash_says_how_and_the_last_words(
    child: Callable[[str], None], helpers: Helpers, tmp_path: Path
) -> None:
    child("crashes")
    ended = done(helpers, tmp_path)
    assert (ended.reason, ended.failure) == ("SIGSEGV: the last words", None)


def test_an_exception_nobody_expected_is_a_crash(
    child: Callable[[str], None], helpers: Helpers, tmp_path: Path
) -> None:
    child("raises")
    ended = done(helpers, tmp_path)
    assert (ended.crash, ended.words) == ("exit status 1", "RuntimeError: Secret^Name")


def test_what_takes_too_long_is_ended(
    child: Callable[[str], None], helpers: Helpers, tmp_path: Path
) -> None:
    child("hangs")
    ended = done(helpers, tmp_path, ServiceSettings("pacs", polling=Polling(), minutes=0.08))
    assert ended.failure is not None
    assert ended.failure.reason == "it took longer than 0.08 minutes"
    assert not ended.failure.passes
    pid = tmp_path / "pid"  # on a busy machine it may not have come that far
    assert not pid.exists() or has_ended(int(pid.read_text()))


def test_what_nobody_wants_any_more_is_ended(
    child: Callable[[str], None], helpers: Helpers, tmp_path: Path
) -> None:
    child("hangs")
    ended = done(helpers, tmp_path, wanted=lambda: not (tmp_path / "pid").exists())
    assert ended.unwanted
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_progress_is_told_as_text_that_commands_nothing(
    child: Callable[[str], None], helpers: Helpers, tmp_path: Path
) -> None:
    child("talks")
    told: list[tuple[float, str]] = []
    ended = done(helpers, tmp_path, report=lambda *step: told.append(step))
    assert ended.crash == "exit status 0"  # it has written nothing
    assert told[-1][0] == 0.5
    assert told[-1][1].startswith("more")
    assert "\x1b" not in told[-1][1]


def test_a_process_is_ready_for_many_tasks_and_each_has_its_own(
    child: Callable[[str], None], helpers: Helpers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one has said is not held against the next."""
    began: list[Helper] = []
    monkeypatch.setattr(
        Helper,
        "begin",
        lambda self, folder, begin=Helper.begin: (began.append(self), begin(self, folder)),
    )
    child("crashes")
    helpers.prepare()
    helpers.prepare()
    assert done(helpers, tmp_path / "one").words == "the last words"
    assert done(helpers, tmp_path / "two").words == "the last words"
    assert len(set(map(id, began))) == (1 if sys.platform == "linux" else 2)
    assert done(helpers, tmp_path / "three", wanted=lambda: False).unwanted


def test_those_who_have_nothing_to_do_end(child: Callable[[str], None], helpers: Helpers) -> None:
    child("talks")
    with helpers.one() as helper:
        pid = helper.pid
        assert helper.is_free
    helpers.tidy()
    assert helper.is_free  # for something may come
    helpers.end(idle=0.0)
    assert not psutil.pid_exists(pid)
    with helpers.one() as other:
        assert other.pid != pid


SERVICE = """
import sys
from pathlib import Path
from IODeepLib.service.helpers import Helpers
from IODeepLib.service.processes import do_apart
from IODeepLib.service.settings import Polling, ServiceSettings
from IODeepLib.service.tasks import Look
folder = Path(sys.argv[1])
settings = ServiceSettings("dicomweb+http://10.255.255.1/dicom-web", polling=Polling())
look = Look(settings, "1.2.3", str(folder / "images"))
do_apart(Helpers(), look, folder, lambda: True, print)
"""


def test_the_process_ends_with_its_service(tmp_path: Path) -> None:
    """However that ends. It is the real one, which waits for a server that does not answer."""
    service = subprocess.Popen([sys.executable, "-c", SERVICE, tmp_path])
    parent = psutil.Process(service.pid)
    try:  # the one that is ready, and on Linux that of the task
        while len(children := parent.children(recursive=True)) < 1 + (sys.platform == "linux"):
            assert service.poll() is None
            time.sleep(0.05)
        assert all(child.is_running() for child in children)
    finally:
        service.kill()
        service.wait()
    for child in children:
        child.wait(timeout=60)


def test_a_job_whose_process_crashes_ten_times_is_quarantined(
    child: Callable[[str], None], hands: Hands
) -> None:
    child("crashes")
    with hands.database.transaction() as execute:
        hands.jobs.add(execute, [JOB, replace(JOB, model="2.25.8", priority=-1)])
    later = 0.0
    hands.database.now = lambda: time.monotonic() + later  # type: ignore[method-assign]
    for _ in range(MOST_CRASHES):
        assert run_next(hands)
        assert hands.jobs.owners() == set()
        later += waits.LONGEST_PAUSE
        if hands.jobs.job(JOB.uid).state is State.WAITING:
            hands.database.ask("UPDATE jobs SET due = due + 1e9 WHERE model = '2.25.8'")
    ended = hands.jobs.job(JOB.uid)
    assert (ended.state, ended.crashes, ended.attempts) == (State.FAILED, 10, 10)
    assert "quarantined" in ended.reason
    assert "SIGSEGV: the last words" in ended.reason
