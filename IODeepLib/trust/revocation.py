"""Certificates that count no more: by the lists (CRL) of those who issued them, and by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from IODeepLib.disk.file_memo import FileMemo
from IODeepLib.errors import CertificateError
from IODeepLib.text.foreign import plain
from IODeepLib.trust.certificates import DAMAGE, HASHES, Certificate, read_bounded, shown

MOST_BYTES = 50_000_000  # those of large authorities have ten million
_PEM = b"-----BEGIN X509 CRL-----"


class Revocation(NamedTuple):
    """What is known of the certificates of a chain.

    Attributes:
        words: which of them was revoked, by whom and when; "" if none was.
        notes: what to know of the lists that say so.
    """

    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RevocationList:
    """A list of revoked certificates, not yet held against its issuer's key.

    Attributes:
        path: its file.
        issuer: who made it, as text that may be shown.
        made: when.
        due: when the next one was promised; None if none was.
    """

    path: Path
    issuer: str
    made: datetime
    due: datetime | None
    crl: x509.CertificateRevocationList = field(repr=False)
    _signed_by: dict[str, str] = field(default_factory=dict, repr=False)

    def fault(self, authority: Certificate) -> str:
        """Why it is no list of this authority, whose name it bears; "" if it is."""
        if authority.key_sha256 not in self._signed_by:
            self._signed_by[authority.key_sha256] = self._fault(authority)
        return self._signed_by[authority.key_sha256]

    def _fault(self, authority: Certificate) -> str:
        usage = authority.extension(x509.KeyUsage)
        if usage is not None and not usage.crl_sign:
            return "who may sign no such lists"
        try:
            good = self.crl.is_signature_valid(authority.x509.public_key())  # type: ignore[arg-type]
        except DAMAGE:
            good = False
        return "" if good else "whose signature it does not bear"

    def revoked_at(self, certificate: Certificate) -> datetime | None:
        """From when on a certificate of this issuer counts no more; None if it is not there."""
        found = self.crl.get_revoked_certificate_by_serial_number(certificate.x509.serial_number)
        if found is None:
            return None
        times = [found.revocation_date_utc]
        try:
            invalid = found.extensions.get_extension_for_class(x509.InvalidityDate).value
            times.append(invalid.invalidity_date_utc)
        except x509.ExtensionNotFound:
            pass
        except DAMAGE:  # it is revoked, since whenever
            return datetime.min.replace(tzinfo=UTC)
        return min(times)


def read_revocation_list(path: Path) -> RevocationList:
    """The list in a file, PEM or DER; the one that is known, if the file is still the same.

    Raises:
        CertificateError: there is none, or one that nobody here understands.
    """
    return _known.get(path, partial(_read, path))


def _read(path: Path) -> RevocationList:
    content = read_bounded(path, MOST_BYTES)
    load = x509.load_pem_x509_crl if _PEM in content else x509.load_der_x509_crl
    try:
        crl = load(content)
        made, due, issuer = crl.last_update_utc, crl.next_update_utc, shown(crl.issuer)
        used = crl.signature_hash_algorithm
        unknown = [one.oid.dotted_string for one in crl.extensions if not _is_understood(one)]
        _ = crl.get_revoked_certificate_by_serial_number(0)
    except DAMAGE as error:
        raise _no_list(path, plain(str(error))[:200]) from None
    if used is None or used.name not in HASHES:
        raise _no_list(path, f"signed with {used.name if used else 'an unknown digest'}")
    if unknown:
        raise _no_list(path, f"the critical extension {', '.join(unknown)}")
    return RevocationList(path, issuer, made, due, crl)


# Reading one of a megabyte takes a twentieth of a second, and whoever looks at models reads it.
_known: FileMemo[RevocationList] = FileMemo(most=20)


def revocation(
    chain: Sequence[Certificate],
    lists: Sequence[RevocationList],
    numbers: frozenset[str],
    at: datetime,
    now: datetime,
) -> Revocation:
    """Whether one of the certificates was revoked before `at`.

    Args:
        chain: the signer's first, each issued by the next.
        lists: the site's.
        numbers: serial numbers and SHA-256 of certificates that the site believes no more.
        at: when something was signed, as far as that is proved.
        now: the time of this machine.
    """
    for one in chain:
        if numbers & {one.serial, one.sha256}:
            return Revocation(f"{one.subject} is revoked by this site's list")
    notes = []
    for one, authority in pairwise(chain):
        for known in lists:
            if known.crl.issuer != authority.x509.subject:
                continue
            if fault := known.fault(authority):
                notes.append(f"{known.path} is not believed: it names {known.issuer}, {fault}")
                continue
            if known.due is not None and known.due < now:
                notes.append(
                    f"{known.path} is out of date: the next list of {known.issuer} was due on "
                    f"{known.due:%Y-%m-%d}"
                )
            if (since := known.revoked_at(one)) is None:
                continue
            words = f"{one.subject} was revoked by {authority.subject} on {since:%Y-%m-%d}"
            if since <= at:
                return Revocation(words, tuple(notes))
            notes.append(f"{words}, after it had signed")
    return Revocation("", tuple(notes))


def _is_understood(extension: x509.Extension) -> bool:
    """Whether what a list says is whole and of its issuer's certificates alone."""
    value = extension.value
    if isinstance(value, x509.DeltaCRLIndicator):
        return False
    if isinstance(value, x509.IssuingDistributionPoint):
        return not value.indirect_crl
    return not extension.critical


def _no_list(path: Path, found: str) -> CertificateError:
    return CertificateError(
        f"{path} is no list of revoked certificates that can be used ({found})",
        "a whole list (CRL) of one authority, in PEM or DER",
        "fetch it from the authority again",
    )
