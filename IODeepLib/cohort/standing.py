"""Which segmentations are right: those that people made or corrected.

What a network found is no truth about networks. It becomes one where a person has corrected it; the
last of several corrections counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from IODeepLib.cohort.objects import SegObject


def obstacles(segs: Sequence[SegObject], *, automatic: bool) -> dict[str, str]:
    """Why some of these are no truth, by their SOP Instance UID.

    Args:
        segs: all that there are.
        automatic: whether what programs of others found is right, too.
    """
    why = {seg.sop_uid: _reason(seg, automatic) for seg in segs}
    why = {uid: reason for uid, reason in why.items() if reason}
    return why | _corrected(segs, why)


def _reason(seg: SegObject, automatic: bool) -> str:
    if seg.corrects or not seg.is_automatic:
        return ""
    if seg.is_ours:
        return "a network found it, and nobody has accepted or corrected it"
    if not automatic:
        return (
            "a program made all of it (Segment Algorithm Type AUTOMATIC), and nobody has accepted "
            "it; --automatic takes such ones"
        )
    return ""


def _corrected(segs: Sequence[SegObject], out: dict[str, str]) -> dict[str, str]:
    """Those whose place another one takes."""
    corrections: dict[str, list[SegObject]] = defaultdict(list)
    for seg in segs:
        if seg.corrects and seg.sop_uid not in out:
            corrections[seg.corrects].append(seg)
    why: dict[str, str] = {}
    for corrected, by in corrections.items():
        *older, newest = sorted(by, key=lambda seg: seg.age)
        why[corrected] = f"{newest.sop_uid} corrects it"
        for one in older:
            why[one.sop_uid] = f"{newest.sop_uid} is a newer correction of the same one"
    known = {seg.sop_uid for seg in segs}
    return {uid: reason for uid, reason in why.items() if uid in known and uid not in out}
