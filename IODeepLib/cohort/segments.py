"""Which segments of a DICOM SEG are which labels of a model: by their codes.

The type decides, with its modifiers and the side, wherever that stands: among the modifiers of the
type or of the region, or in the laterality of a label. A region that both state must be the same.
Categories are used loosely (organs are tissues to some): another one is said, and no obstacle. By
its name alone a segment counts only where its code says nothing, and that is said as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from IODeepLib.codes import LATERALITIES, LEFT, RIGHT, Code
from IODeepLib.codes.sequences import code_sequence
from IODeepLib.codes.structures import structure
from IODeepLib.headers import integer, items, text
from IODeepLib.recipe import Label
from IODeepLib.text.wording import counted

_SIDES = frozenset((LEFT, RIGHT))
# What programs write where nobody has chosen a code: Tissue, Organ, Anatomical Structure (twice).
_SAYS_NOTHING = frozenset(
    Code(value, "SCT", "-") for value in ("85756007", "113343008", "91723000", "123037004")
) | frozenset(Code(value, "SRT", "-") for value in ("T-D0050", "T-D0060"))
_MOST_SEGMENTS = 65_535  # that numbers can tell apart (VR US)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a segment or a label stands for.

    Attributes:
        name: what people call it.
        category, type: None where no code is stated.
        modifiers: of the type, without sides.
        sides: left, right, both or none.
        regions: where it lies.
    """

    name: str
    category: Code | None
    type: Code | None
    modifiers: frozenset[Code]
    sides: frozenset[Code]
    regions: frozenset[Code]


@dataclass(frozen=True, slots=True)
class Matching:
    """Which segments are which labels.

    Attributes:
        labels: the value of the label, by the number of the segment.
        notes: what a person should know.
        others: the names of segments that are no label.
    """

    labels: dict[int, int]
    notes: tuple[str, ...]
    others: tuple[str, ...]


def of_label(label: Label) -> Meaning:
    """What a label of a recipe stands for."""
    said = {label.modifier, label.anatomic_region_modifier} - {None}
    if label.laterality is not None:
        said.add(LATERALITIES[label.laterality.value])
    modifier = {label.modifier} - {None} - {*LATERALITIES.values()}
    return Meaning(
        label.name,
        label.category,
        label.type,
        frozenset(modifier),  # type: ignore[arg-type]
        frozenset(said) & _SIDES,  # type: ignore[arg-type]
        frozenset({label.anatomic_region} - {None}),  # type: ignore[arg-type]
    )


def segments_in(header: Dataset) -> dict[int, Meaning]:
    """What each segment of a DICOM SEG stands for, by its number.

    Raises:
        ValueError: their numbers do not tell them apart.
    """
    stated = items(header, "SegmentSequence")
    if len(stated) > _MOST_SEGMENTS:
        raise ValueError(f"it has {len(stated)} segments")
    found: dict[int, Meaning] = {}
    for item in stated:
        number = integer(item, "SegmentNumber")
        if number is None or not 0 <= number <= _MOST_SEGMENTS:
            raise ValueError("a segment of it has no number that is one")
        if number in found:
            raise ValueError(f"two of its segments have the number {number}")
        found[number] = _of_segment(item)
    found.pop(0, None)  # the background, which a LABELMAP may list as well
    if not found:
        raise ValueError("it has no segments")
    return found


def _of_segment(item: Dataset) -> Meaning:
    types = code_sequence(item, "SegmentedPropertyTypeCodeSequence")
    categories = code_sequence(item, "SegmentedPropertyCategoryCodeSequence")
    said: set[Code] = set()
    for holder in items(item, "SegmentedPropertyTypeCodeSequence"):
        said |= {*code_sequence(holder, "SegmentedPropertyTypeModifierCodeSequence")}
    of_region: set[Code] = set()
    for holder in items(item, "AnatomicRegionSequence"):
        of_region |= {*code_sequence(holder, "AnatomicRegionModifierSequence")}
    return Meaning(
        text(item, "SegmentLabel") or text(item, "SegmentDescription"),
        categories[0] if categories else None,
        types[0] if types else None,
        frozenset(said - {*LATERALITIES.values()}),
        frozenset((said | of_region) & _SIDES),
        frozenset(code_sequence(item, "AnatomicRegionSequence")),
    )


def match(segments: dict[int, Meaning], labels: Sequence[Label]) -> Matching:
    """Which of these segments are which of these labels."""
    asked = [(label, of_label(label)) for label in labels]
    found: dict[int, int] = {}
    notes: list[str] = []
    others: list[str] = []
    for number, segment in segments.items():
        label, note = _match_of(segment, asked)
        if label is None:
            others.append(segment.name or f"segment {number}")
        else:
            found[number] = label.value
        notes += [note] if note else []
    for label in labels:
        parts = [segments[n].name for n, value in found.items() if value == label.value]
        if len(parts) > 1:
            notes.append(f"{counted(len(parts), 'segment')} make up {label.name!r}")
    return Matching(found, tuple(notes), tuple(others))


def _match_of(segment: Meaning, asked: list[tuple[Label, Meaning]]) -> tuple[Label | None, str]:
    """The label that a segment is, and what a person should know of that."""
    ranked = [(_agreement(segment, wanted), label) for label, wanted in asked]
    best = max(rank for rank, _ in ranked)
    if best:
        fitting = [label for rank, label in ranked if rank == best]
        named = [label for label in fitting if _same_name(segment.name, label.name)]
        if len(fitting) > 1 and len(named) != 1:
            names = " and ".join(repr(label.name) for label in fitting)
            return None, f"segment {segment.name!r} has the codes of {names}: it counts as neither"
        label = fitting[0] if len(fitting) == 1 else named[0]
        if len(fitting) > 1:
            return label, f"of labels with the codes of segment {segment.name!r} its name decided"
        return label, _category_note(segment, label)
    named = [label for label, _ in asked if _same_name(segment.name, label.name)]
    if len(named) != 1:
        return None, ""
    if segment.type is None or segment.type in _SAYS_NOTHING:
        code = "it has no code" if segment.type is None else f"its code says {segment.type.meaning}"
        return named[0], f"segment {segment.name!r} is taken for a label by its name alone: {code}"
    return None, (
        f"segment {segment.name!r} is called as a label, and coded as something else "
        f"({segment.type}): it does not count"
    )


def _agreement(segment: Meaning, wanted: Meaning) -> int:
    """How much of what is asked for the segment has; 0 where it is something else."""
    if segment.type != wanted.type or segment.modifiers != wanted.modifiers:
        return 0
    if wanted.sides and segment.sides != wanted.sides:
        return 0
    common = segment.regions & wanted.regions
    if segment.regions and wanted.regions and not common:
        return 0
    same_category = segment.category == wanted.category
    return 1 + 4 * bool(wanted.sides) + 2 * bool(common) + same_category


def _category_note(segment: Meaning, label: Label) -> str:
    if segment.category is None or segment.category == label.category:
        return ""
    return (
        f"segment {segment.name!r} is of the category {segment.category.meaning!r}, "
        f"the label {label.name!r} of {label.category.meaning!r}"
    )


def _same_name(one: str, other: str) -> bool:
    if one.strip().casefold() == other.strip().casefold():
        return bool(one.strip())
    meant = structure(one), structure(other)
    return meant[0] is not None and meant[0] == meant[1]
