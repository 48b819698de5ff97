"""Entries of the trust list, as people and programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IODeepLib.trust.certificates import Certificate
    from IODeepLib.trust.trust_file import Entry, Permission
    from IODeepLib.trust.trust_list import TrustList

_SHOWN = 23  # characters of a fingerprint that tell certificates apart


def document(name: str, certificates: Sequence[Certificate], said: Permission) -> dict[str, Any]:
    return {
        "name": name,
        "certificates": [
            {
                "subject": one.subject,
                "authority": one.is_authority,
                "sha256": one.sha256,
                "valid_until": one.ends.isoformat(),
            }
            for one in certificates
        ],
        "subjects": list(said.subjects),
        "models": list(said.models),
        "publishers": list(said.publishers),
        "regions": list(said.regions),
        "since": said.since.isoformat() if said.since else "",
        "until": said.until.isoformat() if said.until else "",
    }


def row(entry: Entry, one: Certificate) -> tuple[str, ...]:
    """A certificate of an entry in a table."""
    kind = "authority" if one.is_authority else "signer"
    known_by = one.fingerprint[:_SHOWN]
    return entry.name, kind, one.subject, _until(one), known_by, spoken_for(entry.said)


def spoken_for(said: Permission) -> str:
    """What an entry may speak for, in one line."""
    parts = [
        f"{what} {', '.join(words)}"
        for what, words in (
            ("models", said.models),
            ("publishers", said.publishers),
            ("regions", said.regions),
            ("subjects", said.subjects),
        )
        if words
    ]
    parts += [f"from {said.since}"] if said.since else []
    parts += [f"until {said.until}"] if said.until else []
    return "; ".join(parts) or "everything"


def intermediate(one: Certificate) -> str:
    """What to know of an authority for which another one vouches; "" for all others."""
    if not one.is_authority or one.is_self_issued:
        return ""
    return (
        f"{one.subject} is an authority below {one.issuer}: it is believed by itself, and what "
        "that one says of it is not asked"
    )


def _until(certificate: Certificate) -> str:
    """The day on which a certificate ends, or ended."""
    ended = " (expired)" if certificate.ends < datetime.now(UTC) else ""
    return f"{certificate.ends:%Y-%m-%d}{ended}"


def lists(there: TrustList) -> list[str]:
    """A line for each list of revoked certificates, one for what the site revokes itself, and one
    for what is believed of the time.
    """
    lines = []
    now = datetime.now(UTC)
    for one in there.lists:
        late = "" if one.due is None or one.due > now else ": out of date, fetch the next one"
        due = f", next on {one.due:%Y-%m-%d}" if one.due else ""
        lines.append(f"revocation list of {one.issuer} ({one.path}{due}){late}")
    if there.revoked:
        lines.append(f"certificates that are believed no more: {', '.join(sorted(there.revoked))}")
    if there.first_seen:
        lines.append("believed: since when this machine remembers a signature as trusted")
    return lines
