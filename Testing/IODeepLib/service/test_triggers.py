"""Studies that come or change are seen, by every way there is, and results are not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pydicom
import pytest
from makers.small_studies import small_study
from pacs.hostile import head, serving
from pacs.servers import Dcmqrscp, Orthanc

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.service.contents import content_of, counted, images_among
from IODeepLib.service.database import Database
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.polling import PolledServer
from IODeepLib.service.settings import Polling, service_settings
from IODeepLib.service.studies import Studies
from IODeepLib.service.triggers import Trigger, triggers_of
from IODeepLib.sources.find import source_of
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.settings import Settings

TODAY = f"{date.today():%Y%m%d}"
STABLE_WITHIN = 30  # seconds, of a StableAge of one


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "queue.db")


def looked(trigger: Trigger, database: Database) -> set[str]:
    """The studies that a trigger sees now."""
    studies = Studies(database, "test")
    trigger.look(database, studies)
    found = set()
    while (study := studies.next()) is not None:
        found.add(study.uid)
        studies.looked_at(study, study.content)
    return found


def until_seen(trigger: Trigger, database: Database, uid: str) -> set[str]:
    found, ends = set[str](), time.monotonic() + STABLE_WITHIN
    while uid not in found and time.monotonic() < ends:
        time.sleep(0.1)
        found |= looked(trigger, database)
    return found


def test_orthanc_tells_what_has_changed(
    pacs: Orthanc,
    configured: Callable[..., Settings],
    send: Callable[[Path], None],
    database: Database,
    tmp_path: Path,
) -> None:
    before, first = small_study(1), small_study(2, slices=3)
    send(before.write(tmp_path / "before"))
    settings = configured()
    service = service_settings(settings)
    (feed,) = triggers_of(settings, service, pacs_of(service))
    until_stable(pacs, 1)
    assert looked(feed, database) == set()  # what is there when the service comes is left alone
    send(first.write(tmp_path / "first"))
    assert until_seen(feed, database, first.study) == {first.study}
    assert looked(feed, database) == set()
    (again,) = triggers_of(settings, service, pacs_of(service))
    assert looked(again, Database(tmp_path / "queue.db")) == set()  # the place is remembered


def until_stable(pacs: Orthanc, count: int) -> None:
    ends = time.monotonic() + STABLE_WITHIN
    while time.monotonic() < ends:
        studies = json.loads(pacs.get("/studies?expand"))
        if sum(study["IsStable"] for study in studies) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(studies)


def test_a_feed_that_is_none(configured: Callable[..., Settings], database: Database) -> None:
    settings = configured('[service.changes]\nserver = "dicomweb+http://127.0.0.1:9/x"')
    service = service_settings(settings)
    (feed,) = triggers_of(settings, service, pacs_of(service))
    with pytest.raises(SourceError, match="cannot be reached"):
        feed.look(database, Studies(database))
    settings = configured('[service.changes]\nserver = "dimse://A@127.0.0.1:104"')
    with pytest.raises(UsageError, match=r"service\.changes\.server"):
        triggers_of(settings, service_settings(settings), pacs_of(service))


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b"[]",
        b"{}",
        b'{"Last": -1}',
        b'{"Last": "7"}',
        b'{"Last": 1e99}',
        b'{"Last": 7, "Changes": 1}',
        b'{"Last": 7, "Changes": [{"ChangeType": "StableStudy", "ID": "../../instances"}]}',
        b'{"Last": 7, "Changes": []}' + b" " * 2**21,
    ],
)
def test_a_feed_that_answers_something_else(
    answer: bytes, configured: Callable[..., Settings], database: Database
) -> None:
    with serving(lambda request: [head(kind="application/json"), answer]) as server:
        settings = configured(f'[service.changes]\nserver = "{server.source}"')
        service = service_settings(settings)
        (feed,) = triggers_of(settings, service, pacs_of(service))
        with database.transaction() as execute:
            execute("INSERT INTO cursors VALUES (?, '3')", [feed.name])
        studies = Studies(database, "test")
        with pytest.raises(SourceError):
            feed.look(database, studies)
        assert studies.next() is None
        assert {request.path for request in server.requests} == {"/changes"}


def stored(source: PacsSource, folder: Path) -> None:
    source.store(sorted(folder.iterdir()))


@pytest.mark.parametrize("protocol", ["DICOMweb", "DIMSE"])
def test_a_pacs_is_searched_now_and_then(
    protocol: str, request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> None:
    name = "pacs" if protocol == "DICOMweb" else "dcmqrscp"
    server: Orthanc | Dcmqrscp = request.getfixturevalue(name)
    source = source_of(server.source)
    assert isinstance(source, PacsSource)
    polled = PolledServer(source, Polling(days=1))
    before, new = small_study(1, StudyDate=TODAY), small_study(2, StudyDate=TODAY)
    old = small_study(3, StudyDate="20010203")
    stored(source, before.write(tmp_path / "before"))
    assert looked(polled, database) == set()
    whole = new.write(tmp_path / "new")
    last = sorted(whole.iterdir())[-1]
    source.store([path for path in sorted(whole.iterdir()) if path != last])
    stored(source, old.write(tmp_path / "old"))
    seen = seen_and_noted(polled, database, source)
    assert seen == {new.study}
    assert seen_and_noted(polled, database, source) == set()
    source.store([last])  # it grows
    assert seen_and_noted(polled, database, source) == {new.study}
    source.store([result_in(new.study, tmp_path / "result.dcm", last)])
    assert seen_and_noted(polled, database, source) == set()


def seen_and_noted(polled: PolledServer, database: Database, source: PacsSource) -> set[str]:
    """What is seen; and what is there then is noted, as whoever looks at it does."""
    studies = Studies(database, "test")
    polled.look(database, studies)
    found = set()
    while (study := studies.next()) is not None:
        images = images_among(source.series({"StudyInstanceUID": study.uid}))
        studies.looked_at(study, content_of(images, counted(source, images)))
        found.add(study.uid)
    return found


def result_in(study: str, path: Path, like: Path) -> Path:
    """A result: an object of a modality that holds no images."""
    dataset = pydicom.dcmread(like)
    dataset.Modality, dataset.StudyInstanceUID = "SEG", study
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "2.25.10", "2.25.11"
    dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.11"
    dataset.save_as(path)
    return path
