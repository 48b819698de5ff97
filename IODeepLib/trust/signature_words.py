"""What is read of a signature, for people and for programs."""

from __future__ import annotations

from typing import Any

from pydicom.datadict import keyword_for_tag

from IODeepLib.errors import CertificateError
from IODeepLib.trust.certificates import Certificate, opened
from IODeepLib.trust.dicom_signature import DicomSignature, Integrity
from IODeepLib.trust.elements import shown


def words(one: DicomSignature) -> str:
    """A signature in one line: whether it is intact, whose it is, and until when."""
    state = "intact" if one.integrity is Integrity.INTACT else f"{one.integrity}: {one.why}"
    signer = _signer(one)
    if signer is None:
        return f"{state}; by nobody who can be named"
    at = f"{one.signed_at:%Y-%m-%d %H:%M} UTC by their own word" if one.signed_at else "no date"
    return (
        f"{state}; by {signer.subject}, {at}; their certificate is valid until "
        f"{signer.ends:%Y-%m-%d}, SHA-256 {signer.fingerprint}"
    )


def as_json(one: DicomSignature) -> dict[str, Any]:
    """A signature as plain JSON values."""
    signer = _signer(one)
    found: dict[str, Any] = {
        "integrity": one.integrity.value,
        "why": one.why,
        "uid": one.uid,
        "purpose": one.purpose,
        "signed_at": one.signed_at.isoformat() if one.signed_at else None,
        "mac_algorithm": one.digest,
        "time_stamp": one.time_stamp is not None,
        "covered": [_keyword(tag) for tag in one.covered],
        "left_out": [_keyword(tag) for tag in one.left_out],
        "certificate": None,
    }
    if signer is not None:
        found["certificate"] = {
            "subject": signer.subject,
            "issuer": signer.issuer,
            "serial": signer.serial,
            "sha256": signer.sha256,
            "valid_from": signer.starts.isoformat(),
            "valid_until": signer.ends.isoformat(),
        }
    return found


def _signer(one: DicomSignature) -> Certificate | None:
    try:
        return opened(one.certificates[0], "a certificate") if one.certificates else None
    except CertificateError:
        return None


def _keyword(tag: int) -> str:
    return keyword_for_tag(tag) or shown(tag)
