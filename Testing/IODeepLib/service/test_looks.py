"""A study is looked at when it is quiet, and whatever goes wrong then keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from makers.small_studies import small_study
from msgspec.structs import replace as changed
from pacs.servers import free_port

from IODeepLib.service import waits
from IODeepLib.service.hands import Hands
from IODeepLib.service.looks import look_at_next
from IODeepLib.service.queue import MOST_CRASHES
from IODeepLib.service.tidying import tidy
from IODeepLib.sources.find import source_of
from IODeepLib.sources.incoming import to_store
from IODeepLib.sources.pacs import PacsSource

UID = "2.25.4712"


@pytest.fixture
def clock(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time by which things wait, to be changed."""
    now = [1000.0]
    monkeypatch.setattr(hands.database, "now", lambda: now[0])
    return now


@pytest.fixture
def study(hands: Hands, tmp_path: Path) -> list[Path]:
    """Its files, of which the PACS has all but the last, which was seen."""
    files = sorted(small_study(StudyInstanceUID=UID).write(tmp_path / "study").iterdir())
    hands.source.store(files[:-1])
    see(hands)
    return files


def see(hands: Hands) -> None:
    with hands.database.transaction() as execute:
        hands.studies.seen(execute, UID)


def state(hands: Hands) -> tuple[str, str]:
    ((state, reason),) = hands.database.ask("SELECT state, reason FROM studies")
    return state, reason


def test_a_study_that_grows_is_waited_for(
    hands: Hands, clock: list[float], study: list[Path], child: Callable[[str], None]
) -> None:
    """By its modality; then it is looked at, here by a process that crashes."""
    child("crashes")
    quiet = changed(hands.settings, quiet_seconds=5, quiet_seconds_of={"MR": 100})
    hands = replace(hands, settings=quiet)
    assert look_at_next(hands)
    clock[0] += 99
    assert not look_at_next(hands)
    hands.source.store(study[-1:])
    clock[0] += 2
    assert look_at_next(hands)  # it has grown
    assert state(hands) == ("waiting", "")
    clock[0] += 99
    assert not look_at_next(hands)
    clock[0] += 2
    assert look_at_next(hands)
    assert state(hands) == ("waiting", "SIGSEGV: the last words")


def test_what_was_sent_to_us_is_read_from_here(hands: Hands, tmp_path: Path) -> None:
    """The PACS has none of one study, and the first two images of another one's series."""
    sent, partly = small_study(1), small_study(2, StudyInstanceUID=UID)
    for study in (sent, partly):
        files = sorted(study.write(tmp_path / study.study).iterdir())
        if study is partly:
            hands.source.store(files[:2])
        for file in files:
            hands.received.keep(file, to_store(file))
    for _ in range(4):
        assert look_at_next(hands)
    jobs = hands.jobs.latest(9)
    assert {job.study for job in jobs} == {sent.study, UID}
    for job in jobs:
        (folder,) = hands.place.images_of(job.study)
        assert len([path for path in folder.rglob("*") if path.is_file()]) == 6
    hands.database.ask("UPDATE jobs SET state = 'done'")
    tidy(hands)
    assert (hands.received.studies(), hands.place.studies()) == ([], [])


def test_a_look_that_crashes_ten_times_is_given_up_until_the_study_changes(
    hands: Hands, clock: list[float], study: list[Path], child: Callable[[str], None]
) -> None:
    child("crashes")
    assert look_at_next(hands)
    for number in range(MOST_CRASHES):
        assert look_at_next(hands), number
        clock[0] += waits.LONGEST_PAUSE
    assert not look_at_next(hands)
    assert state(hands)[0] == "failed"
    assert "quarantined" in state(hands)[1]
    see(hands)
    assert look_at_next(hands)
    assert hands.place.lookers() == set()


def test_a_server_that_is_away_is_asked_later(
    hands: Hands, clock: list[float], study: list[Path]
) -> None:
    nowhere = source_of(f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web")
    assert isinstance(nowhere, PacsSource)
    assert look_at_next(replace(hands, source=nowhere))
    assert state(hands)[0] == "waiting"
    assert "cannot be reached" in state(hands)[1]
    assert not look_at_next(hands)
    clock[0] += waits.FIRST_PAUSE
    assert look_at_next(hands)


def test_what_nobody_needs_any_more_is_cleared_away(hands: Hands, study: list[Path]) -> None:
    """What an ended service has left, what a study left whose jobs have ended."""
    images = hands.place.images(UID, "content")
    images.mkdir(parents=True)
    (images / "1.dcm").touch()
    with hands.place.looking("0123456789abcdef") as looking:
        (looking / "task.json").touch()
        (images.parents[2] / "jobs" / "2.25.1" / "1").mkdir(parents=True)
        (images.parents[2] / "jobs" / ".removed-1").mkdir()
        taken = hands.studies.next()
        tidy(hands)
        assert images.is_dir()  # somebody looks at it
        assert taken is not None
        hands.studies.give_back(taken)
        tidy(hands)
        assert not looking.exists()
    left = {path.name for path in images.parents[2].rglob("*") if path.name != hands.owner.name}
    assert {name for name in left if not name.startswith("queue.db")} == {
        *("images", "jobs", "kept", "looks", "owners", "received")
    }
