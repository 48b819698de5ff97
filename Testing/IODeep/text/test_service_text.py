"""What a service makes of a study, in words."""

from __future__ import annotations

import pytest
from IODeepSlicer.text.fit_text import AMBER, GREEN, RED
from IODeepSlicer.text.person_text import dicomName
from IODeepSlicer.text.service_text import serviceColor, serviceText

from IODeepLib.service.client import Choice, JobSeen, StudySeen
from IODeepLib.service.states import State

LIVER = "liver@1.0.0"


def seen(*jobs: JobSeen, state: State = State.DONE, reason: str = "") -> StudySeen:
    return StudySeen("1.2.3", state, reason, jobs)


@pytest.mark.parametrize(
    ("study", "text", "color"),
    [
        (
            seen(state=State.WAITING),
            "pacs-service looks at the study; press Refresh to see what comes of it.",
            "",
        ),
        (
            seen(reason="MR without contrast: no model fits"),
            "pacs-service runs nothing on this study: MR without contrast: no model fits",
            AMBER,
        ),
        (seen(), "pacs-service runs nothing on this study: it has no images that a model", AMBER),
        (
            seen(state=State.FAILED, reason="the PACS is gone"),
            "pacs-service could not look at the study: the PACS is gone",
            RED,
        ),
        (seen(JobSeen(State.WAITING, LIVER)), f"{LIVER}: queued.", ""),
        (seen(JobSeen(State.RUNNING, LIVER, fraction=0.416)), f"{LIVER}: runs, 42 %.", ""),
        (seen(JobSeen(State.STORING, LIVER)), f"{LIVER}: its result goes to the PACS.", ""),
        (
            seen(JobSeen(State.DONE, LIVER)),
            f"{LIVER}: done. Its result is in the PACS: fetch it with the module DICOM.",
            GREEN,
        ),
        (
            seen(JobSeen(State.DONE, LIVER), JobSeen(State.FAILED, LIVER, reason="no memory")),
            f"{LIVER}: failed: no memory",
            RED,
        ),
        (
            seen(JobSeen(State.CANCELED, LIVER, reason="a person canceled it")),
            f"{LIVER}: canceled: a person canceled it",
            "",
        ),
        (
            seen(JobSeen(State.CHOICE, choices=(Choice(LIVER), Choice("hepar@2.0.0")))),
            f"({LIVER}, hepar@2.0.0): choose on the page of pacs-service.",
            AMBER,
        ),
    ],
)
def test_what_is_said(study: StudySeen, text: str, color: str) -> None:
    assert text in serviceText(study, "pacs-service")
    assert serviceColor(study) == color


def test_every_state_has_words() -> None:
    for state in State:
        assert len(serviceText(seen(JobSeen(state, LIVER)), "x").splitlines()) == 1


def test_what_is_long_is_short_and_hostile_text_stays_text() -> None:
    jobs = [JobSeen(State.FAILED, "a\nb", reason="x" * 10_000)] * 100
    lines = serviceText(seen(*jobs), "a" * 1000).splitlines()
    assert len(lines) == 9 and max(map(len, lines)) < 1000
    assert "92 more" in lines[-1]
    choices = tuple(Choice(f"m{number}") for number in range(100))
    (line,) = serviceText(seen(JobSeen(State.CHOICE, choices=choices)), "x").splitlines()
    assert "m7" in line and "m8" not in line


@pytest.mark.parametrize(
    ("name", "written"),
    [("Jane Doe", "Doe^Jane"), ("Ada", "Ada"), ("Jan van der Meer", "Meer^Jan van der"), (" ", "")],
)
def test_names_as_dicom_has_them(name: str, written: str) -> None:
    assert dicomName(name) == written
