"""What the certificates of a signature lead to: whom that is, and whether anybody here believes it.

A publisher signs many objects; of each certificate all this is looked at once for each list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from IODeepLib.trust.certificates import Certificate, opened
from IODeepLib.trust.chains import NoWayError, is_issued_by, own_top, usage_fault, way
from IODeepLib.trust.trust_file import Entry
from IODeepLib.trust.trust_list import TrustList
from IODeepLib.trust.verdict import Publisher


class Followed(NamedTuple):
    """What the certificates of a signature lead to, at some time.

    Attributes:
        signer: the first of them.
        chain: from it to one that is believed; or else as far as it goes.
        above: who else of the list vouches for the end of it, and may have revoked that.
        entry: that believes in the end of it; None for a stranger.
        broken: why they are no chain at all; "" if they are.
        weak, wrong_use: what else speaks against them, in words; "" for nothing.
        publisher: who that is.
    """

    signer: Certificate
    chain: tuple[Certificate, ...]
    above: tuple[Certificate, ...]
    entry: Entry | None
    broken: str
    weak: str
    wrong_use: str
    publisher: Publisher


def followed(certificates: Sequence[bytes], trust_list: TrustList, at: datetime) -> Followed:
    """The way from a signer into the list of a site, as of some time.

    Raises:
        CertificateError: one of the certificates is damaged.
    """
    key = tuple(certificates), at
    if key not in trust_list.chains:
        trust_list.chains[key] = _followed(certificates, trust_list, at)
    return trust_list.chains[key]


def _followed(certificates: Sequence[bytes], trust_list: TrustList, at: datetime) -> Followed:
    signer, *given = (opened(der, "a certificate of it") for der in certificates)
    chain, entry, broken = _chain(signer, given, trust_list, at)
    looked_at = (signer, *given) if broken else chain
    weak = next((f"{one.subject} has {one.weakness}" for one in looked_at if one.weakness), "")
    publisher = _publisher(chain, entry)
    above = tuple(one for one in _believed(trust_list) if is_issued_by(chain[-1], one))[:1]
    return Followed(signer, chain, above, entry, broken, weak, usage_fault(signer), publisher)


def _chain(
    signer: Certificate, given: Sequence[Certificate], trust_list: TrustList, at: datetime
) -> tuple[tuple[Certificate, ...], Entry | None, str]:
    """The chain, the entry that believes in its end, and what speaks against a chain at all."""
    try:
        chain = way(signer, given, _believed(trust_list), at)
        return chain, trust_list.entry_of(chain[-1]), ""
    except NoWayError as error:
        reason = str(error)
    try:
        return way(signer, given, own_top(signer, given), at), None, ""
    except NoWayError as error:
        return (signer,), None, reason or str(error) or "they do not belong together"


def _believed(trust_list: TrustList) -> list[Certificate]:
    return [one for entry in trust_list.entries for one in entry.certificates]


def _publisher(chain: Sequence[Certificate], entry: Entry | None) -> Publisher:
    """Who that is: by the site's own name, or by the key at the end of the chain.

    Of those that an authority vouches for the subject tells one from the other: a certificate that
    was renewed has the same subject, and may have another key.
    """
    signer = chain[0]
    end = f"name {entry.name}" if entry else f"key {chain[-1].key_sha256}"
    subject = signer.x509.subject.public_bytes().hex() if len(chain) > 1 else ""
    name = entry.name if entry and len(chain) == 1 else signer.subject
    return Publisher(digest_of(end, subject), name, signer.subject, signer.fingerprint, signer.ends)


def digest_of(*parts: str) -> str:
    """One key for all of these."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
