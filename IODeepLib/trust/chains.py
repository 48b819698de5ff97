"""From the certificate of a signer to one that is believed: by the rules of RFC 5280, offline.

`cryptography` walks the way and holds each step against the rules: signatures, basic constraints,
path lengths, name constraints, critical extensions that it does not know. Its rules for servers of
the web (names, extended key usages, a key identifier in everything) are left out, for authorities
of hospitals often break them. When each certificate was valid is looked at by `judge`, for what
counts is when something was signed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from IODeepLib.trust.certificates import DAMAGE, Certificate

# So many authorities may stand between a signer and one that is believed; hospitals have one or
# two. Of more that are given, all ways through them could be millions.
_MOST_BETWEEN = 4
_UNTIMELY = "not valid at validation time"  # in the words of the library
_SIGNING = (
    ExtendedKeyUsageOID.CODE_SIGNING,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # signing documents, RFC 9336
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
)
_NOT_ISSUED: tuple[type[Exception], ...] = (*DAMAGE, InvalidSignature)
_ADDED = re.compile(
    "^(validation failed: |candidates exhausted: |fatal error: |Python extension validator failed: "
    "|ValueError: )+"
)


class NoWayError(Exception):
    """No way leads from a certificate to one of those that are believed; its text says why."""


def way(
    signer: Certificate,
    given: Sequence[Certificate],
    believed: Sequence[Certificate],
    at: datetime,
) -> tuple[Certificate, ...]:
    """The certificates from the signer's to one of the believed ones, each issued by the next.

    It is looked for as of `at`, or as of the nearest time that the signer's certificate knows:
    whether they were all valid then is for the caller to see.

    Raises:
        NoWayError: there is none.
    """
    if any(signer.der == one.der for one in believed):
        return (signer,)
    beyond = [one for one in given if not one.is_self_issued][:_MOST_BETWEEN]
    try:
        return _found(signer, beyond, believed, max(signer.starts, min(at, signer.ends)))
    except NoWayError as error:
        if _UNTIMELY not in str(error):
            raise
        # An authority may have ended before those it vouched for: it was there when they began.
        return _found(signer, beyond, believed, signer.starts + timedelta(seconds=1))


def own_top(signer: Certificate, given: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """Of the certificates that came along, those that no other one there has issued."""
    there = [signer, *given[:_MOST_BETWEEN]]
    subjects = {one.x509.subject.public_bytes() for one in there}
    tops = [
        one for one in there if one.is_self_issued or one.x509.issuer.public_bytes() not in subjects
    ]
    return tuple(tops)


def is_issued_by(one: Certificate, authority: Certificate) -> bool:
    """Whether an authority, and not one of the same name, has issued a certificate of another."""
    if one.is_self_issued or not authority.is_authority:
        return False
    try:
        one.x509.verify_directly_issued_by(authority.x509)
    except _NOT_ISSUED:
        return False
    return True


def usage_fault(signer: Certificate) -> str:
    """What a certificate is for, if that is not signing; "" where it may sign.

    Right are digital signature or content commitment as key usage, and signing code or documents
    as extended key usage; a certificate without these extensions may be used for anything.
    """
    usage = signer.extension(x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        return "a key usage without digital signature"
    extended = signer.extension(x509.ExtendedKeyUsage)
    if extended is not None and not any(one in _SIGNING for one in extended):
        return f"the extended key usage {', '.join(sorted(map(_name, extended)))}"
    return ""


def _found(
    signer: Certificate,
    given: Sequence[Certificate],
    believed: Sequence[Certificate],
    at: datetime,
) -> tuple[Certificate, ...]:
    if not believed:
        raise NoWayError("")
    by_der = {one.der: one for one in (signer, *given, *believed)}
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([one.x509 for one in believed]))
        .time(at)
        .max_chain_depth(_MOST_BETWEEN)
        .extension_policies(ca_policy=_of_authorities(), ee_policy=_of_signers())
        .build_client_verifier()
    )
    try:
        chain = verifier.verify(signer.x509, [one.x509 for one in given]).chain
    except (verification.VerificationError, ValueError) as error:
        raise NoWayError(_reason(str(error))) from None
    return tuple(by_der[one.public_bytes(Encoding.DER)] for one in chain)


@functools.cache
def _of_authorities() -> verification.ExtensionPolicy:
    agnostic = verification.Criticality.AGNOSTIC
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, agnostic, None)
        .may_be_present(x509.KeyUsage, agnostic, _issues_certificates)
        .may_be_present(x509.ExtendedKeyUsage, agnostic, _issues_signers)
    )


@functools.cache
def _of_signers() -> verification.ExtensionPolicy:
    return verification.ExtensionPolicy.permit_all()


def _issues_certificates(
    policy: verification.Policy, authority: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority whose key usage is not to sign certificates")


def _issues_signers(
    policy: verification.Policy, authority: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    if usage is not None and not any(one in _SIGNING for one in usage):
        raise ValueError(f"an authority for {', '.join(sorted(map(_name, usage)))} alone")


def _name(usage: x509.ObjectIdentifier) -> str:
    return usage._name if usage._name != "Unknown OID" else usage.dotted_string


def _reason(words: str) -> str:
    """What the library says, without what it adds; "" where it found nobody who could have issued.

    Only messages depend on it.
    """
    words = words.partition(" (encountered processing")[0]
    words = _ADDED.sub("", words)
    return "" if words.endswith("no interior errors") else words
