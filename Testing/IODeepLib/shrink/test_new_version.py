"""What is said of a network that was shrunk."""

from __future__ import annotations

from IODeepLib.shrink.new_version import Figures, rounded


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
