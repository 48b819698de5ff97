"""What an entry of the trust list may speak for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase

from cryptography import x509

from IODeepLib.codes import Code, is_within, region_by_code
from IODeepLib.trust.certificates import Certificate
from IODeepLib.trust.trust_file import Entry


def refusal(
    entry: Entry,
    signer: Certificate,
    model: str,
    publisher: str,
    regions: Sequence[Code],
    at: datetime,
) -> str:
    """Why this signer may not sign this under the entry; "" if it may.

    Args:
        entry: the entry by which the signer is known.
        signer: its certificate.
        model, publisher, regions: what the model says of itself.
        at: when it was signed, as far as that is proved.
    """
    said = entry.said
    who = f"{entry.name} may speak"
    if entry.subjects and not any(_has(signer.x509.subject, one) for one in entry.subjects):
        return f"{entry.name} is believed for {_any(said.subjects)}, found {signer.subject}"
    if said.models and not any(fnmatchcase(model, pattern) for pattern in said.models):
        return f"{who} for the models {_any(said.models)}, found {model}"
    if said.publishers and publisher not in said.publishers:
        return f"{who} for {_any(said.publishers)}, found {publisher or 'no publisher'}"
    if entry.regions:
        if not regions:
            return f"{who} for {_any(said.regions)}, found a model for any region"
        for code in regions:
            if not _is_inside(code, entry):
                return f"{who} for {_any(said.regions)}, found {code.meaning}"
    if said.since is not None and at < _begin(said.since):
        return f"{who} from {said.since} on, signed on {at:%Y-%m-%d}"
    if said.until is not None and at >= _begin(said.until) + timedelta(days=1):
        return f"{who} until {said.until}, and nothing proves that it was signed by then"
    return ""


def _has(subject: x509.Name, wanted: x509.Name) -> bool:
    there = {(one.oid, one.value) for one in subject}
    return all((one.oid, one.value) in there for one in wanted)


def _is_inside(code: Code, entry: Entry) -> bool:
    region = region_by_code(code)
    if region is None:  # nobody knows where it lies
        return False
    return any(is_within(region, allowed) for allowed in entry.regions)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _any(words: Sequence[str]) -> str:
    return " or ".join(words)
