"""What is known to go wrong with DICOMweb servers: seen in a real one, and kept clear of."""

from __future__ import annotations

import http.client
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pydicom
import pytest
import requests
from command import DEMO
from dicomweb_client import DICOMwebClient
from makers import networks
from makers.packed_models import files, make_model
from makers.recipes import liver_recipe
from pacs import servers
from pacs.proxy import Fault, answer, proxy
from pacs.servers import Orthanc

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.model_object import Model, verify, write_model
from IODeepLib.sources.archive import Matches, TransientError
from IODeepLib.sources.dicomweb import DicomwebArchive
from IODeepLib.sources.find import source_of
from IODeepLib.sources.query import Query

MEGABYTE = 2**20


def large_model(folder: Path, ballast: bytes) -> Model:
    """A model whose weights have these bytes among others."""
    network = networks.conv(3, layers=3)
    values = np.frombuffer(ballast, np.uint8)
    network.graph.initializer.append(onnx.numpy_helper.from_array(values, "ballast"))
    onnx.save(network, folder / "large.onnx")
    return write_model(folder / "large.onnx", liver_recipe(), folder / "large")


def instance_url(orthanc: Orthanc, path: Path) -> str:
    header = pydicom.dcmread(path, stop_before_pixels=True, defer_size=1024)
    study, series = header.StudyInstanceUID, header.SeriesInstanceUID
    return f"{orthanc.url}/studies/{study}/series/{series}/instances/{header.SOPInstanceUID}"


