"""What is said of a signature: what was read of it, and what a site makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from IODeepLib.codes import Code
from IODeepLib.trust.policy import Policy


class Kind(StrEnum):
    """What a site makes of what may be signed."""

    TRUSTED = "trusted"
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown signer"  # well signed, by somebody whom no entry of the list speaks of
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    WEAK = "too weak"
    WRONG_USAGE = "wrong usage"
    NOT_ALLOWED = "not allowed"  # whoever signed it may not speak for this
    BROKEN = "broken"  # what is signed was changed, or the signature is no good
    REVOKED = "revoked"


# Worse than unknown: something speaks against it.
NEVER = (Kind.BROKEN, Kind.REVOKED)


class Standing(StrEnum):
    """What follows from a verdict, by the policy of the site."""

    IGNORED = "ignored"  # nobody here has said whom to believe
    BELIEVED = "believed"
    UNPROVED = "unproved"  # it may be run, after that was said
    REFUSED = "refused"


class Signature(Protocol):
    """A signature as it was read.

    Attributes:
        certificates: in DER, the signer's first.
        digest: how what is signed was digested, in the words of DICOM: SHA256.
        value: the signature itself, which time stamps are of.
        signed_at: when, by the signer's own word.
        time_stamp: a time stamp (RFC 3161) in DER.
        fault: what is wrong with it, or with what it is of; "" if it covers all that it has to, and
            nothing of that was changed.
    """

    @property
    def certificates(self) -> Sequence[bytes]: ...
    @property
    def digest(self) -> str: ...
    @property
    def value(self) -> bytes: ...
    @property
    def signed_at(self) -> datetime | None: ...
    @property
    def time_stamp(self) -> bytes | None: ...
    @property
    def fault(self) -> str: ...


@dataclass(frozen=True)
class Claim:
    """What is signed, in its own words.

    Attributes:
        model: the name of the model.
        publisher: who published it.
        regions: the body parts that it is for; none for any.
        seen: since when this machine knows signatures, by the SHA-256 of their values.
    """

    model: str
    publisher: str = ""
    regions: tuple[Code, ...] = ()
    seen: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Publisher:
    """Who signed, as far as it is proved.

    Attributes:
        key: equal for the same publisher, and for nobody else.
        name: what the site calls it, or the subject of its certificate.
        subject: that subject.
        fingerprint: of its certificate.
        ends: until when that is valid.
    """

    key: str
    name: str
    subject: str
    fingerprint: str
    ends: datetime


@dataclass(frozen=True)
class Trust:
    """The verdict.

    Attributes:
        kind: in one word.
        found: in one line.
        publisher: who signed; None if nobody did, or if it is not proved.
        notes: what else to know.
        policy: of the site.
        policy_file: where that is said; None if it is said nowhere.
        configured: whether the site has said whom it believes, or what its policy is.
    """

    kind: Kind
    found: str
    publisher: Publisher | None = None
    notes: tuple[str, ...] = ()
    policy: Policy = Policy.WARN
    policy_file: Path | None = None
    configured: bool = False

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        who = self.publisher
        return {
            "verdict": self.kind.value,
            "found": self.found,
            "publisher": who.name if who else None,
            "subject": who.subject if who else None,
            "certificate_sha256": who.fingerprint.replace(":", "").lower() if who else None,
            "certificate_valid_until": who.ends.isoformat() if who else None,
            "notes": list(self.notes),
            "policy": self.policy.value,
            "may_run": self.may_run,
        }

    @property
    def required(self) -> str:
        """What would be right."""
        return Kind.TRUSTED.value

    @property
    def is_trusted(self) -> bool:
        """Whether the site believes it."""
        return self.kind is Kind.TRUSTED

    @property
    def standing(self) -> Standing:
        """What follows from it."""
        if self.policy is Policy.OFF:
            return Standing.IGNORED
        if self.is_trusted:
            return Standing.BELIEVED
        if self.policy is Policy.REQUIRE or self.kind in NEVER:
            return Standing.REFUSED
        return Standing.UNPROVED if self.configured else Standing.IGNORED

    @property
    def may_run(self) -> bool:
        """Whether what has this verdict is run here."""
        return self.standing is not Standing.REFUSED

    @property
    def statement(self) -> str:
        """What a result says of it; "" where there is nothing to be said."""
        if self.is_trusted or self.policy is Policy.OFF:
            return ""
        return f"publisher: nothing proves that this network is of a trusted one ({self.found})"


# Where nobody said anything of trust.
UNSIGNED = Trust(Kind.UNSIGNED, "unsigned")
