"""Whom a site believes, by all the files of this machine that say it.

The file for all users and the user's own count both: of two policies the stricter one. Where the
common file says `require`, it alone says who is believed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IODeepLib.disk import settings_file
from IODeepLib.errors import UsageError
from IODeepLib.trust.certificates import Certificate
from IODeepLib.trust.policy import TABLE, Policy, tables
from IODeepLib.trust.revocation import RevocationList
from IODeepLib.trust.trust_file import (
    CERTIFICATES,
    Entry,
    TrustFile,
    trust_file_of,
)


@dataclass(frozen=True, eq=False)
class TrustList:
    """Whom this site believes.

    Attributes:
        policy: what becomes of all others.
        policy_file: where that is said; None if nobody said anything.
        entries: who is believed; the first that knows a signer counts.
        lists, revoked: lists, numbers and digests of certificates that are believed no more.
        time_stamps: the authorities whose time stamps are believed.
        first_seen: whether it is believed since when this machine remembers a signature.
        site_alone: whether the file for all users alone says who is believed.
        chains: those that were followed already, see `followed`.
    """

    policy: Policy = Policy.WARN
    policy_file: Path | None = None
    entries: tuple[Entry, ...] = ()
    lists: tuple[RevocationList, ...] = ()
    revoked: frozenset[str] = frozenset()
    time_stamps: tuple[Certificate, ...] = ()
    first_seen: bool = False
    site_alone: bool = False
    chains: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def is_there(self) -> bool:
        """Whether anybody here has said anything of trust."""
        return self.policy_file is not None or bool(self.entries)

    def entry_of(self, certificate: Certificate) -> Entry | None:
        """The first entry with this certificate."""
        return next(
            (e for e in self.entries if any(certificate.der == c.der for c in e.certificates)), None
        )


def read_trust_list(
    said: Mapping[Path, Any] | None = None, *, may_be_new: bool = False
) -> TrustList:
    """What the files of this machine say.

    Args:
        said: what stands in them, if that was read already: see `tables`.
        may_be_new: whether the file that IODEEP_CONFIG names may still have to be made.

    Raises:
        UsageError: a mistake in a file, with its place.
    """
    read = {p: trust_file_of(p, t) for p, t in (tables() if said is None else said).items()}
    named = settings_file.own_file() if os.environ.get("IODEEP_CONFIG") else None
    if named is not None and not may_be_new and not named.is_file():
        raise UsageError(f"no file {named}", "the settings", "correct IODEEP_CONFIG")
    site = read.pop(settings_file.site_wide_file(), None)
    own = next(iter(read.values()), None)
    policy, policy_file = _policy(site, own)
    alone = site is not None and site.policy is Policy.REQUIRE
    believed = [file for file in (site, None if alone else own) if file is not None]
    every = [file for file in (site, own) if file is not None]
    entries = [entry for file in believed for entry in file.entries]
    _check_names(entries)
    return TrustList(
        policy,
        policy_file,
        tuple(entries),
        tuple(one for file in every for one in file.lists),
        frozenset(number for file in every for number in file.revoked),
        tuple(one for file in believed for one in file.time_stamps),
        any(file.first_seen for file in believed),
        alone,
    )


def _policy(*files: TrustFile | None) -> tuple[Policy, Path | None]:
    """The stricter one of those that are said, and where."""
    said = [(file.policy, file.path) for file in files if file is not None and file.policy]
    return max(said, key=lambda one: one[0].strictness, default=(Policy.WARN, None))


def _check_names(entries: list[Entry]) -> None:
    """One publisher has one name; under two, what one of them signed would not be the other's."""
    names: dict[str, Entry] = {}
    for entry in entries:
        for certificate in entry.certificates:
            other = names.setdefault(certificate.key_sha256, entry)
            if other.name != entry.name:
                raise settings_file.wrong(
                    entry.path,
                    f"{TABLE}.{CERTIFICATES} {entry.name!r}",
                    f"the key that {other.name!r} in {other.path} has",
                    "one name for each key",
                )
