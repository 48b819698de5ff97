"""Names of people."""

from __future__ import annotations

from IODeepSlicer.text.plain_text import tame


def dicomName(name: str) -> str:
    """A name as people write it, as DICOM has it, the last word first; "" for none."""
    *first, last = tame(name).split() or [""]
    return "^".join(filter(None, (last, " ".join(first))))
