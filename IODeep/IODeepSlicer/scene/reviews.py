"""What people say of a result: accepted, amended or rejected, who, when and why.

It is kept with the node, in the document of its run, so that it comes back with the scene; and as
the node's description, which the module Data can show. A result that takes the place of another one
has none. What of it goes into the DICOM database, too, `assessments` knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum

import slicer

from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import tame

_KEY = "reviews"
_LONGEST = 1000  # characters of a reason, and of a name


class Verdict(Enum):
    """What a person decided."""

    ACCEPTED = "accepted"
    AMENDED = "amended"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Review:
    """What one person said of a result.

    Attributes:
        verdict: what was decided.
        by: who.
        when: date and time with the offset from UTC, as ISO 8601 has it.
        reason: why; "" if nothing was said.
        segments: what it was said of: from segment ID to the fingerprint of its voxels; None where
            that was not known.
    """

    verdict: Verdict
    by: str
    when: str
    reason: str = ""
    segments: dict[str, str] | None = None

    def __str__(self) -> str:
        what = {
            Verdict.ACCEPTED: _("Accepted"),
            Verdict.AMENDED: _("Amended"),
            Verdict.REJECTED: _("Rejected"),
        }[self.verdict]
        text = _("{what} by {name}, {when}").format(
            what=what, name=self.by, when=self.when[:16].replace("T", " ")
        )
        return f"{text}: {self.reason}" if self.reason else f"{text}."


def isOutdated(review: Review, found: Sequence[SegmentNow]) -> bool:
    """Whether the segments are others than those that were reviewed."""
    return review.segments is not None and review.segments != marksOf(found)


def marksOf(found: Sequence[SegmentNow]) -> dict[str, str]:
    """From segment ID to the fingerprint of its voxels, of all that have some."""
    return {each.id: each.fingerprint for each in found if each.voxels}


def reviewsOf(node: slicer.vtkMRMLNode) -> list[Review]:
    """All that was said of a result, in the order of time; what says nothing is passed over."""
    document = nodes.documentOf(node) or {}
    kept = document.get(_KEY)
    found = map(_review, kept if isinstance(kept, list) else ())
    return [review for review in found if review is not None]


def _review(kept: object) -> Review | None:
    """One of a scene that may come from anywhere."""
    if not isinstance(kept, dict):
        return None
    texts = {key: kept.get(key, "") for key in ("by", "when", "reason")}
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts.values()):
        return None
    segments = kept.get("segments")
    if not (isinstance(segments, dict) and all(isinstance(s, str) for s in segments.values())):
        segments = None
    try:
        datetime.fromisoformat(texts["when"])
        return Review(Verdict(kept.get("verdict")), **texts, segments=segments)
    except ValueError:
        return None


def addReview(
    node: slicer.vtkMRMLNode,
    verdict: Verdict,
    by: str,
    reason: str = "",
    found: Sequence[SegmentNow] | None = None,
) -> Review:
    """Keep what a person says of a result now, after what was said before.

    Args:
        node: the result.
        verdict: what is decided.
        by: who decides.
        reason: why.
        found: its segments as they are, if that is known.

    Raises:
        ImageError: no network made it.
        UsageError: nobody says it, or it is rejected without a reason.
    """
    from IODeepLib.errors import ImageError, UsageError

    document = nodes.documentOf(node)
    if document is None:
        raise ImageError(
            f"{node.GetName()!r} was not made by IODeep",
            "a result of a network, which can be reviewed",
            "choose a result",
        )
    by, reason = by.strip()[:_LONGEST], reason.strip()[:_LONGEST]
    if not by or (verdict is Verdict.REJECTED and not reason):
        raise UsageError(
            "a review without a reason" if by else "a review without a name",
            "who reviews, and why a result is rejected",
            "say why" if by else "say who you are, in Slicer's settings under User",
        )
    when = datetime.now().astimezone().isoformat("T", "seconds")
    review = Review(verdict, by, when, reason, None if found is None else marksOf(found))
    said = [*map(_plain, reviewsOf(node)), _plain(review)]
    node.SetAttribute(nodes.DOCUMENT, json.dumps(document | {_KEY: said}))
    node.SetDescription(tame(str(review)))
    return review


def _plain(review: Review) -> dict[str, object]:
    return asdict(review) | {"verdict": review.verdict.value}
