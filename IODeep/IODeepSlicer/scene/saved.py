"""What of a result lies in Slicer's DICOM database, and in which state of the result that was.

What was saved of former states counts as well: a correction names what it corrects, and what people
say of a result is said of one state of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene.reviews import marksOf
from IODeepSlicer.scene.segments import SegmentNow

if TYPE_CHECKING:
    from IODeepLib.results import StoredObject

# On the node of a result: as what it was saved as DICOM, and what it was like then.
_SAVED, _STATE = "IODeep.SavedInstanceUIDs", "IODeep.SavedState"
# All states that were saved, one after the other: which voxels the segments had, and the instances.
_HISTORY = "IODeep.SavedHistory"
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
    before = [{"segments": marks, "uids": former} for marks, former in _history(node)]
    state = {"segments": marksOf(found), "uids": list(uids)}
    node.SetAttribute(_HISTORY, json.dumps([*before, state]))


def rememberMore(node: slicer.vtkMRMLNode, uids: Sequence[str]) -> None:
    """Keep with the node that these instances belong to the state of it that was saved last."""
    node.SetAttribute(_SAVED, " ".join(dict.fromkeys((*savedUIDs(node), *uids))))


def uidOf(node: slicer.vtkMRMLNode, marks: Mapping[str, str]) -> str:
    """What was saved last of segments with these voxels: the segmentation, or the report alone."""
    found = [uids[0] for saved, uids in _history(node) if saved == marks and fileOf(uids[0])]
    return found[-1] if found else ""


def _history(node: slicer.vtkMRMLNode) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The voxels and the instances of each state; a scene may hold anything instead."""
    from IODeepLib.text.foreign import is_uid

    try:
        kept = json.loads(node.GetAttribute(_HISTORY) or "[]")
    except ValueError:
        return
    for state in kept if isinstance(kept, list) else ():
        said = state if isinstance(state, dict) else {}
        marks, uids = said.get("segments"), said.get("uids")
        if not isinstance(marks, dict) or not isinstance(uids, list) or not uids:
            continue
        if all(isinstance(uid, str) and is_uid(uid) for uid in uids):
            yield marks, uids


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
    """The SOP Instance UIDs of what was saved last.

    Of the segmentation first, then the report, then of what people said of the result.
    """
    return (node.GetAttribute(_SAVED) or "").split()


def filesToSend(node: slicer.vtkMRMLNode, found: Sequence[SegmentNow]) -> list[Path]:
    """The files of the result as it is, which there must be, behind those of its former states.

    Whoever reads a correction, or what was said of a result, wants to see of what.

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
    former = [fileOf(uid) for _, uids in _history(node) for uid in uids]
    return list(dict.fromkeys((*filter(None, former), *files)))


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
