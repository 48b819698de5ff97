"""The whole story on a real PACS: studies come, results stand in them once, whoever is killed."""

from __future__ import annotations

import base64
import io
import json
import pwd
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psutil
import pydicom
import pytest
from command import Answer, refused
from makers.small_studies import small_model, small_study
from pacs.servers import Orthanc

from IODeepLib.cli import serve as serve_verb
from IODeepLib.service import looks
from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.job import Job
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.looks import look_at_next
from IODeepLib.service.outbox import store_next
from IODeepLib.service.runs import run_next
from IODeepLib.service.settings import service_settings
from IODeepLib.service.states import State
from IODeepLib.sources.folder import files_below
from IODeepLib.sources.push import push
from IODeepLib.sources.settings import Settings

PATIENCE = 240  # seconds; all of it takes twenty on a machine that has nothing else to do

Started = Callable[[], subprocess.Popen]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Started]:
    """Starts services as an administrator does; what they say is in files."""
    running: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        log = (tmp_path / f"log {len(running)}").open("wb")
        call = [sys.executable, "-m", "IODeepLib.cli", "serve"]
        service = subprocess.Popen([*call, "--config", tmp_path / "iodeep.toml"], stderr=log)
        running.append(service)
        return service

    yield start
    for service in running:
        service.kill()
        service.wait()


