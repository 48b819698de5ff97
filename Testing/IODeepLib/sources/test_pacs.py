"""Models, images and results in a real PACS, by way of DICOMweb."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pydicom
import pytest
from makers import networks
from makers.packed_models import files, make_model
from makers.recipes import liver_recipe
from makers.several_networks import NAMES, make_several
from pacs.servers import Orthanc

import IODeepLib
from IODeepLib.disk.cache import Cache
from IODeepLib.errors import ImageError, ModelError, OutputError, UsageError
from IODeepLib.model_object import unpack, verify, write_model
from IODeepLib.model_object.card import card_of
from IODeepLib.model_object.instance import Instance
from IODeepLib.sources.find import source_of
from IODeepLib.sources.query import Query

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


def instances(orthanc: Orthanc) -> int:
    return len(json.loads(orthanc.get("/instances")))


def test_a_model_goes_there_and_comes_back(orthanc: Orthanc, tmp_path: Path) -> None:
    model = make_model(tmp_path, parts=3)
    sent = files(model)
    assert source_of(orthanc.source).store(sent) == sent
    assert instances(orthanc) == 4
    elsewhere = source_of(orthanc.source, Cache(tmp_path / "elsewhere"))
    [found] = elsewhere.models().models
    assert found.card.manifest == model.card.manifest
    assert found.missing_parts == (1, 2, 3)
    fetched = elsewhere.fetch(found)
    verify(fetched)
    assert [part.path.read_bytes()[132:] for part in fetched.weights()] == [
        part.path.read_bytes()[132:] for part in model.weights()
    ]
    [again] = elsewhere.models().models
    assert not again.missing_parts


@pytest.mark.parametrize("over", ["DICOMweb", "DIMSE"])
@pytest.mark.parametrize("form", ["+te", "+ti", "-e +ti"])
def test_a_model_of_several_networks_comes_back(
    orthanc: Orthanc, tmp_path: Path, over: str, form: str
) -> None:
    """Also from who stored it in Implicit VR, with sequences that have no lengths."""
    model = make_several(tmp_path)
    card = files(model)[0]
    subprocess.run(["dcmconv", *form.split(), card, card], check=True, capture_output=True)
    address = {
        "DICOMweb": orthanc.source,
        "DIMSE": f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}",
    }[over]
    source_of(address).store(files(model))
    elsewhere = source_of(address, Cache(tmp_path / "elsewhere"))
    [found] = elsewhere.models().models
    fetched = elsewhere.fetch(found)
    verify(fetched)
    assert fetched.card.network_digest == model.card.network_digest
    assert fetched.card.described
    unpack(fetched, tmp_path / "back")
    for name in NAMES:
        back = (tmp_path / "back" / f"network-{name}.onnx").read_bytes()
        assert back == (tmp_path / f"{name}.onnx").read_bytes()
    Cache().clear()
    [again] = elsewhere.models().models  # from what was kept of the card
    assert again.card == fetched.card


def test_the_metadata_of_a_card_of_several_networks(orthanc: Orthanc, tmp_path: Path) -> None:
    """The sequence comes in JSON, and in the place of each architecture a URI."""
    model = make_several(tmp_path)
    card = model.card
    source_of(orthanc.source).store(files(model))
    place = f"studies/{card.study_instance_uid}/series/{card.series_instance_uid}"
    text = orthanc.get(f"/dicom-web/{place}/instances/{card.sop_instance_uid}/metadata")
    assert text.count(b"BulkDataURI") >= len(NAMES)
    dataset = pydicom.Dataset.from_json(
        json.loads(text)[0], bulk_data_uri_handler=lambda tag, vr, uri: b""
    )
    found = card_of(Instance(dataset, "metadata"))
    assert [network.name for network in found.networks] == list(NAMES)
    assert found.network_digest == card.network_digest
    assert found.described
    with pytest.raises(ModelError, match="came without its architecture"):
        found.read_architecture("fold-1")


def test_others_find_networks_by_the_modality_that_they_read_but_no_images(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    """As any client asks, over DICOMweb and with DCMTK's."""
    model = make_model(tmp_path, parts=3)
    assert model.card.modalities == ("CT", "MR")
    image = next((DEMO / "mr_t1").iterdir())
    source_of(orthanc.source).store([image, *files(model)])
    network, study = model.card.study_instance_uid, pydicom.dcmread(image).StudyInstanceUID

    def by_web(level: str, keys: str) -> set[str]:
        found = json.loads(orthanc.get(f"/dicom-web/{level}?{keys}"))
        return {each["0020000D"]["Value"][0] for each in found}

    def by_dimse(level: str, *keys: str) -> set[str]:
        peer = ["-aet", "IODEEP", "-aec", orthanc.aet, "127.0.0.1", str(orthanc.dicom_port)]
        command = ["findscu", "-S", *peer]
        for key in (f"QueryRetrieveLevel={level}", *keys, "StudyInstanceUID"):
            command += ["-k", key]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        return set(re.findall(r"\(0020,000d\) UI \[([\d.]+)", said.stdout + said.stderr))

    assert by_web("series", "Modality=MR") == by_dimse("SERIES", "Modality=MR") == {study}
    assert not by_web("series", "Modality=CT") and not by_dimse("SERIES", "Modality=CT")
    for modality in model.card.modalities:
        wanted = f"IODEEP*-{modality}*"
        assert by_web("studies", f"PatientID=IODEEP&StudyID={wanted}") == {network}
        assert by_dimse("STUDY", "PatientID=IODEEP", f"StudyID={wanted}") == {network}
    assert not by_web("studies", "PatientID=IODEEP&StudyID=IODEEP*-PT*")
    assert not by_dimse("STUDY", "PatientID=IODEEP", "StudyID=IODEEP*-PT*")


