"""Coded concepts, anatomic regions and how they lie in each other, and regions in free text.

A `Code` is a coded concept (PS3.3 Section 8.8). A `Region` is a body part with its Body Part
Examined term and its code (PS3.16 Annex L and CID 4031): the table is `anatomy_table`, the words
of the regions in five languages are in `anatomy_words`. `distance` says how far two regions lie
from each other in the part-of tree.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from IODeepLib import anatomy_table, structured
from IODeepLib.structured import Limits, StructureError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# The designators that SNOMED RT codes have in DICOM objects (PS3.16 Section 8.1).
_SNOMED_RT = frozenset(("SRT", "SNM3", "99SDM"))
# A Code Value (SH) has at most 16 characters; longer ones go into Long Code Value (PS3.3 8.8).
_LONGEST_CODE_VALUE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A concept of a coding scheme.

    Equal are codes of the same value and scheme, whatever their meanings say. A SNOMED RT code
    equals the SNOMED CT code of the same concept where the tables have it: T-62000 is 10200004.
    """

    value: Annotated[str, Limits(pattern=".+")]
    scheme: Annotated[str, Limits(pattern=".{1,16}")]  # SH
    meaning: Annotated[str, Limits(pattern=".{1,64}")]  # LO

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

    def to_json(self) -> dict[str, str]:
        """As in a recipe: value, scheme and meaning."""
        return {"value": self.value, "scheme": self.scheme, "meaning": self.meaning}

    @classmethod
    def from_json(cls, value: Any) -> Code:
        """From what `to_json` gives.

        Raises:
            StructureError: not such an object.
        """
        code: Code = structured.parse(cls, value)
        return code


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


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


@dataclass(frozen=True, slots=True)
class Region:
    """A body part.

    Attributes:
        term: its Body Part Examined (0018,0015), or the like for one that Annex L does not have.
        code: its SNOMED CT code.
        paired: whether there is a right and a left one.
        parents: terms of the regions whose image shows it whole.
        partly_in: terms of the regions whose image shows some of it.
        body_part_examined: `term`, or the nearest wider term that Annex L has.
    """

    term: str
    code: Code
    paired: bool
    parents: tuple[str, ...]
    partly_in: tuple[str, ...] = ()
    body_part_examined: str = ""


@dataclass(frozen=True, slots=True)
class RegionMatch:
    """A region that a text names, with the words that name it and its side: R, L, B or None."""

    region: Region
    word: str
    laterality: str | None


@functools.cache
def _by_term() -> dict[str, Region]:
    return {
        row.term: Region(
            row.term,
            _sct(row.sct, row.meaning),
            row.paired,
            row.parents,
            row.partly_in,
            _annex_l_term(row.term),
        )
        for row in anatomy_table.rows().values()
    }


def _annex_l_term(term: str) -> str:
    rows = anatomy_table.rows()
    generation = [term]
    while not any(rows[t].in_annex_l for t in generation):
        generation = [parent for t in generation for parent in rows[t].parents]
    return next(t for t in generation if rows[t].in_annex_l)


def regions() -> tuple[Region, ...]:
    """All regions of the table, in its order."""
    return tuple(_by_term().values())


@functools.cache
def _by_spelling() -> dict[str, Region]:
    """By term, meaning or synonym, written in capitals and digits only."""
    result = {_plain(region.code.meaning): region for region in regions()}
    for term, synonyms in anatomy_table.lists(anatomy_table.SYNONYMS):
        result |= {synonym: _by_term()[term] for synonym in synonyms}
    return result | _by_term()


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def region_by_term(term: str) -> Region | None:
    """The region of a Body Part Examined, as scanners write it: "LSPINE", "L SPINE", "Kopf"."""
    from IODeepLib import anatomy_text

    region = _by_spelling().get(_plain(term))
    if region is None:
        found = anatomy_text.region_term(term)
        region = _by_term()[found] if found else None
    return region


@functools.cache
def _by_code() -> dict[Code, Region]:
    result = {region.code: region for region in regions()}
    for term, values in anatomy_table.lists(anatomy_table.FORMER_CODES):
        for value in values:
            scheme = "SCT" if value.isdigit() else "SRT"
            result.setdefault(Code(value, scheme, term), _by_term()[term])
    return result


def region_by_code(code: Code) -> Region | None:
    """The region of a code of Anatomic Region Sequence, that of an older edition too."""
    return _by_code().get(code)


def regions_in_text(text: str) -> tuple[RegionMatch, ...]:
    """The regions that a protocol name or a description names, in the order of the text.

    English, Italian, German, French and Spanish. The longest phrase wins; neighbours that have a
    term together ("Thorax/Abdomen") are that one; patient positions and coils do not count.
    """
    from IODeepLib import anatomy_text

    return tuple(
        RegionMatch(_by_term()[found.term], found.word, found.side)
        for found in anatomy_text.find(text)
    )


def laterality_in_text(text: str) -> str | None:
    """The side that a protocol name or a description names: R, L, B for both, or None."""
    from IODeepLib import anatomy_text

    return anatomy_text.find_side(text)


# How the regions lie in each other


@functools.cache
def _parts(term: str) -> dict[str, int]:
    """What an image of `term` shows whole: terms with their steps down the tree; itself is 0."""
    children: dict[str, list[str]] = {}
    for region in regions():
        for parent in region.parents:
            children.setdefault(parent, []).append(region.term)
    result: dict[str, int] = {}
    generation, steps = [term], 0
    while generation:
        result |= {t: steps for t in generation if t not in result}
        generation = [c for t in generation for c in children.get(t, ()) if c not in result]
        steps += 1
    return result


@functools.cache
def _shown(term: str) -> dict[str, int]:
    """What an image of `term` shows whole or partly, with the steps."""
    parts = _parts(term)
    result = dict(parts)
    for region in regions():
        steps = [parts[place] + 1 for place in region.partly_in if place in parts]
        if steps and region.term not in result:
            result[region.term] = min(steps)
    return result


def distance(one: Region, other: Region) -> int | None:
    """The steps in the tree from one region to the other; None where they have nothing in common.

    For regions that overlap, by way of the part that both have.
    """
    return _distance(one.term, other.term)


@functools.cache
def _distance(a: str, b: str) -> int | None:
    pairs = ((_parts(a), _shown(b)), (_shown(a), _parts(b)))
    return min((x[t] + y[t] for x, y in pairs for t in x.keys() & y.keys()), default=None)
