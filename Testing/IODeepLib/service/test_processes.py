"""Whatever becomes of the process of a task, it is known, and nothing else ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from IODeepLib.service import waits
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.processes import do_apart
from IODeepLib.service.queue import MOST_CRASHES
from IODeepLib.service.runs import run_next
from IODeepLib.service.settings import Polling, ServiceSettings
from IODeepLib.service.states import State
from IODeepLib.service.tasks import Look

SETTINGS = ServiceSettings("pacs", polling=Polling())
JOB = Job(study="1.2.3", series="1.2.3.4", content="abc", model="2.25.7", label="liver@1.0.0")


def done(folder: Path, settings: ServiceSettings = SETTINGS, wanted=lambda: True, report=None):
    folder.mkdir(exist_ok=True)
    return do_apart(
        Look(settings, "1.2.3", str(folder / "images")),
        folder,
        wanted,
        report or (lambda fraction, message: None),
    )


def test_a_crash_says_how_and_the_last_words(child: Callable[[str], None], tmp_path: Path) -> None:
    child("crashes")
    ended = done(tmp_path)
    assert (ended.reason, ended.failure) == ("SIGSEGV: the last words", None)


def test_an_exception_nobody_expected_is_a_crash(
    child: Callable[[str], None], tmp_path: Path
) -> None:
    child("raises")
    ended = done(tmp_path)
    assert (ended.crash, ended.words) == ("exit status 1", "RuntimeError: Secret^Name")


def test_what_takes_too_long_is_ended(child: Callable[[str], None], tmp_path: Path) -> None:
    child("hangs")
    ended = done(tmp_path, ServiceSettings("pacs", polling=Polling(), minutes=0.02))
    assert ended.failure is not None
    assert ended.failure.reason == "it took longer than 0.02 minutes"
    assert not ended.failure.passes
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_what_nobody_wants_any_more_is_ended(child: Callable[[str], None], tmp_path: Path) -> None:
    child("hangs")
    ended = done(tmp_path, wanted=lambda: not (tmp_path / "pid").exists())
    assert ended.unwanted
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_progress_is_told_as_text_that_commands_nothing(
    child: Callable[[str], None], tmp_path: Path
) -> None:
    child("talks")
    told: list[tuple[float, str]] = []
    ended = done(tmp_path, report=lambda fraction, message: told.append((fraction, message)))
    assert ended.crash == "exit status 0"  # it has written nothing
    assert told[-1][0] == 0.5
    assert told[-1][1].startswith("more")
    assert "\x1b" not in told[-1][1]


SERVICE = """
import sys
from pathlib import Path
from IODeepLib.service.processes import do_apart
from IODeepLib.service.settings import Polling, ServiceSettings
from IODeepLib.service.tasks import Look
folder = Path(sys.argv[1])
settings = ServiceSettings("dicomweb+http://10.255.255.1/dicom-web", polling=Polling())
do_apart(Look(settings, "1.2.3", str(folder / "images")), folder, lambda: True, print)
"""


def test_the_process_ends_with_its_service(tmp_path: Path) -> None:
    """However that ends. It is the real one, which waits for a server that does not answer."""
    service = subprocess.Popen([sys.executable, "-c", SERVICE, tmp_path])
    parent = psutil.Process(service.pid)
    try:
        while not (children := parent.children()):
            assert service.poll() is None
            time.sleep(0.05)
        (child,) = children
        while child.num_threads() < 2:  # the one that watches
            time.sleep(0.05)
        assert child.is_running()
    finally:
        service.kill()
        service.wait()
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
