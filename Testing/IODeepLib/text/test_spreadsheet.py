"""Words as cells that spreadsheets do not compute."""

from __future__ import annotations

import pytest

from IODeepLib.text.spreadsheet import cell


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "\x00 =1"])
def test_a_formula_becomes_words(formula: str) -> None:
    assert cell(formula).startswith(("'", "\ufffd"))


@pytest.mark.parametrize("formula", ["liver;=1+1", "liver; @SUM(A1)", "\uff1d1+1", "\uff0d1"])
def test_a_formula_of_other_places_becomes_words(formula: str) -> None:
    assert "'" + formula.strip("liver; ") in cell(formula)


def test_words_stay() -> None:
    assert cell("Leber, links = 肝") == "Leber, links = 肝"
    assert cell("left; right") == "left; right"
    assert cell("two\nlines") == "two lines"
