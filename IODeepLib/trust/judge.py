"""Whether a site believes what is signed: the verdict, and in words why.

Who signed is proved by certificates, never by what a text says; when, by a time stamp or by what
this machine has seen, where the site believes them. Without such proof the signer's own word for
the time counts for nothing, and what was signed has to be good now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from IODeepLib.errors import CertificateError
from IODeepLib.trust.certificates import Certificate
from IODeepLib.trust.followed import digest_of, followed
from IODeepLib.trust.permission import refusal
from IODeepLib.trust.revocation import revocation
from IODeepLib.trust.time_stamps import TimeStampError, time_of
from IODeepLib.trust.trust_list import TrustList
from IODeepLib.trust.verdict import NEVER, UNSIGNED, Claim, Kind, Signature, Trust

# Clocks of two machines that nobody keeps differ by less.
CLOCKS_DIFFER = timedelta(minutes=10)
_DIGESTS = ("SHA256", "SHA384", "SHA512")


def judge(
    signatures: Sequence[Signature], claim: Claim, trust_list: TrustList, now: datetime
) -> Trust:
    """What a site makes of something with these signatures.

    One that is broken or revoked spoils all; otherwise one that is trusted is enough, and of
    several the one whose publisher stands first in the list.

    Args:
        signatures: all that it bears.
        claim: what it says of itself.
        trust_list: whom the site believes.
        now: the time of this machine.
    """
    found = _judged(signatures, claim, trust_list, now)
    return replace(
        found,
        policy=trust_list.policy,
        policy_file=trust_list.policy_file,
        configured=trust_list.is_there,
    )


def _judged(
    signatures: Sequence[Signature], claim: Claim, trust_list: TrustList, now: datetime
) -> Trust:
    if not signatures:
        return UNSIGNED
    verdicts = [_of_one(one, claim, trust_list, now) for one in signatures]
    for kind in NEVER:
        for _, verdict in verdicts:
            if verdict.kind is kind:
                return verdict
    trusted = [pair for pair in verdicts if pair[1].is_trusted]
    if trusted:
        return min(trusted, key=lambda pair: pair[0])[1]
    first = verdicts[0][1]
    publishers = [verdict.publisher for _, verdict in verdicts if verdict.publisher is not None]
    if len({one.key for one in publishers}) < 2 or first.publisher is None:
        return first
    # Nobody can say which of several strangers it is of: of all of them together.
    key = digest_of(*sorted({one.key for one in publishers}))
    return replace(first, publisher=replace(first.publisher, key=key))


def _of_one(
    signature: Signature, claim: Claim, trust_list: TrustList, now: datetime
) -> tuple[int, Trust]:
    """The verdict on one signature, and the place of its entry in the list."""
    last = len(trust_list.entries)
    if signature.fault:
        return last, Trust(Kind.BROKEN, signature.fault)
    if not signature.certificates:
        return last, Trust(Kind.BROKEN, "signed, but without a certificate")
    at, proof, notes = _time(signature, claim, trust_list, now)
    try:
        known = followed(signature.certificates, trust_list, at)
    except CertificateError as error:
        return last, Trust(Kind.BROKEN, f"signed, but {error.found}")
    signer, chain, above, entry, broken, weak, wrong_use, publisher = known
    if weakness := _weak_digest(signature) or weak:
        # Anybody may have made it, so that it proves nobody.
        return last, Trust(Kind.WEAK, weakness, None, notes)
    revoked = revocation((*chain, *above), trust_list.lists, trust_list.revoked, at, now)
    notes += revoked.notes
    place = trust_list.entries.index(entry) if entry else last

    def verdict(kind: Kind, found: str) -> tuple[int, Trust]:
        return place, Trust(kind, found, publisher, notes)

    if revoked.words:
        return verdict(Kind.REVOKED, revoked.words)
    if wrong_use:
        return verdict(Kind.WRONG_USAGE, f"signed by {signer.subject} with {wrong_use}")
    if broken:
        found = f"signed by {signer.subject}, whose certificates are not in order: {broken}"
        return verdict(Kind.UNKNOWN, found)
    if entry is None:
        return verdict(Kind.UNKNOWN, _unknown(chain))
    if untimely := _untimely(chain, signature.signed_at, at, proof, now):
        return verdict(*untimely)
    if refused := refusal(entry, signer, claim.model, claim.publisher, claim.regions, at):
        return verdict(Kind.NOT_ALLOWED, refused)
    by = entry.name if len(chain) == 1 else f"{entry.name}, {signer.subject}"
    return verdict(Kind.TRUSTED, f"trusted: {by}{f', signed on {proof}' if proof else ''}")


def _time(
    signature: Signature, claim: Claim, trust_list: TrustList, now: datetime
) -> tuple[datetime, str, tuple[str, ...]]:
    """When it was signed at the latest, what proves that, and notes; now, if nothing does."""
    notes: tuple[str, ...] = ()
    if signature.signed_at is not None and signature.signed_at > now + CLOCKS_DIFFER:
        notes = (f"signed on {_day(signature.signed_at)} by its own word, which is to come here",)
    if signature.time_stamp is not None:
        try:
            at = time_of(signature.time_stamp, signature.value, trust_list.time_stamps)
            if at <= now + CLOCKS_DIFFER:
                return min(at, now), f"{_day(at)} by its time stamp", notes
            notes += (f"its time stamp of {_day(at)} is to come here",)
        except TimeStampError as error:
            notes += (f"its time stamp proves nothing: {error}",)
    seen = claim.seen.get(hashlib.sha256(signature.value).hexdigest())
    if seen is not None and trust_list.first_seen:
        if seen <= now + CLOCKS_DIFFER:
            at = min(seen, now)
            return at, f"{_day(at)} or before, when it was first trusted here", notes
        notes += (f"first trusted here on {_day(seen)}, which is to come",)
    return now, "", notes


def _weak_digest(signature: Signature) -> str:
    if signature.digest in _DIGESTS:
        return ""
    return f"signed over a digest of the kind {signature.digest or 'unknown'}"


def _unknown(chain: Sequence[Certificate]) -> str:
    signer, end = chain[0], chain[-1]
    if end is signer and end.is_self_issued:
        return f"signed by {signer.subject}, who is not in this site's list"
    authority = end.subject if end is not signer else end.issuer
    return f"signed by {signer.subject}, for whom {authority} vouches, which no list here has"


def _untimely(
    chain: Sequence[Certificate],
    signed_at: datetime | None,
    at: datetime,
    proof: str,
    now: datetime,
) -> tuple[Kind, str] | None:
    """Whether one of the certificates was not valid then."""
    for one in chain:
        if at < one.starts:
            words = f"{one.subject} is valid from {_moment(one.starts)}"
            when = f"it was signed on {proof}" if proof else f"the clock here says {_moment(now)}"
            return Kind.NOT_YET_VALID, f"{words}, and {when}"
        if at > one.ends:
            words = f"{one.subject} was valid until {_day(one.ends)}"
            then = f"on {_day(signed_at)}" if signed_at else "before"
            unproved = f"no time stamp proves that it was signed {then}"
            return (
                Kind.EXPIRED,
                f"{words}, and {f'it was signed on {proof}' if proof else unproved}",
            )
    signer = chain[0]
    if signed_at is not None and signed_at < signer.starts - CLOCKS_DIFFER:
        words = f"{signer.subject} is valid from {_moment(signer.starts)}"
        return Kind.NOT_YET_VALID, f"{words}, and signed on {_moment(signed_at)} by its own word"
    return None


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