def test_listing_never_makes_the_server_read_weights(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    weights = files(model)[1]
    # The proof: weights that cannot be read, because their file is gone, also from its memory.
    with servers.orthanc(tmp_path / "orthanc", MaximumStorageCacheSize=0) as own:
        source_of(own.source).store(files(model))
        stored = (path for path in (own.folder / "storage").rglob("*-*-*") if path.is_file())
        size = weights.stat().st_size
        [attachment] = [path for path in stored if path.stat().st_size == size]
        attachment.unlink()
        everything = requests.get(f"{own.url}/instances?PatientID=IODEEP", timeout=60)
        assert everything.status_code != 200 or len(everything.json()) < 2  # the trap
        catalog = source_of(own.source).models()
    assert [found.label for found in catalog.models] == [model.label]


def test_storing_never_makes_the_server_read_weights(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(tmp_path, parts=3)
    weights = model.card.manifest.series_instance_uid
    there: list[list[str]] = []
    find = DicomwebArchive.find_instances

    def seen(archive: DicomwebArchive, keys: dict[str, str]) -> Matches:
        found = find(archive, keys)
        there.append([entity.sop_uid for entity in found.entities if entity.series_uid == weights])
        return found

    monkeypatch.setattr(DicomwebArchive, "find_instances", seen)
    assert len(source_of(orthanc.source).store(files(model))) == 4
    assert there
    assert not any(there)
    # Without the server's word for it, it is asked.
    monkeypatch.setattr(TransientError, "tries", 1)
    silent = Fault(answer=answer("200 OK"), unless=b"GET ")
    with proxy(orthanc.http_port, lambda number: silent) as quiet:
        orthanc.clear()
        source = source_of(f"dicomweb+http://127.0.0.1:{quiet.port}/dicom-web")
        with pytest.raises(SourceError, match="took 4 instances that it does not have"):
            source.store(files(model))


def test_listing_moves_cards_only(orthanc: Orthanc, tmp_path: Path) -> None:
    model = large_model(tmp_path, bytes(3 * MEGABYTE))
    source_of(orthanc.source).store(files(model))
    with proxy(orthanc.http_port, lambda number: None) as counting:
        source = source_of(f"dicomweb+http://127.0.0.1:{counting.port}/dicom-web")
        source.models()
        first = counting.bytes_answered
        assert 0 < first < 100_000
        source.models()
        assert counting.bytes_answered - first < first  # only the answer to the search


def test_values_that_have_to_be_encoded(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pydicom.dcmread(next((DEMO / "mr_t1").iterdir()))
    image.PatientID = "A/B 7"
    image.save_as(tmp_path / "image.dcm")
    source = source_of(orthanc.source)
    source.store([tmp_path / "image.dcm"])
    connection = http.client.HTTPConnection("127.0.0.1", orthanc.http_port)
    decoding = orthanc.version >= (1, 12, 10)
    for value, count in (("MR", 1), ("%4DR", int(decoding))):  # the trap
        study = image.StudyInstanceUID
        path = f"/dicom-web/series?StudyInstanceUID={study}&Modality={value}"
        connection.request("GET", path)
        assert len(json.loads(connection.getresponse().read())) == count
    sent: list[str] = []
    send = requests.Session.send

    def seen(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> Any:
        sent.append(str(request.url))
        return send(session, request, **how)

    monkeypatch.setattr(requests.Session, "send", seen)
    query = Query(patient_id="A/B 7")
    with pytest.raises(UsageError, match="--study, --accession or --date"):
        source.images(query, tmp_path)
    found = source.images(Query(patient_id="A/B 7", study_uid=image.StudyInstanceUID), tmp_path)
    assert len(found) == 1
    assert sent
    assert not [url for url in sent if "%" in url or "+" in url]


def test_compression_is_not_asked_for(orthanc: Orthanc, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    source_of(orthanc.source).store(files(model))
    accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    url = instance_url(orthanc, files(model)[1])
    zipped = requests.get(url, headers=accept, timeout=60)
    zipping = orthanc.version < (1, 12, 2)
    assert ("gzip" in zipped.headers.get("Content-Encoding", "")) == zipping  # the trap
    gate = Fault(answer=answer("406 Not Acceptable"), unless=b"Accept-Encoding: identity")
    with proxy(orthanc.http_port, lambda number: gate) as guard:
        source = source_of(f"dicomweb+http://127.0.0.1:{guard.port}/dicom-web")
        [found] = source.models().models
        verify(source.fetch(found))
        assert guard.answers == 0


def test_addresses_in_answers_are_not_followed(orthanc: Orthanc, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    source = source_of(orthanc.source)
    source.store(files(model))
    url = instance_url(orthanc, files(model)[1])
    [metadata] = requests.get(f"{url}/metadata", timeout=60).json()
    given = metadata["0017103F"]["BulkDataURI"]
    assert not given.startswith(orthanc.url)  # the trap: another host, and no port
    [found] = source.models().models
    verify(source.fetch(found))


def test_text_with_backslashes_stays_whole(orthanc: Orthanc, tmp_path: Path) -> None:
    card = {"publisher": "Hospital", "intended_use": "Liver \\ spleen", "licence": "MIT"}
    made = liver_recipe(card=card)
    network = networks.save(networks.conv(3, layers=3), tmp_path / "n.onnx")
    model = write_model(network, made, tmp_path / "m")
    source = source_of(orthanc.source)
    source.store(files(model))
    [metadata] = requests.get(
        f"{instance_url(orthanc, files(model)[0])}/metadata", timeout=60
    ).json()
    assert len(metadata["00171011"]["Value"]) > 1  # the trap: one text came as several
    [found] = source.models().models
    assert found.card.recipe == made


def test_weights_that_look_like_the_end_of_a_message(orthanc: Orthanc, tmp_path: Path) -> None:
    model = large_model(tmp_path, b"\r\n--ab--\r\n" * 1000)
    weights = files(model)[1]
    head = b"--ab\r\nContent-Type: application/dicom\r\n\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=ab'
    body = head + weights.read_bytes() + b"\r\n--ab--\r\n"
    stored = requests.post(
        f"{orthanc.url}/studies", data=body, headers={"Content-Type": kind}, timeout=60
    )
    there = json.loads(orthanc.get("/instances"))
    sizes = [len(orthanc.get(f"/instances/{name}/file")) for name in there]
    assert stored.status_code != 200 or sizes != [weights.stat().st_size]  # the trap
    orthanc.clear()
    source = source_of(orthanc.source)
    source.store(files(model))
    [found] = source.models().models
    verify(source.fetch(found))


def test_memory_stays_small(orthanc: Orthanc, tmp_path: Path) -> None:
    ballast = np.random.default_rng(1).bytes(24 * MEGABYTE)
    model = large_model(tmp_path, ballast)
    source = source_of(orthanc.source)
    tracemalloc.start()
    try:
        source.store(files(model))
        [found] = source.models().models
        source.fetch(found)
        assert tracemalloc.get_traced_memory()[1] < 14 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_another_client_reads_what_was_stored(orthanc: Orthanc, tmp_path: Path) -> None:
    model = make_model(tmp_path, parts=3)
    source_of(orthanc.source).store(files(model))
    client = DICOMwebClient(orthanc.url)
    for path in files(model):
        sent = pydicom.dcmread(path)
        uids = (sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
        assert client.retrieve_instance(*uids) == sent


@pytest.fixture(autouse=True)
def _nothing_left(orthanc: Orthanc) -> Iterator[None]:
    """A file that a test took away from the server must not trouble the next one."""
    yield
    orthanc.clear()
