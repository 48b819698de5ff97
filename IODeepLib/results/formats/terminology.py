"""What a label is, in the words of 3D Slicer's terminologies.

Slicer takes an entry apart at `~` and `^`, and shows its words in tooltips, which are HTML.
"""

from __future__ import annotations

from IODeepLib.codes import LATERALITIES, Code
from IODeepLib.recipe import Label
from IODeepLib.text.foreign import printable, untagged

# One of those that Slicer brings along.
TERMINOLOGY = "Segmentation category and type - DICOM master list"
ANATOMIC_CODES = "Anatomic codes - DICOM master list"
_SEPARATORS = str.maketrans("~^", "--")


def modifier_of(label: Label) -> Code | None:
    """The modifier of its type: Slicer has one place for it and for the laterality."""
    if label.modifier is None and label.laterality is not None:
        return LATERALITIES[label.laterality.value]
    return label.modifier


def terminology_entry(label: Label) -> str:
    """`label` as the tag `TerminologyEntry` of a segment says it."""
    return "~".join(
        (
            TERMINOLOGY,
            _triplet(label.category),
            _triplet(label.type),
            _triplet(modifier_of(label)),
            ANATOMIC_CODES,
            _triplet(label.anatomic_region),
            _triplet(label.anatomic_region_modifier),
        )
    )


def _triplet(code: Code | None) -> str:
    if code is None:
        return "^^"
    parts = (code.scheme, code.value, code.meaning)
    return "^".join(untagged(printable(part)).translate(_SEPARATORS) for part in parts)
