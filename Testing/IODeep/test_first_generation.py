"""Objects as the first IODeep program wrote them; those here hold no weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer_application  # noqa: F401  gives Slicer's modules
from IODeepSlicer import first_generation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RawDataStorage, generate_uid

import IODeepLib
from IODeepLib.model_object import Model

MR = Path(IODeepLib.__file__).parent / "demo_data" / "mr_t1" / "IM0000.dcm"


def write(path: Path, syntax: str, **without: bool) -> Path:
    uid = generate_uid()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RawDataStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = uid
    dataset.Modality, dataset.BodyPartExamined = "MR", "HEAD"
    dataset.PatientName = dataset.PatientID = ""
    dataset.Rows = dataset.Columns = 224
    if not without.get("architecture"):
        dataset.add_new(0x00170016, "UT", "{'input_shape': {'input_shape0': 1}}")
    dataset.add_new(0x00170018, "UT", "AAAA")
    dataset.add_new(0x00170020, "ST", "unet_mri")
    dataset.add_new(0x00170022, "UI", uid)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_they_are_recognised(tmp_path: Path, syntax: str) -> None:
    assert first_generation.nameIn(write(tmp_path / "net.dcm", syntax)) == "unet_mri"


def test_their_sop_class_is_looked_into() -> None:
    assert first_generation.mayBe(generate_uid())
    assert not first_generation.mayBe("1.2.840.10008.5.1.4.1.1.4")
    assert not first_generation.mayBe("")


def test_nothing_else_is_taken_for_one(tmp_path: Path, network: Model) -> None:
    for path in (MR, network.card.path, *(part.path for part in network.parts)):
        assert first_generation.nameIn(path) is None
    other = write(tmp_path / "other.dcm", ImplicitVRLittleEndian, architecture=True)
    assert first_generation.nameIn(other) is None
    other.write_bytes(b"no DICOM")
    assert first_generation.nameIn(other) is None
    assert first_generation.nameIn(tmp_path / "missing.dcm") is None


def test_the_message_says_why_and_what_to_do() -> None:
    text = first_generation.whatToDo()
    assert "cannot run it" in text and "pickle" in text and "ONNX" in text
