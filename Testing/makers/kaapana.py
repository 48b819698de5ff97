"""Objects as Kaapana writes them for a trained model: pieces of a ZIP file in Raw Data instances.

After its template and start.py of dcmtk-bin2dcm (github.com/kaapana/kaapana 09bb59b2); our own
code.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RawDataStorage, generate_uid

NAME, LABELS = "nnUNet model 24.11.2026 12:00", "liver,spleen"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file of these, deflated as Kaapana's is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def write(
    folder: Path,
    content: bytes,
    piece_size: int = 70 * 2**20,
    syntax: str = ExplicitVRLittleEndian,
    **attributes: str,
) -> str:
    """Write `content` as the objects of one series into `folder`; its Series Instance UID.

    Args:
        folder: is made.
        content: of the ZIP file.
        piece_size: bytes of each piece but the last.
        syntax: transfer syntax.
        attributes: in the place of Kaapana's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    study, series = generate_uid(), generate_uid()
    pieces = [content[i : i + piece_size] for i in range(0, len(content), piece_size)]
    for number, piece in enumerate(pieces, 1):
        dataset = _header(study, series, number, len(pieces))
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.add_new(0x7FE00010, "OW", piece + b"\0" * (len(piece) % 2))
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(folder / f"part-{series}-{number}.dcm", enforce_file_format=True)
    return series


def _header(study: str, series: str, number: int, count: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RawDataStorage
    dataset.SOPClassUID, dataset.SOPInstanceUID = RawDataStorage, generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.PatientName, dataset.PatientID = "nnUNet-model", "central"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.StudyID, dataset.StudyDescription = "Kaapana", LABELS
    dataset.StudyDate = dataset.ContentDate = "20261124"
    dataset.StudyTime = dataset.ContentTime = "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.Modality, dataset.SeriesDescription = "OT", NAME
    dataset.Manufacturer, dataset.ManufacturerModelName = "Kaapana", "nnUNet"
    dataset.ProtocolName, dataset.Laterality = "Dataset042_Abdomen", "R"
    dataset.SeriesNumber = dataset.InstanceNumber = number
    dataset.CreatorVersionUID = "0.5.2"
    part = f".part{chr(ord('a') + (number - 1) // 26)}{chr(ord('a') + (number - 1) % 26)}"
    dataset.ImageComments = f"nnunet_model---{count}.zip" + part * (count > 1)
    return dataset
