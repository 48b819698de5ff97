"""Segments are labels by their codes; by their names only where these say all, and it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from makers.recipes import BRAIN, LIVER, label, recipe
from pydicom.dataset import Dataset

from IODeepLib.cohort.segments import match, segments_in
from IODeepLib.recipe import Label

KIDNEY = {"value": "64033007", "scheme": "SCT", "meaning": "Kidney"}
TISSUE = {"value": "85756007", "scheme": "SCT", "meaning": "Tissue"}
LEFT, RIGHT = "7771000", "24028007"
LESION = {"value": "52988006", "scheme": "SCT", "meaning": "Lesion"}
PANCREAS = {"value": "15776009", "scheme": "SCT", "meaning": "Pancreas"}


def labels(*several: dict[str, Any]) -> tuple[Label, ...]:
    output = {"channels": 1 + max(one["value"] for one in several), "labels": list(several)}
    return recipe(output=output).labels


def code(value: str, scheme: str = "SCT", meaning: str = "it") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def segment(
    number: int,
    type_: dict[str, str] | None,
    name: str = "a segment",
    *,
    side: str = "",
    side_of_region: str = "",
    region: dict[str, str] | None = None,
    category: str = "91723000",
) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, name
    item.SegmentedPropertyCategoryCodeSequence = [code(category)]
    if type_ is not None:
        item.SegmentedPropertyTypeCodeSequence = [code(type_["value"], type_["scheme"])]
        if side:
            modifiers = [code(side)]
            type_item = item.SegmentedPropertyTypeCodeSequence[0]
            type_item.SegmentedPropertyTypeModifierCodeSequence = modifiers
    if region is not None:
        item.AnatomicRegionSequence = [code(region["value"])]
        if side_of_region:
            item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [code(side_of_region)]
    return item


def matched(several: list[Dataset], asked: tuple[Label, ...]) -> tuple[dict[int, int], str]:
    header = Dataset()
    header.SegmentSequence = several
    found = match(segments_in(header), asked)
    return found.labels, "; ".join(found.notes)


def test_codes_decide_and_names_do_not() -> None:
    found, notes = matched(
        [segment(1, LIVER, "Leber"), segment(2, KIDNEY, "liver")], labels(label(1, "Liver", LIVER))
    )
    assert found == {1: 1}
    assert "coded as something else" in notes


def test_the_older_code_of_a_concept_is_the_same() -> None:
    old = {"value": "T-A0100", "scheme": "SRT", "meaning": "Brain"}
    assert matched([segment(1, old)], labels(label(1, "Brain", BRAIN)))[0] == {1: 1}


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({"side": LEFT}, {1: 1}),
        ({"side": RIGHT}, {1: 2}),
        ({"region": KIDNEY, "side_of_region": RIGHT}, {1: 2}),
        ({}, {}),
    ],
)
def test_a_side_is_found_wherever_it_stands(where: dict[str, Any], wanted: dict) -> None:
    sides = labels(
        label(1, "left", KIDNEY, laterality="L"), label(2, "right", KIDNEY, laterality="R")
    )
    assert matched([segment(1, KIDNEY, **where)], sides)[0] == wanted


def test_both_sides_make_up_a_label_without_one() -> None:
    found, notes = matched(
        [segment(1, KIDNEY, side=LEFT), segment(2, KIDNEY, side=RIGHT)],
        labels(label(7, "Kidneys", KIDNEY)),
    )
    assert found == {1: 7, 2: 7}
    assert "2 segments make up 'Kidneys'" in notes


@pytest.mark.parametrize(("region", "wanted"), [(LIVER, {1: 1}), (PANCREAS, {1: 2}), (BRAIN, {})])
def test_a_region_that_both_state_is_the_same(region: dict[str, str], wanted: dict) -> None:
    lesions = labels(
        label(1, "of the liver", LESION, anatomic_region=LIVER),
        label(2, "of the pancreas", LESION, anatomic_region=PANCREAS),
    )
    assert matched([segment(1, LESION, region=region)], lesions)[0] == wanted


def test_what_two_labels_fit_counts_as_neither_unless_its_name_says() -> None:
    twins = labels(label(1, "early", LESION), label(2, "late", LESION))
    found, notes = matched([segment(1, LESION)], twins)
    assert found == {}
    assert "counts as neither" in notes
    found, notes = matched([segment(1, LESION, "late")], twins)
    assert found == {1: 2}
    assert "its name decided" in notes


@pytest.mark.parametrize("type_", [TISSUE, None])
@pytest.mark.parametrize("name", ["Liver", "liver", "LIVER"])
def test_a_name_alone_is_said(type_: dict[str, str] | None, name: str) -> None:
    found, notes = matched([segment(1, type_, name)], labels(label(1, "Liver", LIVER)))
    assert found == {1: 1}
    assert "by its name alone" in notes


def test_another_category_is_said_and_no_obstacle() -> None:
    found, notes = matched(
        [segment(1, LIVER, category="85756007")], labels(label(1, "Liver", LIVER))
    )
    assert found == {1: 1}
    assert "category" in notes


@pytest.mark.parametrize("numbers", [[1, 1], [-1], [70_000], []])
def test_numbers_that_lie(numbers: list[int]) -> None:
    header = Dataset()
    header.SegmentSequence = [Dataset() for _ in numbers]
    for item, number in zip(header.SegmentSequence, numbers, strict=True):
        item.add_new("SegmentNumber", "SL", number)
    with pytest.raises(ValueError, match="segment"):
        segments_in(header)


def test_labels_are_what_they_are_in_json() -> None:
    """What a cohort file holds of a label matches as the label itself."""
    from IODeepLib.cohort.segments import of_label
    from IODeepLib.text.records import dump, parse

    (own,) = labels(label(1, "left", KIDNEY, laterality="L"))
    again = parse(Label, json.loads(json.dumps(dump(own))))
    assert of_label(again) == of_label(own)
