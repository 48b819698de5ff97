"""A digital signature of a DICOM object, as it was read: what it is over, and whether it is intact.

Whether whoever made it is to be believed is another question, which `judge` answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from pydicom.datadict import keyword_for_tag

from IODeepLib.trust.elements import shown

_MOST_NAMED = 5
_DATE_TIME = re.compile(r"(\d{14})(?:\.(\d{1,6}))?([+-]\d{4})?")


class Integrity(StrEnum):
    """Whether an object is as it was signed."""

    INTACT = "intact"
    PARTIAL = "partial"  # as far as it was signed: it covers less than it has to
    WEAK = "weak"  # by means that can be forged, so that it was not even looked at
    BROKEN = "broken"  # something was changed, or the signature is of another object
    UNREADABLE = "unreadable"  # no telling


@dataclass(frozen=True)
class DicomSignature:
    """A signature.

    Attributes:
        integrity: whether the object is as it was signed.
        why: in words; "" for what is intact.
        uid: its Digital Signature UID.
        purpose: the code of its purpose, and what that means; "" if it does not say.
        certificates: in DER, the signer's first; empty if they cannot be read.
        digest: MAC Algorithm (0400,0015): how what is signed was digested, SHA256.
        value: the signature itself.
        said_at: Digital Signature DateTime (0400,0105) as it stands there.
        time_stamp: a time stamp (RFC 3161) in DER, made of `value`.
        covered: the tags that it is over, as far as they are there.
        left_out: those that it has to be over, and is not.
        mac: the digest that was found, in hexadecimal digits: equal for what is equal.
    """

    integrity: Integrity
    why: str
    uid: str = ""
    purpose: str = ""
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    digest: str = ""
    value: bytes = field(default=b"", repr=False)
    said_at: str = ""
    time_stamp: bytes | None = field(default=None, repr=False)
    covered: tuple[int, ...] = field(default=(), repr=False)
    left_out: tuple[int, ...] = ()
    mac: str = ""

    @cached_property
    def signed_at(self) -> datetime | None:
        """When, by the signer's own word; UTC if that has no zone."""
        found = _DATE_TIME.fullmatch(self.said_at)
        if found is None:
            return None
        seconds, fraction, zone = found.groups()
        date, time = seconds[:8], seconds[8:]
        try:  # strptime takes as long as all else that is judged of a signature
            at = datetime.fromisoformat(f"{date}T{time}{zone or '+0000'}")
        except ValueError:
            return None
        return at.replace(microsecond=int((fraction or "0").ljust(6, "0"))).astimezone(UTC)

    @property
    def fault(self) -> str:
        """What is wrong with it, or with what it is of; weakness is a matter of `judge`."""
        return "" if self.integrity in (Integrity.INTACT, Integrity.WEAK) else self.why


def named(tags: tuple[int, ...]) -> str:
    """Elements for people, the first of them if there are many."""
    words = [f"{keyword_for_tag(tag) or 'unknown'} {shown(tag)}" for tag in tags[:_MOST_NAMED]]
    more = len(tags) - _MOST_NAMED
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")
