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
    from IODeepLib.results import StoredSeg

# On a segmentation node: what of it was saved as DICOM, and what it was like then.
_SAVED, _STATE = "IODeep.SavedInstanceUIDs", "IODeep.SavedState"
_STUDY, _SERIES, _SOP_CLASS = "0020,000D", "0020,000E", "0008,0016"


def stateOf(found: Sequence[SegmentNow]) -> str:
    """Of segments: another one once one of them has other voxels, another name, color or code."""
    said = [(each.name, each.color, each.entry, each.fingerprint) for each in found]
    return hashlib.sha256(json.dumps(sorted(said)).encode()).hexdigest()


def remember(
    segmentationNode: slicer.vtkMRMLSegmentationNode, uid: str, found: Sequence[SegmentNow]
) -> None:
    """Keep with the node that this state of it was saved as the instance `uid`."""
    segmentationNode.SetAttribute(_SAVED, uid)
    segmentationNode.SetAttribute(_STATE, stateOf(found))


def savedFile(
    segmentationNode: slicer.vtkMRMLSegmentationNode, found: Sequence[SegmentNow]
) -> Path | None:
    """The file of these segments in the open DICOM database; None before they are saved."""
    path = _lastFile(segmentationNode)
    same = segmentationNode.GetAttribute(_STATE) == stateOf(found)
    return path if same else None


def savedUID(segmentationNode: slicer.vtkMRMLSegmentationNode) -> str:
    """The SOP Instance UID of what was saved last; "" if nothing was."""
    return segmentationNode.GetAttribute(_SAVED) or ""


def fileToSend(
    segmentationNode: slicer.vtkMRMLSegmentationNode, found: Sequence[SegmentNow]
) -> Path:
    """The file of the segments as they are, which there must be.

    Raises:
        ImageError: they are not saved.
    """
    from IODeepLib.errors import ImageError

    path = savedFile(segmentationNode, found)
    if path is None:
        raise ImageError(
            f"{segmentationNode.GetName()!r}, as it is now, is not in the DICOM database",
            "a segmentation that is saved there",
            "save it to DICOM first",
        )
    return path


def lastSaved(segmentationNode: slicer.vtkMRMLSegmentationNode) -> StoredSeg | None:
    """What was saved of the node last, in any state, if it is in the open DICOM database."""
    from IODeepLib.results import StoredSeg
    from IODeepLib.text.foreign import is_uid

    path = _lastFile(segmentationNode)
    if path is None:
        return None
    database = slicer.dicomDatabase
    study, series, sopClass = (
        database.fileValue(str(path), tag) for tag in (_STUDY, _SERIES, _SOP_CLASS)
    )
    uid = savedUID(segmentationNode)
    whole = all(map(is_uid, (study, series, uid, sopClass)))
    return StoredSeg(study, series, uid, sopClass) if whole else None


def _lastFile(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Path | None:
    database = slicer.dicomDatabase
    uid = savedUID(segmentationNode)
    if not uid or database is None or not database.isOpen:
        return None
    file = database.fileForInstance(uid)
    return Path(file) if file and Path(file).is_file() else None
