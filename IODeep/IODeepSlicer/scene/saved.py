"""What of a result lies in Slicer's DICOM database, and in which state of the result that was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene.segments import SegmentNow

if TYPE_CHECKING:
    from IODeepLib.results import StoredObject

# On the node of a result: as what it was saved as DICOM, and what it was like then.
_SAVED, _STATE = "IODeep.SavedInstanceUIDs", "IODeep.SavedState"
_STUDY, _SERIES, _SOP_CLASS = "0020,000D", "0020,000E", "0008,0016"
_SEG_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"


def stateOf(found: Sequence[SegmentNow]) -> str:
    """Of segments: another one once one of them has other voxels, another name, color or code."""
    said = [(each.name, each.color, each.entry, each.fingerprint) for each in found]
    return hashlib.sha256(json.dumps(sorted(said)).encode()).hexdigest()


def remember(node: slicer.vtkMRMLNode, uids: Sequence[str], found: Sequence[SegmentNow]) -> None:
    """Keep with the node that this state of it was saved as these instances."""
    node.SetAttribute(_SAVED, " ".join(uids))
    node.SetAttribute(_STATE, stateOf(found))


def savedFiles(node: slicer.vtkMRMLNode, found: Sequence[SegmentNow]) -> list[Path]:
    """The files of the result as it is in the open DICOM database; none before it is saved.

    Args:
        node: the result.
        found: its segments as they are; none of one that judges the whole image.
    """
    if node.GetAttribute(_STATE) != stateOf(found):
        return []
    files = [fileOf(uid) for uid in savedUIDs(node)]
    there = [file for file in files if file is not None]
    return there if len(there) == len(files) else []


def savedUIDs(node: slicer.vtkMRMLNode) -> list[str]:
    """The SOP Instance UIDs of what was saved last: of the segmentation first, then the report."""
    return (node.GetAttribute(_SAVED) or "").split()


def filesToSend(node: slicer.vtkMRMLNode, found: Sequence[SegmentNow]) -> list[Path]:
    """The files of the result as it is, which there must be.

    Raises:
        ImageError: they are not saved.
    """
    from IODeepLib.errors import ImageError

    files = savedFiles(node, found)
    if not files:
        raise ImageError(
            f"{node.GetName()!r}, as it is now, is not in the DICOM database",
            "a result that is saved there",
            "save it to DICOM first",
        )
    return files


def lastSaved(node: slicer.vtkMRMLNode) -> StoredObject | None:
    """The segmentation that was saved last, in any state, if it is in the open DICOM database."""
    from IODeepLib.results import StoredObject
    from IODeepLib.text.foreign import is_uid

    for uid in savedUIDs(node):
        path, database = fileOf(uid), slicer.dicomDatabase
        if path is None:
            continue
        study, series, sopClass = (
            database.fileValue(str(path), tag) for tag in (_STUDY, _SERIES, _SOP_CLASS)
        )
        if sopClass == _SEG_STORAGE and all(map(is_uid, (study, series, uid))):
            return StoredObject(study, series, uid, sopClass)
    return None


def fileOf(uid: str) -> Path | None:
    """The file of an instance in the open DICOM database, if it is there."""
    database = slicer.dicomDatabase
    if not uid or database is None or not database.isOpen:
        return None
    file = database.fileForInstance(uid)
    return Path(file) if file and Path(file).is_file() else None
