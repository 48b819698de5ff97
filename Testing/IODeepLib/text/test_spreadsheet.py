"""Words as cells that spreadsheets do not compute."""

from __future__ import annotations

import pytest

from IODeepLib.text.spreadsheet import cell


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "\x00 =1"])
def test_a_formula_becomes_words(formula: str) -> None:
    assert cell(formula).startswith(("'", "\ufffd"))


def test_words_stay() -> None:
    assert cell("Leber, links = 肝") == "Leber, links = 肝"
    assert cell("two\nlines") == "two lines"
