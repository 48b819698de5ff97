"""Models and images in real PACS by way of DIMSE; what DICOMweb and DIMSE share is in test_pacs."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from makers import networks
from makers.packed_models import files, make_model
from makers.recipes import recipe
from pacs.proxy import proxy
from pacs.scp import FIND, RAW, scp
from pacs.servers import Dcmqrscp, Orthanc, free_port
from pydicom.dataset import Dataset
from pynetdicom import evt

import IODeepLib
from IODeepLib.disk.cache import Cache
from IODeepLib.errors import ImageError, SourceError, UsageError
from IODeepLib.model_object import verify, write_model
from IODeepLib.series import find_series
from IODeepLib.sources.archive import Archive, UnreachableError
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.dimse.messages import PDU
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.query import Query
from IODeepLib.sources.retries import retried
from IODeepLib.sources.settings import Server

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
SERVERS = ["orthanc by C-GET", "orthanc by C-MOVE", "dcmqrscp by C-GET", "dcmqrscp by C-MOVE"]


@pytest.fixture(params=SERVERS)
def archive(request: pytest.FixtureRequest, client_port: int) -> Archive:
    name, _, way = request.param.partition(" by ")
    port = client_port if way == "C-MOVE" else None
    if name == "orthanc":
        orthanc: Orthanc = request.getfixturevalue("orthanc")
        url = f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    else:
        dcmqrscp: Dcmqrscp = request.getfixturevalue("dcmqrscp")
        url = dcmqrscp.source
    return DimseArchive(Server(url, timeout=20, receive_port=port))


def test_a_model_goes_there_and_comes_back(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(tmp_path, parts=3)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))  # nothing goes through it
    sent = files(model)
    assert PacsSource(archive, Cache(tmp_path / "cache")).store(sent) == sent
    elsewhere = PacsSource(archive, Cache(tmp_path / "elsewhere"))
    [found] = elsewhere.models().models
    assert found.card.manifest == model.card.manifest
    assert found.missing_parts == (1, 2, 3)
    fetched = elsewhere.fetch(found)
    verify(fetched)
    [again] = elsewhere.models().models
    assert not again.missing_parts


@pytest.mark.parametrize("name", ["rtdose_1frame", "waveform_ecg"])
def test_objects_that_are_no_images(
    archive: Archive, shared_data: Path, tmp_path: Path, name: str
) -> None:
    path = shared_data / "dicom" / "pydicom_oddities" / f"{name}.dcm"
    source = PacsSource(archive, Cache(tmp_path / "cache"))
    assert source.store([path]) == [path]
    stored = pydicom.dcmread(path)
    for uid in (stored.StudyInstanceUID, stored.SeriesInstanceUID):
        folder = tmp_path / uid[-40:]
        folder.mkdir(exist_ok=True)
        [copy] = source.objects(uid, folder)
        assert pydicom.dcmread(copy) == stored


def test_a_series_comes_as_it_is_in_a_folder(archive: Archive, tmp_path: Path) -> None:
    images = sorted((DEMO / "mr_t1").iterdir())[:8]
    source = PacsSource(archive, Cache(tmp_path / "cache"))
    assert source.store(images) == images
    assert source.store(images) == []
    header = pydicom.dcmread(images[0])
    [same] = find_series(images)
    [series] = source.images(
        Query(study_uid=header.StudyInstanceUID, series_uid=header.SeriesInstanceUID), tmp_path
    )
    assert series.sop_instance_uids == same.sop_instance_uids
    assert (series.volume().array == same.volume().array).all()
    assert not archive.find_series({"PatientID": header.PatientID, "Modality": "CT"}).entities
    [entity] = archive.find_series({"PatientID": header.PatientID, "Modality": "MR"}).entities
    assert entity.series_uid == header.SeriesInstanceUID


def test_listing_takes_two_associations_and_no_weights(dcmqrscp: Dcmqrscp, tmp_path: Path) -> None:
    network = networks.save(networks.conv(3, channels=96), tmp_path / "network.onnx")  # 1 MB
    for number in range(8):
        write_model(network, recipe(name=f"network-{number}"), tmp_path / "models" / str(number))
    DimseArchive(Server(dcmqrscp.source)).store(
        sorted((tmp_path / "models").rglob("*.dcm")), lambda path: None
    )
    with proxy(dcmqrscp.port, lambda number: None) as between:
        archive = DimseArchive(Server(f"dimse://{dcmqrscp.aet}@127.0.0.1:{between.port}"))
        source = PacsSource(archive, Cache(tmp_path / "cache"))
        assert len(source.models().models) == 8
        first = between.bytes_answered
        assert first < 800_000
        assert between.connections == 2  # one to search, one to retrieve
        assert len(source.models().models) == 8
        assert between.connections == 3
        assert between.bytes_answered - first < first / 2


def test_what_is_sent_is_not_held_in_memory(dcmqrscp: Dcmqrscp, tmp_path: Path) -> None:
    card = pydicom.dcmread(files(make_model(tmp_path))[0])
    card.add_new(0x7FE00010, "OB", bytes(100_000_000))
    card.save_as(tmp_path / "large.dcm")
    del card
    tracemalloc.start()
    DimseArchive(Server(dcmqrscp.source)).store([tmp_path / "large.dcm"], lambda path: None)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40_000_000


def test_pieces_are_small_also_where_any_are_taken(tmp_path: Path) -> None:
    card = pydicom.dcmread(files(make_model(tmp_path))[0])
    card.add_new(0x7FE00010, "OB", bytes(1_000_000))
    card.save_as(tmp_path / "large.dcm")
    sizes: list[int] = []
    handlers = {
        evt.EVT_DATA_RECV: lambda event: sizes.append(len(event.data)),
        evt.EVT_C_STORE: lambda event: 0,
    }
    with scp([RAW], handlers, maximum_pdu_size=0) as server:
        DimseArchive(Server(server.source)).store([tmp_path / "large.dcm"], lambda path: None)
    assert sum(sizes) > 1_000_000
    assert max(sizes) <= PDU + 6


def test_answers_that_come_several_times_are_one() -> None:
    """pynetdicom's own server answers once for each instance, at all levels."""
    asked: list[str] = []

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        level = event.identifier.QueryRetrieveLevel
        asked.append(level)
        for uid in ("1.2.1", "1.2.1", "1.2.2"):
            answer = Dataset()
            answer.StudyInstanceUID = uid if level == "STUDY" else event.identifier.StudyInstanceUID
            answer.SeriesInstanceUID = f"{answer.StudyInstanceUID}.1"
            yield 0xFF00, answer

    with scp([FIND], {evt.EVT_C_FIND: find}) as server:
        found = DimseArchive(Server(server.source)).find_series({"PatientID": "1"})
    assert [entity.series_uid for entity in found.entities] == ["1.2.1.1", "1.2.2.1"]
    assert asked == ["STUDY", "SERIES", "SERIES"]


