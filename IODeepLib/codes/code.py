"""Coded concepts (PS3.3 Section 8.8), and those that stand in objects of IODeep."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Annotated

from IODeepLib.codes import anatomy_table
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Record, form

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# The designators that SNOMED RT codes have in DICOM objects (PS3.16 Section 8.1).
_SNOMED_RT = frozenset(("SRT", "SNM3", "99SDM"))
# A Code Value (SH) has at most 16 characters; longer ones go into Long Code Value (PS3.3 8.8).
_LONGEST_CODE_VALUE = 16


class Code(Record, eq=False):
    """A concept of a coding scheme.

    Equal are codes of the same value and scheme, whatever their meanings say. A SNOMED RT code
    equals the SNOMED CT code of the same concept where the tables have it: T-62000 is 10200004.
    """

    value: Annotated[str, form(".+", "10200004, in one line")]
    scheme: Annotated[str, form(".{1,16}", "SCT: 1 to 16 characters")]  # SH
    meaning: Annotated[str, form(".{1,64}", "Liver: 1 to 64 characters")]  # LO

    def __post_init__(self) -> None:
        for name, longest in (("value", None), ("scheme", 16), ("meaning", 64)):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise StructureError(f"$.{name}", repr(text), "text that is not empty")
            if text != text.strip() or "\\" in text or not text.isprintable():
                raise StructureError(
                    f"$.{name}", repr(text), "no outer space, backslash or control character"
                )
            if longest is not None and len(text) > longest:
                raise StructureError(
                    f"$.{name}", f"{len(text)} characters", f"at most {longest} (PS3.3 8.8)"
                )

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Code) else NotImplemented

    def __ne__(self, other: object) -> bool:  # that of msgspec asks whether it is the same object
        return self._key != other._key if isinstance(other, Code) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        if self.scheme not in _SNOMED_RT:
            return self.value, self.scheme
        sct = _sct_of_rt().get(self.value)
        return (self.value, "SRT") if sct is None else (sct, "SCT")

    def __str__(self) -> str:
        return f"{self.meaning} ({self.value}, {self.scheme})"

    def to_dataset(self) -> Dataset:
        """As an item of a code sequence."""
        from pydicom.dataset import Dataset

        item = Dataset()
        if self.value.lower().startswith(("urn:", "http:", "https:")):
            item.URNCodeValue = self.value
        elif len(self.value) > _LONGEST_CODE_VALUE:
            item.LongCodeValue = self.value
        else:
            item.CodeValue = self.value
        item.CodingSchemeDesignator = self.scheme
        item.CodeMeaning = self.meaning
        return item


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


# A concept of SNOMED CT: item, partition 00 or 10, check digit. (SNOMED CT Release File
# Specification, section "SCTID Representation")
_CONCEPT_ID = re.compile(r"[1-9][0-9]{2,14}[01]0[0-9]")
# How Verhoeff's check digit turns the digits at each further place.
_TURNED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def is_sct_concept(value: str) -> bool:
    """Whether `value` has the form of a SNOMED CT concept: its partition and its check digit.

    The check digit is that of Verhoeff, in the dihedral group of order 10: it finds every wrong
    digit and every two neighbors that changed places.
    """
    if _CONCEPT_ID.fullmatch(value) is None:
        return False
    left, total = list(range(10)), 0
    for digit in reversed(value):
        total = _dihedral(total, left[int(digit)])
        left = [left[turned] for turned in _TURNED]
    return total == 0


def _dihedral(a: int, b: int) -> int:
    """The product of two elements: 0 to 4 are rotations of a pentagon, 5 to 9 reflections."""
    flips = (a >= 5) != (b >= 5)
    turns = a - b if a >= 5 else a + b
    return turns % 5 + 5 * flips


# Laterality, CID 244.
RIGHT = _sct("24028007", "Right")
LEFT = _sct("7771000", "Left")
BILATERAL = _sct("51440002", "Bilateral")
UNILATERAL = _sct("66459002", "Unilateral")
# By the values of Laterality (0020,0060) and Image Laterality (0020,0062).
LATERALITIES = {"R": RIGHT, "L": LEFT, "B": BILATERAL, "U": UNILATERAL}

# Source Image Purposes of Reference, CID 7202; Image Derivation, CID 7203.
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
SEGMENTATION = Code("113076", "DCM", "Segmentation")
# Surface Processing Algorithm Families, CID 7162, which also serves Segmentation Algorithms.
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")

# The SNOMED RT codes of the above as older objects have them; those of regions are in their table.
_RT_OF_CONSTANTS = {
    RIGHT: "G-A100",
    LEFT: "G-A101",
    BILATERAL: "G-A102",
    UNILATERAL: "G-A103",
}


@functools.cache
def _sct_of_rt() -> dict[str, str]:
    result = {row.rt: row.sct for row in anatomy_table.rows().values() if row.rt}
    return result | {rt: code.value for code, rt in _RT_OF_CONSTANTS.items()}
