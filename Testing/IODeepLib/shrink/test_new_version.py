"""What is said of a network that was shrunk."""

from __future__ import annotations

import pytest

from IODeepLib.shrink.new_version import Figures, next_version, rounded


def test_the_worst_label_comes_first_and_what_was_not_won_is_said() -> None:
    figures = Figures("1 CT series, 20 slices", {"A": 0.99996, "B": 0.5}, (2, 3), (4, 4), "CPU")
    worst, best, size, speed = figures.sentences()
    assert (worst, best) == ("Dice 0.5000 B", "Dice 0.9999 A")
    assert size == "4.00 MB before, 4.00 MB after: it is no smaller"
    assert "2.00 s before, 3.00 s after, with CPU: it is no faster here" in speed
    faster = Figures("", {}, (3, 2), (4, 3), "CPU").sentences()
    assert not any("it is no" in line for line in faster)


def test_only_what_is_equal_is_1() -> None:
    assert rounded(1) == 1
    assert rounded(0.99999) == 0.9999
    assert rounded(0.0) == 0


@pytest.mark.parametrize(
    ("version", "taken", "wanted"),
    [("0.9.3", set(), "0.10.0"), ("2.0.0-rc.1", {"2.1.0", "2.2.0"}, "2.3.0")],
)
def test_the_next_version(version: str, taken: set[str], wanted: str) -> None:
    assert next_version(version, taken) == wanted
