"""A PACS behind a bad network, over DICOMweb and over DIMSE: everything arrives, nothing twice."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from command import DEMO, Answer
from makers.packed_models import make_network
from makers.recipes import liver_recipe
from pacs.proxy import Fault, Proxy, dropping
from pacs.servers import Orthanc

from IODeepLib.model_object import verify, write_model
from IODeepLib.sources import retries
from IODeepLib.sources.find import source_of
from IODeepLib.sources.push import push
from IODeepLib.sources.query import Query


@dataclass(frozen=True)
class Protocol:
    """How Orthanc is spoken to.

    Attributes:
        name: of the attribute that holds Orthanc's port.
        address: the SOURCE, with the port left open.
        most: bytes after which a dropped connection breaks: in a push, in a run.
        searches: connections before the one that brings images.
    """

    name: str
    address: str
    most: tuple[int, int]
    searches: int


PROTOCOLS = [
    Protocol("http_port", "dicomweb+http://127.0.0.1:{}/dicom-web", (3_000, 200_000), 0),
    Protocol("dicom_port", "dimse://ORTHANC@127.0.0.1:{}", (50_000, 100_000), 1),
]


@pytest.fixture(params=PROTOCOLS, ids=["DICOMweb", "DIMSE"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return request.param


@pytest.fixture
def through(orthanc: Orthanc, protocol: Protocol) -> Iterator[Callable[..., str]]:
    """Gives the SOURCE of Orthanc behind a bad network."""
    running: list[Proxy] = []

    def behind(fault: Callable[[int], Fault | None]) -> str:
        running.append(Proxy(getattr(orthanc, protocol.name), fault))
        return protocol.address.format(running[-1].port)

    yield behind
    for one in running:
        one.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is received may go through temporary files; none of them stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


def instances(orthanc: Orthanc) -> int:
    return len(json.loads(orthanc.get("/instances")))


def test_with_a_third_of_all_connections_dropped_nothing_is_lost_or_twice(
    orthanc: Orthanc, protocol: Protocol, through: Callable[..., str], tmp_path: Path
) -> None:
    network = make_network(tmp_path)
    for number in range(20):
        made = liver_recipe(name=f"network-{number:02}")
        write_model(network, made, tmp_path / "models" / str(number), max_part_bytes=40_000)
    paths = sorted((tmp_path / "models").rglob("*.dcm"))
    source = source_of(through(dropping(0.3, seed=1, most=protocol.most[0])))
    assert len(push(paths, source).stored) == len(paths) == 60
    assert instances(orthanc) == 60
    catalog = source.models()
    assert len(catalog.models) == 20 and not catalog.problems
    for model in catalog.models[:5]:
        verify(source.fetch(model))


def test_a_run_with_a_third_of_all_connections_dropped(
    orthanc: Orthanc,
    protocol: Protocol,
    through: Callable[..., str],
    packed: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
) -> None:
    images = sorted((DEMO / "mr_t1").iterdir())
    uid = pydicom.dcmread(images[0]).SeriesInstanceUID
    source_of(orthanc.source).store([*images, *packed.iterdir()])
    before = instances(orthanc)
    pacs = through(dropping(0.3, seed=3, most=protocol.most[1]))
    answered = iodeep(
        *("run", pacs, "--series", uid, "--models", pacs, "--store", pacs, "--out", tmp_path / "r")
    )
    assert answered.status == 0, answered
    assert instances(orthanc) == before + 2  # the SEG and the report


def test_a_series_comes_whole_after_a_break(
    orthanc: Orthanc, protocol: Protocol, through: Callable[..., str], tmp_path: Path
) -> None:
    images = sorted((DEMO / "mr_t1").iterdir())
    source_of(orthanc.source).store(images)
    header = pydicom.dcmread(images[0])
    # The first connection that brings images breaks after some of them.
    breaks = Fault(answered=500_000)
    source = source_of(through(lambda number: breaks if number <= protocol.searches else None))
    query = Query(study_uid=header.StudyInstanceUID, series_uid=header.SeriesInstanceUID)
    [series] = source.images(query, tmp_path / "images")
    assert len(series.sop_instance_uids) == len(images)
    assert len(list((tmp_path / "images").rglob("*.dcm"))) == len(images)
