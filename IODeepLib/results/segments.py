"""Labels as segments: items of Segment Sequence (0062,0002), PS3.3 section C.8.20.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from IODeepLib.codes import ARTIFICIAL_INTELLIGENCE, LATERALITIES
from IODeepLib.recipe import Label
from IODeepLib.results.colors import display_color
from IODeepLib.results.concepts import concept
from IODeepLib.results.edit import Edit, by_hand
from IODeepLib.results.encoding import CHARACTER_SET
from IODeepLib.results.provenance import Provenance, shortened

if TYPE_CHECKING:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription

LONGEST_LO = 64  # PS3.5 section 6.2


def describe_segments(
    numbers: Sequence[int],
    labels: Sequence[Label],
    all_labels: Sequence[Label],
    by: Provenance,
    edit: Edit,
) -> list[SegmentDescription]:
    """The items for `labels`, in this order.

    Args:
        numbers: the segment number of each label.
        labels: the labels that were found.
        all_labels: all labels of the network: their places decide on the default colors.
        by: what found them.
        edit: what was changed of that; nothing of it is said to be the network's.
    """
    return [
        _describe(number, label, all_labels.index(label), by, edit)
        for number, label in zip(numbers, labels, strict=True)
    ]


def identify_algorithm(by: Provenance, *, edited: bool) -> AlgorithmIdentificationSequence:
    """Algorithm Identification Macro, PS3.3 section 10.16; family of CID 7162."""
    from highdicom import AlgorithmIdentificationSequence

    algorithm = AlgorithmIdentificationSequence(
        name=by_hand(by.title) if edited else shortened(by.title, LONGEST_LO),
        family=concept(ARTIFICIAL_INTELLIGENCE),
        version=by.version,
        source=shortened(by.publisher, LONGEST_LO),
    )
    algorithm[0].AlgorithmParameters = by.parameters()
    return algorithm


def _describe(
    number: int, label: Label, index: int, by: Provenance, edit: Edit
) -> SegmentDescription:
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription

    edited, added = label.value in edit.edited, label.value in edit.added
    kind = label.algorithm_type.value
    if edited or added:
        kind = "MANUAL" if added else "SEMIAUTOMATIC"

    region = label.anatomic_region
    item = SegmentDescription(
        segment_number=number,
        segment_label=label.name,
        segmented_property_category=concept(label.category),
        segmented_property_type=concept(label.type),
        algorithm_type=kind,
        algorithm_identification=None if added else identify_algorithm(by, edited=edited),
        anatomic_regions=[concept(region)] if region else None,
        display_color=CIELabColor.from_rgb(*display_color(label, index)),
    )
    if not label.name.isascii():
        item.SpecificCharacterSet = CHARACTER_SET  # OHIF forgets in items that of the object
    if edit.added.get(label.value):  # of whose version and parameters nobody knows
        item.SegmentAlgorithmType = "SEMIAUTOMATIC"
        item.SegmentAlgorithmName = shortened(edit.added[label.value], LONGEST_LO)
    side = LATERALITIES[label.laterality.value] if label.laterality else None
    modifiers = list(dict.fromkeys(c for c in (label.modifier, side) if c))
    if modifiers:
        type_item = item.SegmentedPropertyTypeCodeSequence[0]
        type_item.SegmentedPropertyTypeModifierCodeSequence = [concept(c) for c in modifiers]
    if region and label.anatomic_region_modifier:
        modifier = concept(label.anatomic_region_modifier)
        item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier]
    return item
