"""The result whose place a new one takes: the same network has read the same series since it grew.

An SR has a place for that, Predecessor Documents Sequence. An image has none: the SEG names the
former one among the other images that it has to do with, with a purpose. Not among those that it
was made of, Source Image Sequence: nothing of the former one is in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from IODeepLib.codes import Code
from IODeepLib.results.stored_object import StoredObject

# No context group has a purpose for this; 99 begins a private scheme. (PS3.16 section 8.2)
REPLACED_PURPOSE = Code("REPLACED", "99IODEEP", "Segmentation that this one replaces")


@dataclass(frozen=True, slots=True)
class Replaced:
    """A stored result that a new one replaces.

    Attributes:
        seg, report: its objects; None for those that it does not have.
    """

    seg: StoredObject | None = None
    report: StoredObject | None = None

    @property
    def note(self) -> str:
        """What a person should know of it."""
        uids = [one.sop_instance_uid for one in (self.seg, self.report) if one is not None]
        return f"this replaces {' and '.join(uids)}: the series had other images then"