def test_a_model_without_weights_of_its_own(orthanc: Orthanc, tmp_path: Path) -> None:
    network = networks.save(networks.untrained(channels=2), tmp_path / "small.onnx")
    model = write_model(network, liver_recipe(), tmp_path / "packed")
    assert model.parts == ()
    for source in (orthanc.source, f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"):
        there = source_of(source)
        there.store(files(model))
        [found] = there.models().models
        verify(there.fetch(found))


def test_no_room_for_images(orthanc: Orthanc, tmp_path: Path) -> None:
    source = source_of(orthanc.source)
    [path, *_] = (DEMO / "mr_t1").iterdir()
    source.store([path])
    image = pydicom.dcmread(path)
    (tmp_path / "series-1").write_text("in the way")
    query = Query(series_uid=image.SeriesInstanceUID)
    with pytest.raises(OutputError, match=f"{tmp_path} cannot be written"):
        source.images(query, tmp_path)


@pytest.mark.parametrize("over", ["DICOMweb", "DIMSE"])
def test_a_part_that_the_server_has_lost(orthanc: Orthanc, tmp_path: Path, over: str) -> None:
    model = make_model(tmp_path, parts=3)
    card, first, *others = files(model)
    source = source_of(
        {
            "DICOMweb": orthanc.source,
            "DIMSE": f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}",
        }[over]
    )
    source.store([others[0], card])
    [found] = source.models().models
    with pytest.raises(ModelError, match=f"has lost part 1, 3 of 3 of {model.label}"):
        source.fetch(found)
    assert source.store([first, *others]) == [first, others[1]]
    verify(source.fetch(found))


def test_a_cache_that_is_emptied_meanwhile(orthanc: Orthanc, tmp_path: Path) -> None:
    source = source_of(orthanc.source)
    source.store(files(make_model(tmp_path)))
    Cache().clear()
    [found] = source.models().models
    Cache().clear()  # from here on its cards are in use
    assert found.card.read_architecture()
    verify(source.fetch(found))
    Cache().clear()
    verify(source.fetch(found))


def test_what_is_there_is_not_stored_again(orthanc: Orthanc, tmp_path: Path) -> None:
    sent = files(make_model(tmp_path, parts=3))
    source = source_of(orthanc.source)
    source.store(sent[2:])
    assert source.store(sent) == sent[:2]
    assert source.store(sent) == []
    assert instances(orthanc) == 4


def test_a_series_comes_as_it_is_in_a_folder(orthanc: Orthanc, tmp_path: Path) -> None:
    images = sorted((DEMO / "mr_t1").iterdir())
    source = source_of(orthanc.source)
    source.store(images)
    header = pydicom.dcmread(images[0])
    for query in (
        Query(series_uid=header.SeriesInstanceUID),
        Query(study_uid=header.StudyInstanceUID),
        Query(patient_id=header.PatientID, modality="MR"),
    ):
        [series] = source.images(query, tmp_path / str(hash(query)))
        [same] = source_of(DEMO / "mr_t1").images(query, tmp_path)
        assert series.sop_instance_uids == same.sop_instance_uids
        assert (series.volume().array == same.volume().array).all()
    with pytest.raises(ImageError, match=r"no image series with .*only others \(MR\)"):
        source.images(
            Query(study_uid=header.StudyInstanceUID, modalities=frozenset({"CT"})), tmp_path
        )
    with pytest.raises(ImageError, match="with StudyInstanceUID 1"):
        source.images(Query(study_uid="1.2"), tmp_path)
    with pytest.raises(UsageError, match="no images named"):
        source.images(Query(modality="MR"), tmp_path)
