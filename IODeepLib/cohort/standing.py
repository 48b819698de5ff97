"""Which segmentations are right: those that people made, corrected or accepted.

What a network found is no truth about networks. It becomes one where a person has accepted it, or
corrected it; the last of several corrections counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from IODeepLib.cohort.objects import SegObject
from IODeepLib.results.assessment import Assessment, Verdict, latest


def obstacles(
    segs: Sequence[SegObject], assessments: Iterable[Assessment], *, automatic: bool
) -> dict[str, str]:
    """Why some of these are no truth, by their SOP Instance UID.

    Args:
        segs: all that there are.
        assessments: what people said of them.
        automatic: whether what programs of others found is right, too.
    """
    verdicts = latest(assessments)
    right = {one.corrected for one in verdicts.values() if one.verdict is Verdict.AMENDED}
    why: dict[str, str] = {}
    for seg in segs:
        said = verdicts.get(seg.sop_uid)
        reason = _reason(seg, said, automatic or seg.sop_uid in right)
        if reason:
            why[seg.sop_uid] = reason
    why |= _corrected(segs, why, verdicts)
    return why


def _reason(seg: SegObject, said: Assessment | None, automatic: bool) -> str:
    if said is not None and said.verdict is Verdict.REJECTED:
        return "a person has rejected it"
    if said is not None and said.verdict is Verdict.AMENDED:
        right = f", the right one is {said.corrected}" if said.corrected else ""
        return f"a person has amended it{right}"
    if seg.corrects or (said is not None and said.verdict is Verdict.ACCEPTED):
        return ""
    if seg.is_automatic and seg.is_ours:
        return "a network found it, and nobody has accepted or corrected it"
    if seg.is_automatic and not automatic:
        return (
            "a program made all of it (Segment Algorithm Type AUTOMATIC), and nobody has accepted "
            "it; --automatic takes such ones"
        )
    return ""


def _corrected(
    segs: Sequence[SegObject], out: dict[str, str], verdicts: dict[str, Assessment]
) -> dict[str, str]:
    """Those whose place another one takes."""
    corrections: dict[str, list[SegObject]] = defaultdict(list)
    for seg in segs:
        if seg.corrects and seg.sop_uid not in out:
            corrections[seg.corrects].append(seg)

    def order(seg: SegObject) -> tuple[float, tuple[str, int]]:
        said = verdicts.get(seg.sop_uid)
        return (said.when.timestamp() if said is not None else 0.0, seg.age)

    why: dict[str, str] = {}
    for corrected, by in corrections.items():
        *older, newest = sorted(by, key=order)
        why[corrected] = f"{newest.sop_uid} corrects it"
        for one in older:
            why[one.sop_uid] = f"{newest.sop_uid} is a newer correction of the same one"
    known = {seg.sop_uid for seg in segs}
    return {uid: reason for uid, reason in why.items() if uid in known and uid not in out}
