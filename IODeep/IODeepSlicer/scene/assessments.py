"""What people said of a result that goes into the DICOM database, too: of which objects.

A review is of segments as they were, which are known by their voxels. It is written once what it is
of was saved; that a result is amended, once what was corrected is. Of several on the same state the
last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import slicer

from IODeepSlicer.scene import saved
from IODeepSlicer.scene.reviews import Review, Verdict, marksOf, reviewsOf
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.person_text import dicomName

_WRITTEN = "IODeep.SavedReviews"  # on the node of a result: the reviews that were written


@dataclass(frozen=True)
class Pending:
    """A review that is to be written.

    Attributes:
        review: what was said.
        assessed: SOP Instance UID of what it was said of; "" for the result as it is now.
    """

    review: Review
    assessed: str


def pendingOf(node: slicer.vtkMRMLNode, found: Sequence[SegmentNow]) -> list[Pending]:
    """What is to be written of a result, once it is saved as it is.

    Args:
        node: the result.
        found: its segments as they are; none of one that judges the whole image.
    """
    now, written = marksOf(found), _written(node)
    last: dict[str, tuple[dict[str, str], Review]] = {}
    for review in reviewsOf(node):
        marks = review.segments if node.IsA("vtkMRMLSegmentationNode") else {}
        if marks is not None and _isWhole(review):  # else nobody knows of what it was said
            last[json.dumps(marks, sort_keys=True)] = marks, review
    pending = []
    for marks, review in last.values():
        isNow, isAmended = marks == now, review.verdict is Verdict.AMENDED
        assessed = "" if isNow else saved.uidOf(node, marks)
        isDue = not isAmended if isNow else bool(assessed)
        if isDue and _key(review) not in written:
            pending.append(Pending(review, assessed))
    return pending


def rememberWritten(node: slicer.vtkMRMLNode, pending: Sequence[Pending]) -> None:
    """Keep with the node that these were written."""
    keys = sorted(_written(node) | {_key(each.review) for each in pending})
    node.SetAttribute(_WRITTEN, json.dumps(keys))


def _written(node: slicer.vtkMRMLNode) -> set[str]:
    try:
        kept = json.loads(node.GetAttribute(_WRITTEN) or "[]")
    except ValueError:
        return set()
    return {key for key in kept if isinstance(key, str)} if isinstance(kept, list) else set()


def _isWhole(review: Review) -> bool:
    """Whether it says all that it has to; a scene may come from anywhere."""
    isExplained = bool(review.reason.strip()) or review.verdict is not Verdict.REJECTED
    hasName = bool(dicomName(review.by).strip("^"))
    return isExplained and hasName and datetime.fromisoformat(review.when).tzinfo is not None


def _key(review: Review) -> str:
    return f"{review.when} {review.verdict.value} {review.by}"