def test_a_server_without_relational_queries_is_told_the_study(tmp_path: Path) -> None:
    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        """As PixelMed's server does."""
        if not event.identifier.StudyInstanceUID:
            yield 0xA900, None

    with scp([FIND], {evt.EVT_C_FIND: find}) as server:
        source = PacsSource(DimseArchive(Server(server.source)), Cache(tmp_path / "cache"))
        with pytest.raises(SourceError, match=r"told its study.*--study"):
            source.images(Query(series_uid="1.2"), tmp_path)
        with pytest.raises(ImageError, match="no image series"):
            source.images(Query(study_uid="1", series_uid="1.2"), tmp_path)


def test_nobody_there(tmp_path: Path) -> None:
    archive = DimseArchive(Server(f"dimse://PACS@127.0.0.1:{free_port()}", timeout=2))
    with pytest.raises(UnreachableError, match=r"PACS@127\.0\.0\.1:\d+ cannot be reached"):
        archive.find_series({"PatientID": "1"})


def test_an_unknown_ae_title_is_said(dcmqrscp: Dcmqrscp) -> None:
    archive = DimseArchive(Server(dcmqrscp.source.replace("QRSCP", "OTHER"), timeout=10))
    with pytest.raises(SourceError, match="rejects us as IODEEP"):
        # dcmqrscp may close the connection before we have read its answer.
        retried(lambda: archive.find_series({"PatientID": "1"}))


@pytest.mark.parametrize("url", ["dimse://host:104", "dimse://A@host", "dimse://A@host:99999"])
def test_a_wrong_address_is_said(url: str) -> None:
    with pytest.raises(UsageError, match="dimse://AET@host:port"):
        DimseArchive(Server(url))
