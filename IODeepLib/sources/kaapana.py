"""Models of nnU-Net as Kaapana keeps them in its PACS.

Its operator Bin2DcmOperator (github.com/kaapana/kaapana 09bb59b2, dcmtk-bin2dcm) writes the ZIP
file of a trained folder as one series of Raw Data instances of at most 70 MB. Each holds a piece of
the file in Pixel Data (7FE0,0010), without anything else that an image has; Image Comments
(0020,4000) is the name of the file with the number of pieces, Instance Number the piece.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import RawDataStorage

from IODeepLib.headers import integer, text

# How its workflow for training calls what it stores. (dag_nnunet_training.py)
PATIENT_NAME = "nnUNet-model"
MODALITY = "OT"
_MANUFACTURER, _MODEL = "kaapana", "nnunet"
# nnunet_model---3.zip.partaa, or nnunet_model---1.zip
_FILE_NAME = re.compile(r".*---([1-9][0-9]{0,3})\.zip(?:\.part[a-z]+)?", re.DOTALL)

TAGS = (
    *(0x00080016, 0x00080018, 0x00080060, 0x00080070, 0x00081090, 0x0008103E, 0x00081030),
    *(0x00181030, 0x0020000D, 0x0020000E, 0x00200013, 0x00204000),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """An instance with a piece of a ZIP file.

    Attributes:
        path: of its file.
        series_uid: what its other pieces have, too.
        number, count: which piece it is, from 1, and how many there are.
        name: Series Description, with the day of the training.
        about: the labels that the network was trained for, as Kaapana names the study.
    """

    path: Path
    series_uid: str
    number: int
    count: int
    name: str
    about: str


def piece_of(header: Dataset, path: Path) -> Piece | None:
    """What an object holds, by its header (`TAGS`); None if it is something else."""
    named = _FILE_NAME.fullmatch(text(header, "ImageComments"))
    number = integer(header, "InstanceNumber")
    if (
        text(header, "SOPClassUID") != RawDataStorage
        or text(header, "Manufacturer").casefold() != _MANUFACTURER
        or text(header, "ManufacturerModelName").casefold() != _MODEL
        or named is None
        or number is None
    ):
        return None
    about = text(header, "StudyDescription")
    return Piece(
        path,
        text(header, "SeriesInstanceUID"),
        number,
        int(named[1]),
        text(header, "SeriesDescription") or "nnUNet model",
        "" if about == "None" else about,  # what Python calls nothing, written down
    )