def until(there: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < ends, there
        time.sleep(0.1)


def results(pacs: Orthanc, study: str) -> Counter[str]:
    """How many series of each modality a study has."""
    found: Counter[str] = Counter()
    for series in json.loads(pacs.get("/series?expand")):
        header = pydicom.dcmread(
            io.BytesIO(pacs.get(f"/instances/{series['Instances'][0]}/file")),
            specific_tags=["StudyInstanceUID", "Modality"],
        )
        if header.StudyInstanceUID == study:
            found[header.Modality] += 1
    return found


def running(hands: Hands) -> list[str]:
    """The jobs that are run now."""
    found = hands.database.ask("SELECT uid FROM jobs WHERE state = 'running'")
    return [row["uid"] for row in found]


def children(*services: subprocess.Popen) -> list[psutil.Process]:
    return [child for one in services for child in psutil.Process(one.pid).children()]


def test_every_study_has_its_result_once_whoever_is_killed(
    pacs: Orthanc,
    configured: Callable[..., Settings],
    send: Callable[[Path], None],
    serve: Started,
    models: Path,
    tmp_path: Path,
) -> None:
    """A service in a run, then the process of a run or a look of one of two on the same queue.

    The network is in the PACS as well.
    """
    settings = service_settings(configured(models="pacs"))
    hands = hands_for(settings, pacs_of(settings))
    push(files_below(models), hands.source)
    first = serve()
    until(lambda: hands.database.ask("SELECT * FROM cursors"))
    studies = [small_study(seed) for seed in range(2)]
    for number, study in enumerate(studies):
        send(study.write(tmp_path / f"study {number}"))
    until(lambda: running(hands) and children(first))
    orphans = children(first)
    first.kill()
    first.wait()
    for orphan in orphans:
        orphan.wait(PATIENCE)
    assert results(pacs, studies[0].study) == {"MR": 1}

    both = serve(), serve()
    until(lambda: children(*both))
    for child in children(*both):
        child.kill()
    until(lambda: [one.state for one in hands.jobs.latest(9)] == [State.DONE] * 2)
    for study in studies:
        assert results(pacs, study.study) == {"MR": 1, "SEG": 1, "SR": 1}
    # Orthanc tells of the study again, for the results are in it; that starts nothing.
    again = "SELECT 1 FROM studies WHERE state = 'done' AND events > 1"
    until(lambda: len(hands.database.ask(again)) == 2)
    assert len(hands.jobs.latest(9)) == 2
    for service in both:
        service.send_signal(signal.SIGTERM)
    assert [service.wait() for service in both] == [0, 0]
    assert hands.jobs.owners() | hands.studies.owners() == set()

    words = "".join(log.read_text() for log in tmp_path.glob("log *"))
    events = Counter(json.loads(line)["event"] for line in words.splitlines())
    assert (events["service begins"], events["service ends"], events["job done"]) == (3, 2, 2)
    assert events["taken back"] >= 1
    assert not any(one in words for study in studies for one in (study.study, study.series))
    assert "Secret" not in words
    folders = [path for path in (tmp_path / "service").rglob("*") if path.is_dir()]
    assert not [
        path for path in folders if path.name in ("result", "images") and any(path.iterdir())
    ]


def test_where_models_are_equal_a_person_chooses(
    pacs: Orthanc,
    configured: Callable[..., Settings],
    send: Callable[[Path], None],
    iodeep: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And there is no room to keep its images until then."""
    monkeypatch.setattr(looks, "_STUDIES_AT_HAND", 0)
    folder = tmp_path / "models"
    small_model(folder, "alpha")
    small_model(folder, "beta")
    settings = service_settings(configured(models=folder))
    hands = hands_for(settings, pacs_of(settings)).of("test")
    study = small_study(StudyDate=f"{date.today():%Y%m%d}")
    send(study.write(tmp_path / "study"))
    (preview,) = json.loads(iodeep("serve", "--dry-run", "--json").out)
    assert preview["study"] == study.study
    assert {label for _, label in preview["decisions"][0]["choices"]} == {
        "alpha@1.0.0",
        "beta@1.0.0",
    }
    assert "wait until somebody chooses" in iodeep("serve", "--dry-run", "3").out
    assert not look_at_next(hands)
    assert iodeep("serve", "--jobs").out == "no jobs\n"

    with hands.database.transaction() as execute:
        hands.studies.seen(execute, study.study)
    assert look_at_next(hands)  # it is new, and would be waited for
    assert look_at_next(hands)
    assert not look_at_next(hands)
    assert not run_next(hands)
    assert hands.place.images_of(study.study) == []
    (job,) = json.loads(iodeep("serve", "--jobs", "--json").out)
    assert (job["state"], job["ups_state"]) == ("needs a choice", "SCHEDULED")
    refused(iodeep("serve", "--choose", job["uid"], "gamma"), 2, "alpha@1.0.0", "beta@1.0.0")
    assert "waiting: beta@1.0.0" in iodeep("serve", "--choose", job["uid"], "beta@1.0.0").out
    assert run_next(hands)
    assert store_next(hands)
    assert results(pacs, study.study) == {"MR": 1, "SEG": 1, "SR": 1}
    assert "done: beta@1.0.0" in iodeep("serve", "--jobs").out
    refused(iodeep("serve", "--again", job["uid"]), 2, "is done")

    send(tmp_path / "study")  # once more
    with hands.database.transaction() as execute:
        hands.studies.seen(execute, study.study)
    assert look_at_next(hands)
    assert not look_at_next(hands)
    assert len(hands.jobs.latest(9)) == 1


def test_canceled_and_run_again(
    hands: Hands, iodeep: Callable[..., Answer], configured: Callable[..., Settings]
) -> None:
    """Each is told to the audit server, with who said so."""
    configured('[service.changes]\n[service.audit]\nserver = "udp://localhost:514"')
    job = Job(study="1.2.3", series="1.2.3.4", model="2.25.7", label="liver@1.0.0", rule="rule 1")
    with hands.database.transaction() as execute:
        hands.jobs.add(execute, [job])
    answer = iodeep("serve", "--cancel", job.uid)
    assert "canceled: liver@1.0.0 on 1.2.3.4 (rule 1)\n  a person canceled it" in answer.out
    assert iodeep("serve", "--cancel", job.uid).out == answer.out  # it is already
    again = iodeep("serve", "--again", job.uid).out
    new = hands.jobs.job(job.uid).later
    assert "waiting: liver@1.0.0" in again
    assert again.splitlines()[::2] == [new, f"  does again {job.uid}"]
    refused(iodeep("serve", "--again", job.uid), 2, f"done once more as {new}")
    refused(iodeep("serve", "--cancel", "1.2.3"), 2, "no job 1.2.3")
    assert f"done again as {new}" in iodeep("serve", "--jobs").out
    assert serve_verb._user() in {one.pw_name for one in pwd.getpwall()}
    first, second = sorted((hands.place.folder / "audit").iterdir())
    for message, action, words in ((first, b"U", job.uid), (second, b"C", new)):
        said = message.read_bytes()
        assert b'originalText="Procedure Record"' in said
        assert b'EventActionCode="%s"' % action in said
        assert b'UserID="%s"' % serve_verb._user().encode() in said
        assert b'ParticipantObjectID="1.2.3"' in said
        assert base64.b64encode(words.encode()) in said


def test_a_study_that_is_gone_when_it_is_looked_at(hands: Hands) -> None:
    with hands.database.transaction() as execute:
        hands.studies.seen(execute, "1.2.3")
    assert look_at_next(hands)
    ((state, reason),) = hands.database.ask("SELECT state, reason FROM studies")
    assert (state, reason) == ("done", "it has no images")


def test_settings_that_cannot_be_served(
    iodeep: Callable[..., Answer], configured: Callable[..., Settings], tmp_path: Path
) -> None:
    refused(iodeep("serve", "--config", tmp_path / "no.toml"), 2, "no.toml")
    configured("workers = 0\n[service.changes]")
    refused(iodeep("serve"), 2, "service.workers (line 11)")
    path = tmp_path / "iodeep.toml"
    path.write_text(f"[service]\nsource = {str(tmp_path)!r}\n[service.polling]\n")
    refused(iodeep("serve", "--config", path), 2, "service.source", "a PACS")
