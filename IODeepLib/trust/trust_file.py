"""What one file says of whom to believe: the table `trust` of `iodeep.toml`.

    [trust]
    policy = "require"

    [[trust.certificates]]
    name = "radiology"
    certificate = "radiology.pem"
    models = ["liver-*"]

Docs/trust.md describes all keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cryptography import x509
from msgspec import Meta

from IODeepLib.codes import Region, region_by_term
from IODeepLib.disk import settings_file
from IODeepLib.disk.user_folders import expanded
from IODeepLib.errors import CertificateError, UsageError
from IODeepLib.text.records import MOST_ITEMS, Record, form
from IODeepLib.trust.certificates import Certificate, certificates_in, read_certificates
from IODeepLib.trust.policy import TABLE, Policy
from IODeepLib.trust.revocation import RevocationList, read_revocation_list

CERTIFICATES = "certificates"
_PEM = "-----BEGIN"
_OTHERS_MAY_WRITE = 0o002


_Text = Annotated[str, Meta(min_length=1, max_length=1000)]
_Texts = Annotated[tuple[_Text, ...], Meta(max_length=MOST_ITEMS)]
_Name = Annotated[
    str, form(r"(?=.*\S)[^\\\x00-\x1f]{1,64}", "radiology: 1 to 64 characters in one line")
]
_Number = Annotated[
    str, form(r"[0-9A-Fa-f: ]{1,120}", "5A:01:FF, a serial number or SHA-256 as OpenSSL prints it")
]


class Permission(Record):
    """One of `trust.certificates`: a certificate, and what it may speak for.

    Attributes:
        name: what the site calls whom it identifies; certificates of one name are of one publisher.
        certificate: of an authority, or of a publisher itself: a PEM or DER file, or PEM text.
        subjects: of those that an authority vouches for, who is believed: `O=University Hospital`;
            a subject that has all of it. All of them, if there is none.
        models: which models it may publish, `liver-*`; all, if there is none.
        publishers: what these may say of who published them; anything, if there is none.
        regions: body parts that all of these must be for or lie in; any, if there is none.
        since, until: the first and the last day on which it may sign.
    """

    name: _Name
    certificate: Annotated[str, Meta(min_length=1, max_length=500_000)]
    subjects: _Texts = ()
    models: _Texts = ()
    publishers: _Texts = ()
    regions: _Texts = ()
    since: date | None = None
    until: date | None = None


class _Table(Record):
    """All that a file says of trust."""

    policy: Policy | None = None
    believe_first_seen: bool = False
    certificates: Annotated[tuple[Permission, ...], Meta(max_length=MOST_ITEMS)] = ()
    crls: _Texts = ()
    revoked: Annotated[tuple[_Number, ...], Meta(max_length=100_000)] = ()
    time_stamps: _Texts = ()


@dataclass(frozen=True, eq=False)
class Entry:
    """A permission whose certificates were read.

    Attributes:
        said: what the file says.
        path: that file.
        certificates: of whom it speaks.
        subjects, regions: those of the file.
    """

    said: Permission
    path: Path
    certificates: tuple[Certificate, ...]
    subjects: tuple[x509.Name, ...]
    regions: tuple[Region, ...]

    @property
    def name(self) -> str:
        """What the site calls it."""
        return self.said.name


@dataclass(frozen=True)
class TrustFile:
    """All that a file says of trust, read; see `TrustList` for what it means."""

    path: Path
    policy: Policy | None
    entries: tuple[Entry, ...]
    lists: tuple[RevocationList, ...]
    revoked: tuple[str, ...]
    time_stamps: tuple[Certificate, ...]
    first_seen: bool


def read_trust_file(path: Path) -> TrustFile | None:
    """What a file says; None if it is not there."""
    if not settings_file.exists(path):
        return None
    return trust_file_of(path, settings_file.read_toml(path).get(TABLE, {}))


def trust_file_of(path: Path, content: Any) -> TrustFile:
    """What the table of a file says that was just read.

    Raises:
        UsageError: a mistake in it, with its place.
    """
    table = settings_file.parsed(_Table, path, TABLE, content)
    if os.name == "posix" and path.stat().st_mode & _OTHERS_MAY_WRITE:
        raise UsageError(
            f"{path}, which says whom to believe, and which everybody may write",
            "a file that its owner alone may write",
            f"chmod o-w {path}",
        )
    entries = [entry_of(path, i, one) for i, one in enumerate(table.certificates, 1)]
    lists = []
    for i, one in enumerate(table.crls, 1):
        with _at(path, f"{TABLE}.crls, number {i}"):
            lists.append(read_revocation_list(_beside(path, one)))
    stamps: list[Certificate] = []
    for i, one in enumerate(table.time_stamps, 1):
        with _at(path, f"{TABLE}.time_stamps, number {i}"):
            stamps += _certificates(path, one)
    return TrustFile(
        path,
        table.policy,
        tuple(entries),
        tuple(lists),
        tuple(_number(one) for one in table.revoked),
        tuple(stamps),
        table.believe_first_seen,
    )


def entry_of(path: Path, number: int, said: Permission) -> Entry:
    """An entry whose certificates were read.

    Args:
        path: the file that it is in.
        number: which one there, from 1.
        said: it.

    Raises:
        UsageError: there is a mistake in it.
    """
    where = f"{TABLE}.{CERTIFICATES}, number {number} ({said.name})"
    with _at(path, f"{where}, certificate"):
        certificates = _certificates(path, said.certificate)
    subjects, regions = [], []
    for subject in said.subjects:
        try:
            subjects.append(x509.Name.from_rfc4514_string(subject))
        except ValueError:
            raise settings_file.wrong(
                path, f"{where}, subjects", repr(subject), "'CN=Radiology,O=University Hospital'"
            ) from None
    for term in said.regions:
        if (region := region_by_term(term)) is None:
            wanted = "a Body Part Examined term (PS3.16 Annex L), such as LIVER"
            raise settings_file.wrong(path, f"{where}, regions", repr(term), wanted)
        regions.append(region)
    return Entry(said, path, certificates, tuple(subjects), tuple(regions))


def _certificates(path: Path, words: str) -> tuple[Certificate, ...]:
    if words.lstrip().startswith(_PEM):
        return certificates_in(words.encode(), "the text there")
    return read_certificates(_beside(path, words))


def _beside(path: Path, words: str) -> Path:
    """A path in a file is as seen from that file's folder."""
    return path.parent / expanded(words)


def _number(words: str) -> str:
    digits = words.replace(":", "").replace(" ", "").lower()
    return digits if len(digits) == 64 else digits.lstrip("0") or "0"


@contextmanager
def _at(path: Path, where: str) -> Iterator[None]:
    """A block in which what is wrong with a certificate is wrong at a place of a file."""
    try:
        yield
    except CertificateError as error:
        raise settings_file.wrong(path, where, error.found, error.wanted, error.next_step) from None
