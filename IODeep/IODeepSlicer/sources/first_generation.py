"""Networks as the authors of IODeep stored them first, which have to be imported.

Their published program (github.com/CHILab1/IODeep, create_AI_IOD.py) writes one instance of Raw
Data Storage with elements of group 0017 and no private creator: a description of the architecture
for a parser of its own, the weights as a PyTorch pickle in base64, a name and a UID. Its data set
has the SOP Instance UID for SOP Class UID as well.
"""

from __future__ import annotations

from pathlib import Path

from IODeepSlicer.text.i18n import tr as _

ARCHITECTURE, NAME, UID = 0x00170016, 0x00170020, 0x00170022
_STANDARD_CLASSES = "1.2.840.10008."


def mayBe(sopClassUID: str) -> bool:
    """Whether it is worth to open a file whose SOP Class is no other known one."""
    return bool(sopClassUID) and not sopClassUID.startswith(_STANDARD_CLASSES)


def nameIn(file: str | Path) -> str | None:
    """The name of the network that the file holds, or None if it is something else.

    The weights are not read.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        dataset = dcmread(file, specific_tags=[ARCHITECTURE, NAME, UID])
    except (OSError, InvalidDicomError):
        return None
    if not all(tag in dataset for tag in (ARCHITECTURE, NAME, UID)):
        return None
    value = dataset[NAME].value
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value)


def title(name: str) -> str:
    """What the DICOM browser calls it."""
    return _("{name} (first-generation IODeep network)").format(name=name)


def whatToDo() -> str:
    """Why it cannot be run, and what helps."""
    return _(
        "This is a network as the first IODeep program stored it. This version cannot run it as it "
        "is: its architecture is a description for a parser of its own, and its weights are a "
        "Python pickle. Import a trained network in the IODeep module, with the folder of this "
        "file, or iodeep import first-generation, makes a network of IODeep of it, and runs "
        "nothing of the pickle; or export it to ONNX with the program that trained it."
    )
