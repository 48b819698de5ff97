"""Which series fills which channel: the most specific statement first, and no guess."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.recipes import recipe
from makers.series import Stack

from IODeepLib.recipe import Channel, recipe_parts, requirements_from_json
from IODeepLib.selection.channels import channel_reason, fill_channels
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.selection.facts import Facts
from IODeepLib.series import ImageSeries, find_series

EXAM = "BRAIN T1 T2 FLAIR"  # as GE writes it into every series of an examination
T1 = {"ScanningSequence": "SE", "EchoTime": 12, "RepetitionTime": 500}
T2 = {"ScanningSequence": "SE", "EchoTime": 100, "RepetitionTime": 4500}
PD = {"ScanningSequence": "SE", "EchoTime": 12, "RepetitionTime": 3000}
FLAIR = {
    "ScanningSequence": ["SE", "IR"],
    "EchoTime": 120,
    "RepetitionTime": 9000,
    "InversionTime": 2500,
}
STIR = FLAIR | {"EchoTime": 60, "RepetitionTime": 4000, "InversionTime": 150}
DWI = {"ScanningSequence": "EP", "EchoTime": 90, "DiffusionBValue": 1000.0}
ADC = DWI | {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}
PHASE = T1 | {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., ImageSeries]:
    """Makes series of one study, with the given attributes."""
    counter, first = itertools.count(), Stack()

    def make(description: str = "", slices: int = 5, **attributes: Any) -> ImageSeries:
        folder = tmp_path / str(next(counter))
        stack = Stack(np.zeros((slices, 6, 7), np.int16))
        stack.study, stack.frame = first.study, first.frame
        stack.common = {"Modality": "MR", "SeriesDescription": description, **attributes}
        stack.write(folder)
        return find_series(folder)[0]

    return make


def said(series: ImageSeries, *words: str, **channel: Any) -> Reason:
    """What is said of a channel of these words."""
    return channel_reason(Facts(series), Channel("image", words=words, **channel))


# Series Description, acquisition, Protocol Name, words of the channel, verdict, attribute.
SAID: list[tuple[str, dict[str, Any], str, Sequence[str], str, str]] = [
    # an exam-wide protocol name decides nothing: for whatever contrast
    *[
        ("", {}, EXAM, [name], "unknown", "ProtocolName")
        for name in ("T1", "T2", "FLAIR", "DWI", "PD")
    ],
    ("AX", {}, "T1/T2", ["T1"], "unknown", "SeriesDescription"),
    ("", {}, "DWI/ADC", ["ADC"], "unknown", "ProtocolName"),
    ("", {}, "PD T2 dual", ["PD"], "unknown", "ProtocolName"),
    # the series' own description comes before it
    ("AX T2", {}, EXAM, ["T1"], "fails", "SeriesDescription"),
    ("AX T2", {}, EXAM, ["T2"], "fits", "SeriesDescription"),
    ("fat-sat T2 FLAIR", {}, EXAM, ["FLAIR"], "fits", "SeriesDescription"),
    ("fat-sat T2 FLAIR", {}, EXAM, ["T2"], "fails", "SeriesDescription"),
    ("AX T1", {}, "BRAIN T2", ["T1"], "fits", "SeriesDescription"),
    ("Diffusione", {}, "T1 sag", ["DWI"], "fits", "SeriesDescription"),
    ("Protonendichte", {}, EXAM, ["pd"], "fits", "SeriesDescription"),
    ("t2_fl2d_hemo", {}, EXAM, ["T2"], "fails", "SeriesDescription"),
    ("T2* GRE", {}, EXAM, ["T2*"], "fits", "SeriesDescription"),
    ("t2_stir", {}, "t2", ["T2"], "fails", "SeriesDescription"),
    ("MPRAGE", {}, EXAM, ["T1"], "fits", "SeriesDescription"),
    ("t1_mprage", {}, EXAM, ["MPRAGE"], "fits", "SeriesDescription"),
    ("T1 tse", {}, EXAM, ["MPRAGE"], "unknown", "SeriesDescription"),
    ("AX T1/T2", {}, "T1", ["T1"], "fits", "ProtocolName"),
    # then what the acquisition says
    ("AX", T2, EXAM, ["T1"], "fails", "EchoTime"),
    ("AX", T2, EXAM, ["T2"], "fits", "EchoTime"),
    ("AX", T1, EXAM, ["T1"], "fits", "EchoTime"),
    ("AX", FLAIR, EXAM, ["FLAIR"], "fits", "EchoTime"),
    ("AX", FLAIR, EXAM, ["T2"], "fails", "EchoTime"),
    ("AX", STIR, EXAM, ["FLAIR"], "fails", "EchoTime"),
    ("tirm", STIR, EXAM, ["STIR"], "fits", "EchoTime"),
    ("AX", PD, EXAM, ["PD"], "fits", "EchoTime"),
    ("AX", DWI, EXAM, ["T2"], "fails", "DiffusionBValue"),
    ("DWI/ADC", ADC, EXAM, ["ADC"], "fits", "ImageType"),
    ("DWI/ADC", ADC, EXAM, ["DWI"], "fails", "ImageType"),
    ("AX T1", PHASE, EXAM, ["T1"], "fails", "ImageType"),
    ("AX T1 FLAIR", FLAIR | {"EchoTime": 20, "InversionTime": 860}, "", ["T1"], "fits", "EchoTime"),
    ("AX", {"AcquisitionContrast": "T2"}, EXAM, ["T1"], "fails", "AcquisitionContrast"),
    ("AX", T2, EXAM, ["MPRAGE"], "fails", "EchoTime"),
    # then the protocol's name
    ("AX", {}, "t1_se", ["T1"], "fits", "ProtocolName"),
    ("AX", {}, "t2_tse", ["T1"], "fails", "ProtocolName"),
    # what contradicts is said
    ("AX T1", T2, "", ["T1"], "unknown", "SeriesDescription"),
    ("AX FLAIR", T1, "", ["FLAIR"], "unknown", "SeriesDescription"),
    ("T1 phase", PHASE, "", ["T1 phase"], "fits", "SeriesDescription"),
    ("AX", T1, "t2_tse", ["T1"], "unknown", "EchoTime"),
    ("AX", DWI | {"DiffusionBValue": 0.0}, "t1_se", ["T1"], "fails", "EchoTime"),
    ("T2", T1, "", ["T1"], "fails", "SeriesDescription"),
    # contrast agents
    ("T1 post gad", T1, "", ["T1"], "fits", "SeriesDescription"),
    ("T1 post gad", T1, "", ["T1CE"], "fits", "SeriesDescription"),
    ("T1 KM", {}, "", ["T1 Gd"], "fits", "SeriesDescription"),
    ("T1", {}, "", ["T1CE"], "fails", "SeriesDescription"),
    ("T1 nativ", {"ContrastBolusAgent": "Gadovist"}, "", ["T1CE"], "fails", "SeriesDescription"),
    ("T1", {"ContrastBolusAgent": "Gadovist"}, "", ["T1CE"], "unknown", "SeriesDescription"),
    ("AX", T1 | {"ContrastBolusAgent": "none"}, "", ["T1CE"], "fails", "EchoTime"),
    # phases, and words of one's own
    ("CT portalvenös", {}, "", ["venous"], "fits", "SeriesDescription"),
    ("CT arterial", {}, "CT venous", ["venous"], "fails", "SeriesDescription"),
    ("CT", {}, "arterial + venous", ["venous"], "unknown", "SeriesDescription"),
    ("t1_dixon_W", {}, "", ["W"], "fits", "SeriesDescription"),
    ("t1_dixon_F", {}, "", ["W"], "unknown", "SeriesDescription"),
    ("t1_dixon_F", {}, "", [""], "unknown", "SeriesDescription"),
    ("t1_dixon_F", {}, "", [" ", "F"], "fits", "SeriesDescription"),
]


@pytest.mark.parametrize(("own", "made", "protocol", "words", "verdict", "attribute"), SAID)
def test_what_a_series_says_of_its_contrast(
    series: Callable[..., ImageSeries],
    own: str,
    made: dict[str, Any],
    protocol: str,
    words: Sequence[str],
    verdict: str,
    attribute: str,
) -> None:
    reason = said(series(own, ProtocolName=protocol, **made), *words)
    assert (reason.verdict, reason.attribute) == (verdict, attribute), str(reason)


@pytest.mark.parametrize("words", ["T1", "T2", "FLAIR", "DWI", "PD"])
def test_the_name_of_the_study_is_of_no_series(
    series: Callable[..., ImageSeries], words: str
) -> None:
    reason = said(series("AX", StudyDescription=f"MRI brain {words}"), words)
    assert reason.verdict is Verdict.UNKNOWN


def test_what_contradicts_is_in_the_reason(series: Callable[..., ImageSeries]) -> None:
    reason = said(series("AX T1", **T2), "T1")
    assert reason.found == "AX T1, but TE 100 ms, TR 4500 ms, SE in EchoTime"
    reason = said(series("AX", ProtocolName="t2_tse", **T1), "T1")
    assert reason.found == "TE 12 ms, TR 500 ms, SE, but t2_tse in ProtocolName"


# Channels


def three(*names: str, dims: int = 3) -> dict[str, Any]:
    """A recipe with a channel for each name; "" for one without words."""
    channels = [{"name": n or str(i), "words": [n] if n else []} for i, n in enumerate(names)]
    return {"input": {"channels": channels, "axis_order": "NCZYX" if dims == 3 else "NCYX"}}


def filled(
    changes: dict[str, Any], *images: ImageSeries
) -> tuple[list[ImageSeries], dict[str, Verdict], str]:
    """The series in the order of the channels, the verdicts, and all that is said."""
    asked = requirements_from_json(recipe_parts(recipe(**changes))[0])
    channels, reasons = fill_channels(asked, [Facts(image) for image in images])
    verdicts = {reason.criterion.removeprefix("channel "): reason.verdict for reason in reasons}
    return list(channels), verdicts, "; ".join(map(str, reasons))


BRATS = ("T1", "T1CE", "T2", "FLAIR")
# A study, as (description, acquisition) in any order, with the protocol of a whole examination.
STUDIES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "by their descriptions": [("AX T1", {}), ("AX T1 +C", {}), ("AX T2", {}), ("AX T2 FLAIR", {})],
    "by what was acquired": [
        ("S1", T1 | {"ContrastBolusAgent": "no"}),
        ("T1 KM", {}),
        ("S3", T2),
        ("S4", FLAIR),
    ],
    "in German": [("t1 nativ", {}), ("t1 km", {}), ("t2 tse", {}), ("t2 tirm dark-fluid", {})],
    "in Italian": [("T1 senza mdc", {}), ("T1 con mdc", {}), ("pesata in T2", {}), ("FLAIR", {})],
    "with others beside them": [
        ("AX T1", T1),
        ("AX T1 post", T1),
        ("AX T2", T2),
        ("AX FLAIR", FLAIR),
        ("DWI", DWI),
        ("ADC", ADC),
        ("T2* GRE", {}),
        ("STIR", STIR),
        ("AX PD", PD),
        ("3 plane", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]} | T2),
    ],
}


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_each_channel_gets_its_own_series(
    series: Callable[..., ImageSeries], study: list[tuple[str, dict[str, Any]]], turn: int
) -> None:
    images = [series(words, ProtocolName=EXAM, **made) for words, made in study]
    asked = images[turn]
    others = [image for image in images[::-1] if image is not asked]
    found, verdicts, said = filled(three(*BRATS), asked, *others)
    assert found == images[:4], said
    assert set(verdicts.values()) == {Verdict.FITS}


def test_three_channels_of_a_study_that_lacks_one(series: Callable[..., ImageSeries]) -> None:
    """The protocol of the examination names all three; the study has no FLAIR."""
    images = [
        series(words, ProtocolName=EXAM, **made)
        for words, made in [("AX T1", T1), ("AX T2", T2), ("AX DWI", DWI), ("AX PD", PD)]
    ]
    found, verdicts, _ = filled(three("T1", "T2", "FLAIR"), *images)
    assert found == []
    assert verdicts == {"T1": "fits", "T2": "fits", "FLAIR": "fails"}


@pytest.mark.parametrize(
    ("channels", "descriptions"),
    [
        (("T1", "T1CE"), ("T1", "T1 post")),
        (("T1CE", "T1"), ("T1 KM", "T1 nativ")),
        (("T2", "FLAIR", "T2*"), ("T2", "T2 FLAIR", "T2*")),
        (("DWI", "ADC"), ("ep2d_diff", "ep2d_diff_ADC")),
        (("W", "F"), ("dixon W", "dixon F")),
        (("native", "arterial", "venous"), ("nativ", "arteriell", "portalvenös")),
        (("a", "b"), ("a", "a b")),  # both may be "a", of which one has to be "b"
    ],
)
def test_the_best_for_all_channels_together(
    series: Callable[..., ImageSeries], channels: tuple[str, ...], descriptions: tuple[str, ...]
) -> None:
    for images in itertools.permutations([series(words) for words in descriptions]):
        found, _, said = filled(three(*channels), *images)
        assert tuple(image.description for image in found) == descriptions, said


@pytest.mark.parametrize(
    "more",
    [
        {"description": "T2 scout", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"description": "AX T2", "slices": 1},
        {"description": "AX T2", "Modality": "CT"},
        {"description": "AX T2", "PhotometricInterpretation": "PALETTE COLOR"},
        {"description": "AX T1"},
        {"description": "PD", **T2},
    ],
    ids=str,
)
def test_what_fills_no_channel(series: Callable[..., ImageSeries], more: dict[str, Any]) -> None:
    found, verdicts, _ = filled(three("T1", "T2"), series("AX T1"), series(**more))
    assert found == []
    assert verdicts["T2"] is Verdict.FAILS


def test_the_series_that_is_asked_about_fills_a_channel(
    series: Callable[..., ImageSeries],
) -> None:
    t1, t2, dwi = series("T1"), series("T2"), series("DWI")
    assert filled(three("T1", "T2"), t2, t1, dwi)[0] == [t1, t2]
    found, verdicts, said = filled(three("T1", "T2"), dwi, t1, t2)
    assert found == []
    assert verdicts["channels"] is Verdict.FAILS
    assert "DWI" in said
    # Of a network of one channel it is the one, whatever else the study holds.
    assert filled(three("T1"), t2, t1)[0] == []
    assert filled(three("T1"), t1, t2)[0] == [t1]


def test_one_of_several_as_good_is_said(series: Callable[..., ImageSeries]) -> None:
    t1, axial, coronal = series("T1"), series("T2 axial"), series("T2 coronal")
    found, verdicts, said = filled(three("T1", "T2"), t1, axial, coronal)
    assert found == [t1, axial]
    assert verdicts == {"T1": "fits", "T2": "unknown"}
    assert "T2 axial, and as good: 7 'T2 coronal' (MR, 5 slices)" in said
    # Whoever asks about one of them has said which.
    found, verdicts, _ = filled(three("T1", "T2"), coronal, t1, axial)
    assert found == [t1, coronal]
    assert set(verdicts.values()) == {Verdict.FITS}


def test_a_series_of_which_nothing_is_known(series: Callable[..., ImageSeries]) -> None:
    t1, some, more = series("T1"), series("ax"), series("sag")
    found, verdicts, _ = filled(three("T1", "T2"), t1, some)
    assert found == [t1, some]
    assert verdicts == {"T1": "fits", "T2": "unknown"}
    found, verdicts, said = filled(three("T1", "T2"), t1, some, more)
    assert found == []
    assert verdicts == {"T1": "fits", "T2": "fails"}
    assert "ax, and as good: 7 'sag'" in said


def test_channels_without_words(series: Callable[..., ImageSeries]) -> None:
    one, other = series("one"), series("other")
    found, verdicts, _ = filled(three("", ""), one, other)
    assert found == [one, other]
    assert set(verdicts.values()) == {Verdict.UNKNOWN}
    assert filled(three("", ""), one)[0] == []
