"""Whether a SEG corrects another one, and which: its header alone says it."""

from __future__ import annotations

from pydicom.dataset import Dataset

from IODeepLib.codes import Code
from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import items, text
from IODeepLib.results.edit import CORRECTED_PURPOSE
from IODeepLib.text.foreign import is_uid

ELEMENTS = ("SourceImageSequence",)  # what a header has to be read with, at least


def corrected_by(header: Dataset) -> str | None:
    """SOP Instance UID of the SEG that the one with this header corrects; None for none."""
    uid = referred_to(header, ELEMENTS[0], CORRECTED_PURPOSE)
    return uid if is_uid(uid) else None


def referred_to(header: Dataset, keyword: str, purpose: Code) -> str:
    """SOP Instance UID, as it stands, of what a sequence names with this purpose; "" for none."""
    for item in items(header, keyword):
        if purpose in code_sequence(item, "PurposeOfReferenceCodeSequence"):
            return text(item, "ReferencedSOPInstanceUID")
    return ""
