"""Certified time stamps (RFC 3161): when something was there at the latest, by a third party."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from IODeepLib.text.foreign import plain
from IODeepLib.trust.certificates import Certificate

_MOST_BYTES = 100_000  # they have some kilobytes, with the certificates in them
_GRANTED = bytes.fromhex("3003020100")  # PKIStatusInfo


class TimeStampError(Exception):
    """A time stamp proves nothing here; its text says why."""


def time_of(token: bytes, value: bytes, believed: Sequence[Certificate]) -> datetime:
    """The time that a time stamp gives.

    Args:
        token: it, as a CMS object in DER.
        value: what it has to be of.
        believed: the authorities whose time stamps are believed.

    Raises:
        TimeStampError: it is not one of them, is of something else, or cannot be read.
    """
    if not believed:
        raise TimeStampError("this site lists nobody whose time stamps it believes")
    if len(token) > _MOST_BYTES:
        raise TimeStampError(f"it has {len(token)} bytes")
    try:
        from rfc3161_client import VerifierBuilder, decode_timestamp_response
        from rfc3161_client.errors import VerificationError
    except ImportError:
        raise TimeStampError("nothing here reads it: pip install rfc3161-client") from None
    try:
        response = decode_timestamp_response(_sequence(_GRANTED + token))
        verifier = VerifierBuilder(roots=[one.x509 for one in believed]).build()
        verifier.verify_message(response, value)
        moment = response.tst_info.gen_time
    except (VerificationError, ValueError, TypeError) as error:
        raise TimeStampError(plain(str(error))[:200]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sequence(content: bytes) -> bytes:
    """A SEQUENCE of DER, whose length takes as few bytes as it can."""
    size = len(content)
    if size < 0x80:
        return bytes((0x30, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x30, 0x80 | len(length))) + length + content
