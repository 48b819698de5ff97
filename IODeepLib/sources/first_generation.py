"""Networks as the authors of IODeep stored them first.

Their published program (github.com/CHILab1/IODeep, create_AI_IOD.py) writes one instance of Raw
Data Storage with elements of group 0017 and no private creator: a description of the architecture
for a parser of its own (github.com/CHILab1/DNN-parser), the weights as a PyTorch pickle in base64,
a name and a UID. Its data set has the SOP Instance UID for SOP Class UID as well, and for those of
the series and the study.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from IODeepLib.headers import text
from IODeepLib.text.foreign import plain

ARCHITECTURE, WEIGHTS, NAME, UID = 0x00170016, 0x00170018, 0x00170020, 0x00170022
_STANDARD_CLASSES = "1.2.840.10008."

TAGS = (
    *(0x00080016, 0x00080018, 0x00080060, 0x00180015, 0x0020000E, 0x00280002),
    *(ARCHITECTURE, NAME, UID),
)


@dataclass(frozen=True, slots=True)
class FirstGeneration:
    """What such an object says of its network, without the network.

    Attributes:
        path: of its file.
        series_uid: its own UID.
        name: what its author called it.
        modality: of the images that it reads.
        body_part: what these show, Body Part Examined.
        samples_per_pixel: 1, or 3 for color.
        architecture: as it stands there.
    """

    path: Path
    series_uid: str
    name: str
    modality: str
    body_part: str
    samples_per_pixel: str
    architecture: str


def may_be(sop_class_uid: str) -> bool:
    """Whether it is worth to open a file whose SOP Class is no other known one."""
    return bool(sop_class_uid) and not sop_class_uid.startswith(_STANDARD_CLASSES)


def first_generation_of(header: Dataset, path: Path) -> FirstGeneration | None:
    """What an object is, by its header (`TAGS`); None if it is something else."""
    if not all(tag in header for tag in (ARCHITECTURE, NAME, UID)):
        return None
    return FirstGeneration(
        path,
        text(header, "SeriesInstanceUID"),
        plain(_private_text(header, NAME)),
        text(header, "Modality"),
        text(header, "BodyPartExamined"),
        text(header, "SamplesPerPixel"),
        _private_text(header, ARCHITECTURE),
    )


def _private_text(header: Dataset, tag: int) -> str:
    """A private element as text; one that a PACS has made UN of comes as bytes."""
    value = header[tag].value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip(" \0")
    return str(value or "").rstrip(" \0")
