"""UIDs that are made from what they stand for: the same content has the same one, always."""

from __future__ import annotations

import hashlib
import uuid


def derived_uid(role: str, content: bytes | str) -> str:
    """The UID that an entity in this `role` has for its `content`: always the same.

    The form 2.25.* from a UUID (PS3.5 section B.2), here from the first 128 bits of a SHA-256.
    """
    data = content.encode() if isinstance(content, str) else content
    digest = hashlib.sha256(role.encode() + b"\0" + data).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"
