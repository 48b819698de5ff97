"""Networks that other programs stored are told from everything else, and said by `list`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import Answer
from makers import first_generation, kaapana
from makers.packed_models import make_model
from pacs.servers import Orthanc
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RawDataStorage

import IODeepLib
from IODeepLib.disk.cache import Cache
from IODeepLib.sources.find import source_of
from IODeepLib.sources.first_generation import FirstGeneration
from IODeepLib.sources.kaapana import Piece
from IODeepLib.sources.other_networks import other_networks, other_networks_in, read_other

MR = Path(IODeepLib.__file__).parent / "demo_data" / "mr_t1"
ZIP = kaapana.zipped({"plans.json": b"{}", "dataset.json": bytes(999)})


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_kaapanas_parts_are_one_network(tmp_path: Path, syntax: str) -> None:
    uid = kaapana.write(tmp_path, ZIP, 100, syntax)
    [found] = other_networks_in(sorted(tmp_path.iterdir()))
    assert (found.format, found.name, found.series_uid) == ("kaapana", kaapana.NAME, uid)
    assert found.about == f"liver,spleen, {len(found.files)} parts"
    assert sorted(found.files) == sorted(tmp_path.iterdir())
    piece = read_other(found.files[0])
    assert isinstance(piece, Piece)
    assert piece.count == len(found.files) > 1


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Manufacturer", "Elsewhere"),
        ("ManufacturerModelName", "bin2dcm"),  # Kaapana stores other files so, too
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.4"),
        ("ImageComments", "report---1.pdf"),
        ("ImageComments", "nnunet_model---0.zip"),
        ("InstanceNumber", None),
    ],
)
def test_other_objects_of_kaapana_are_none(tmp_path: Path, keyword: str, value: str | None) -> None:
    kaapana.write(tmp_path, ZIP, **{keyword: value})
    assert other_networks_in(tmp_path.iterdir()) == []


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_first_generation(tmp_path: Path, syntax: str) -> None:
    uid = first_generation.write(tmp_path / "net.dcm", syntax)
    [found] = other_networks_in([tmp_path / "net.dcm"])
    assert (found.format, found.name) == ("first-generation", first_generation.NAME)
    assert (found.about, found.series_uid) == ("MR, HEAD", uid)
    one = read_other(tmp_path / "net.dcm")
    assert isinstance(one, FirstGeneration)
    assert one.architecture == "{'input_shape': {'input_shape0': 1}}"


def test_a_pacs_may_have_made_un_of_its_elements(tmp_path: Path) -> None:
    first_generation.write(tmp_path / "net.dcm", ExplicitVRLittleEndian)
    dataset = pydicom.dcmread(tmp_path / "net.dcm")
    for tag in (0x00170016, 0x00170018, 0x00170020):
        value = dataset[tag].value.encode()
        dataset[tag] = pydicom.DataElement(tag, "UN", value + b"\0" * (len(value) % 2))
    dataset.file_meta.MediaStorageSOPClassUID = RawDataStorage
    dataset.save_as(tmp_path / "net.dcm")
    one = read_other(tmp_path / "net.dcm")
    assert isinstance(one, FirstGeneration)
    assert one.name == first_generation.NAME


def test_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    make_model(tmp_path / "model")
    shutil.copy(next(MR.iterdir()), tmp_path / "image.dcm")
    (tmp_path / "text.dcm").write_bytes(b"no DICOM")
    (tmp_path / "empty").touch()
    broken = tmp_path / "broken.dcm"
    first_generation.write(broken)
    broken.write_bytes(broken.read_bytes()[:400])
    kaapana.write(tmp_path / "kaapana", ZIP)
    [part] = (tmp_path / "kaapana").iterdir()
    part.write_bytes(part.read_bytes()[:700])
    assert other_networks(source_of(tmp_path)) == []
    assert read_other(tmp_path / "missing") is None


def test_list_says_them_and_how_to_import_them(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    folder = tmp_path / "a folder"
    uid = kaapana.write(folder, ZIP)
    other = first_generation.write(folder / "net.dcm")
    answer = iodeep("list", folder)
    assert answer.status == 0
    first, *lines = answer.out.splitlines()
    assert first == "no models"
    assert f"iodeep import kaapana '{folder}' --series {uid} --out DIR" in lines[0]
    assert f"iodeep import first-generation '{folder}' --series {other} --out DIR" in lines[1]
    document = json.loads(iodeep("list", folder, "--json").out)
    assert [one["format"] for one in document["others"]] == ["kaapana", "first-generation"]
    assert document["problems"] == []


def test_show_says_them_too(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    uid = first_generation.write(tmp_path / "net.dcm")
    answer = iodeep("show", tmp_path)
    assert answer.status == 0
    assert answer.out.startswith(f"{first_generation.NAME} (MR, HEAD), stored by the first IODeep")
    [other] = json.loads(iodeep("show", tmp_path, "--json").out)["others"]
    assert other["series_instance_uid"] == uid
    assert iodeep("show", tmp_path / "missing").status == 4


def test_show_shows_a_model_beside_them(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    make_model(tmp_path)
    first_generation.write(tmp_path / "packed" / "net.dcm")
    assert "SHA-256" in iodeep("show", tmp_path / "packed").out


def test_a_name_is_nothing_that_a_terminal_obeys(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    utf8 = "ISO_IR 192"
    kaapana.write(tmp_path, ZIP, SpecificCharacterSet=utf8, SeriesDescription="\x1b[2Jmo\u202edel")
    answer: Answer = iodeep("list", tmp_path)
    assert "\x1b" not in answer.out and "\u202e" not in answer.out


@pytest.mark.parametrize("protocol", ["DICOMweb", "DIMSE"])
def test_kaapanas_are_found_in_a_pacs(tmp_path: Path, orthanc: Orthanc, protocol: str) -> None:
    uid = kaapana.write(tmp_path / "model", ZIP, 200)
    kaapana.write(tmp_path / "report", ZIP, 200, Modality="DOC")
    kaapana.write(tmp_path / "patient", ZIP, 200, PatientName="Doe^Jane")
    source_of(orthanc.source).store(sorted(tmp_path.rglob("*.dcm")))
    address = {
        "DICOMweb": orthanc.source,
        "DIMSE": f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}",
    }[protocol]
    [found] = other_networks(source_of(address, Cache(tmp_path / "cache")))
    assert (found.format, found.series_uid, found.files) == ("kaapana", uid, ())
    assert found.about == f"{len(list((tmp_path / 'model').iterdir()))} parts"
