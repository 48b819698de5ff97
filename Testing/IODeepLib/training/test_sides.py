"""Along which axes training patches are mirrored."""

from __future__ import annotations

from typing import Any

import pytest
from makers.recipes import label, recipe

from IODeepLib.training.sides import mirrored_axes

LEFT = {"value": "7771000", "scheme": "SCT", "meaning": "Left"}
KIDNEY = {"value": "64033007", "scheme": "SCT", "meaning": "Kidney"}
PLAIN = [label(1, "Kidneys", KIDNEY), label(2, "Tumor", KIDNEY)]


def axes(input_: dict[str, Any], *labels: dict[str, Any]) -> tuple[int, ...]:
    asked = recipe(input=input_, output={"channels": 3, "labels": list(labels)})
    [stage] = asked.all_stages
    return mirrored_axes(stage.input, asked.labels)


@pytest.mark.parametrize(
    ("input_", "wanted"),
    [
        ({"orientation": "LPS"}, (2,)),
        ({"orientation": "LPS", "axis_order": "NCXYZ"}, (0,)),
        ({"orientation": "SPL"}, (0,)),
        ({"orientation": "LPS", "mirror": "ZYX"}, (0, 1, 2)),
        ({"orientation": "LPS", "axis_order": "NCYX"}, (1,)),
        ({"orientation": "LPS", "axis_order": "NCZY"}, ()),  # slices from left to right
        ({"orientation": "source"}, ()),
        ({"orientation": "source", "mirror": "X"}, (2,)),
    ],
)
def test_from_left_to_right_and_as_a_run_does(
    input_: dict[str, Any], wanted: tuple[int, ...]
) -> None:
    assert axes(input_, *PLAIN) == wanted


@pytest.mark.parametrize(
    "sided",
    [
        label(1, "Kidney", KIDNEY, laterality="L"),
        label(1, "Left kidney", KIDNEY),
        label(1, "kidney_right", KIDNEY),
        label(1, "Kidney", KIDNEY, modifier=LEFT),
        label(1, "Kidney", {**KIDNEY, "value": "18639004", "meaning": "Left kidney"}),
    ],
)
def test_not_where_a_label_has_a_side(sided: dict[str, Any]) -> None:
    assert axes({"orientation": "LPS", "mirror": "ZYX"}, sided, PLAIN[1]) == (0, 1)
    assert axes({"orientation": "LPS"}, sided, PLAIN[1]) == ()
    assert axes({"orientation": "source", "mirror": "ZYX"}, sided, PLAIN[1]) == ()


def test_words_that_have_a_side_in_them_have_none() -> None:
    bright = label(1, "Bright cleft", KIDNEY)
    assert axes({"orientation": "LPS"}, bright, PLAIN[1]) == (2,)
