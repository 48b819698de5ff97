"""Elements that makers of scanners put beside the standard ones."""

from __future__ import annotations

from pydicom.dataset import Dataset


def private_text(header: Dataset, group: int, creator: str, offset: int) -> str:
    """The value of a private element as text, "" if it is not there."""
    try:
        value = header.private_block(group, creator)[offset].value
    except Exception:  # it is not there, or its bytes are no value of its VR
        return ""
    if isinstance(value, bytes):  # implicit VR: UN
        value = value.decode("ascii", "replace")
    return str(value).strip(" \0")
