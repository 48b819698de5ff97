"""Objects as the first IODeep program wrote them; those made here hold no weights."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, RawDataStorage, generate_uid

NAME = "unet_mri"


def write(path: Path, syntax: str = ImplicitVRLittleEndian, *, architecture: bool = True) -> str:
    """Write one to `path`; return the UID that it is, and that its series and study have too."""
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
    if architecture:
        dataset.add_new(0x00170016, "UT", "{'input_shape': {'input_shape0': 1}}")
    dataset.add_new(0x00170018, "UT", "AAAA")
    dataset.add_new(0x00170020, "ST", NAME)
    dataset.add_new(0x00170022, "UI", uid)
    dataset.save_as(path, enforce_file_format=True)
    return uid
