"""What a person should know of a result, in words: the warnings first."""

from __future__ import annotations

from typing import Any

import pytest
from IODeepSlicer.text.result_text import inShort, notShownOver, otherNotes, warnings

from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.selection.training import notes


def outside(criterion: str, verdict: Verdict = Verdict.FAILS) -> Reason:
    return Reason(criterion, verdict, "1 to 2 mm", "9 mm", "PixelSpacing")


def document(*reasons: Reason) -> dict[str, Any]:
    """As a run writes it: what lies outside stands among its notes, too."""
    said = [*notes(reasons), "the images are tilted"]
    return {"trained_on": [one.as_json() for one in reasons], "notes": said, "left_out": ["Liver"]}


def test_what_lies_outside_of_the_training_is_told_from_the_other_notes() -> None:
    fits, unknown = outside("age", Verdict.FITS), outside("sex", Verdict.UNKNOWN)
    run = document(outside("pixel spacing"), fits, unknown)
    (above,) = warnings(run)
    assert "outside of what the network was trained on: pixel spacing 9 mm" in above
    below = otherNotes(run)
    assert above not in below and below[-2:] == [
        "the images are tilted",
        "Left out, as asked: Liver.",
    ]
    assert "not known whether" in below[0]
    assert inShort([above]).startswith("⚠ Outside of what the network was trained on")


@pytest.mark.parametrize("verdict", Verdict)
def test_whose_network_it_may_not_be_comes_first(verdict: Verdict) -> None:
    """Where the site has said whom it trusts: then the criterion is not known, else it is any."""
    run = document(outside("pixel spacing"))
    run["notes"].append("publisher: nothing proves it")
    publisher = Reason("publisher", verdict, "trusted", "unsigned", "DigitalSignaturesSequence")
    run["reasons"] = [publisher.as_json()]
    found = warnings(run)
    assert (found[0] == "publisher: nothing proves it") is (verdict is Verdict.UNKNOWN)
    assert ("publisher: nothing proves it" in otherNotes(run)) is (len(found) == 1)


def test_many_warnings_take_few_lines() -> None:
    found = warnings(document(*(outside(f"criterion {n}") for n in range(9))))
    assert len(found) == 9
    assert inShort(found).splitlines()[-1] == "⚠ and 6 more"
    assert len(inShort(found).splitlines()) == 4
    assert inShort([]) == ""


@pytest.mark.parametrize(
    "said", [None, 5, "x", [5, None, {}, [], {"verdict": "fails"}, {"verdict": ["fails"]}]]
)
def test_a_scene_from_anywhere(said: object) -> None:
    run = {"trained_on": said, "reasons": said, "notes": said, "left_out": said}
    assert warnings(run) == []
    assert all(isinstance(note, str) for note in otherNotes(run))


def test_what_stands_in_the_way_of_the_confidence_is_named() -> None:
    assert notShownOver("CT Liver confidence", []) == ""
    text = notShownOver("CT Liver confidence", ["PET", "MR"])
    assert "“PET”, “MR”" in text and "“CT Liver confidence”" in text
