"""Who has signed what is said in a round, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from IODeepLib.errors import InputError
from IODeepLib.federation.records import Round
from IODeepLib.federation.statement import Said, Statement
from IODeepLib.trust.certificates import opened
from IODeepLib.trust.dicom_signature import DicomSignature
from IODeepLib.trust.judge import judge
from IODeepLib.trust.policy import tables
from IODeepLib.trust.signer import Signer
from IODeepLib.trust.trust_list import TrustList, read_trust_list
from IODeepLib.trust.verdict import Claim, Kind, Trust


@dataclass(frozen=True)
class Signed:
    """Who signed, as far as it is proved.

    Attributes:
        name: what this site calls them, or the subject of their certificate.
        sha256: of their certificate.
        key: equal for one and the same.
        at: when, by their own word, in UTC.
    """

    name: str
    sha256: str
    key: str
    at: datetime


class Signers:
    """What this site's trust list makes of signers, whatever its policy is about models.

    Args:
        own: who signs here, and needs nobody's word for themselves.
        trust_list: whom it believes; otherwise as the files of this machine say.

    Raises:
        UsageError: a mistake in one of the files.
    """

    def __init__(self, own: Signer | None = None, trust_list: TrustList | None = None) -> None:
        self._own = own.certificate.sha256 if own else ""
        self._list = trust_list or read_trust_list(tables())
        self._now = datetime.now(UTC)

    def of_coordinator(self, found: Statement[Said], about: Round) -> Signed:
        """Who announced or ended a round: somebody whom this site believes for such a model.

        Raises:
            InputError: nobody did, or somebody else.
        """
        return self._signed(found, about, frozenset())

    def of_site(self, found: Statement[Said], about: Round) -> Signed:
        """Who sent an update: one of the sites of the round, or somebody whom this site believes.

        Raises:
            InputError: nobody did, or somebody else.
        """
        return self._signed(found, about, frozenset(about.sites))

    def _signed(self, found: Statement[Said], about: Round, sites: frozenset[str]) -> Signed:
        if len(found.signatures) != 1:
            count = len(found.signatures)
            raise InputError(
                f"it is signed by {count}" if count else "it is unsigned",
                "one signature",
                "ask whoever sent it",
            )
        [signature] = found.signatures
        trust = judge([signature], Claim(about.model), self._list, self._now)
        who = trust.publisher
        if who is None or signature.signed_at is None or not self._may(trust, sites):
            raise InputError(
                f"{trust.kind.value}: {trust.found}",
                "a site of the round" if sites else "somebody in this site's trust list",
                "compare the certificate's fingerprint with its owner, and add it",
            )
        return Signed(who.name, certificate_of(signature), who.key, signature.signed_at)

    def _may(self, trust: Trust, sites: frozenset[str]) -> bool:
        """Whether somebody with this verdict may speak.

        A round names its sites by their certificates: nobody needs to believe their models for it.
        """
        assert trust.publisher is not None  # noqa: S101 - see above
        sha256 = trust.publisher.fingerprint.replace(":", "").lower()
        if not (sites or sha256 == self._own):
            return trust.is_trusted
        named = sha256 in (sites or (self._own,))
        good = trust.kind in (Kind.TRUSTED, Kind.UNKNOWN, Kind.NOT_ALLOWED)
        return named and good and trust.publisher.ends >= self._now


def certificate_of(signature: DicomSignature) -> str:
    """The SHA-256 of the signer's certificate."""
    return opened(signature.certificates[0], "a signature").sha256
