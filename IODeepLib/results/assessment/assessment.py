"""What one person said of one result, and the last word on each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What a person decided, in the words of IHE's profile AI Result Assessment (AIRA)."""

    ACCEPTED = "accepted"
    AMENDED = "amended"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one person said of one result.

    Attributes:
        verdict: what was decided.
        assessed: SOP Instance UID of what was assessed: the SEG, or the report where there is none.
        by: who (PS3.5 section 6.2, PN).
        when: with the offset from UTC.
        reason: why; "" if nothing was said.
        corrected: SOP Instance UID of the SEG that is right instead; "" for none.
        sop_instance_uid: of the SR that says it.
    """

    verdict: Verdict
    assessed: str
    by: str
    when: datetime
    reason: str = ""
    corrected: str = ""
    sop_instance_uid: str = ""


def latest(assessments: Iterable[Assessment]) -> dict[str, Assessment]:
    """The last word on each object, by its SOP Instance UID."""
    in_time = sorted(assessments, key=lambda one: (one.when, one.sop_instance_uid))
    return {one.assessed: one for one in in_time}
