"""A run on what a network was not trained on says so, and what is not known is not "fits"."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from command import Answer
from makers.recipes import recipe_json
from makers.series import Stack
from makers.summing_networks import model_of, sums
from pydicom.uid import CTImageStorage

from IODeepLib.errors import RecipeError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.pipeline import run
from IODeepLib.recipe import recipe_from_json
from IODeepLib.selection.criteria import Verdict
from IODeepLib.selection.training import notes, reasons
from IODeepLib.series import ImageSeries, VolumeImage, find_series

# 4 slices of 8 x 9 pixels, 2.5 mm apart, of 0.8 x 0.7 mm: 6.4 x 6.3 mm.
VOXELS = np.arange(4 * 8 * 9, dtype=np.int16).reshape(4, 8, 9) - 100
KNOWN: dict[str, Any] = {
    "SOPClassUID": CTImageStorage,
    "Modality": "CT",
    "RescaleSlope": 1,
    "RescaleIntercept": 0,
    "RescaleType": "HU",
    "PatientAge": "050Y",
    "PatientSex": "F",
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "SeriesDescription": "Abdomen portal venous",
}
# What a card may say, once so that the series fits and once so that it does not.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("pixel spacing", {"pixel_spacing": {"max": 0.8}}, {"pixel_spacing": {"max": 0.7}}, "0.8 mm"),
    ("slice spacing", {"slice_spacing": {"min": 2}}, {"slice_spacing": {"max": 2}}, "2.5 mm"),
    ("slices", {"slices": {"min": 4, "max": 4}}, {"slices": {"min": 5}}, "4"),
    ("field of view", {"field_of_view": {"max": 6.4}}, {"field_of_view": {"min": 300}}, "6.4 mm"),
    ("patient age", {"patient_age": {"min": 18}}, {"patient_age": {"max": 17}}, "50 years"),
    ("patient sex", {"patient_sex": ["F", "M"]}, {"patient_sex": ["M"]}, "F"),
    (
        "manufacturer",
        {"manufacturers": ["Siemens", "ge"]},
        {"manufacturers": ["Siemens", "MED"]},
        "GE MEDICAL SYSTEMS",
    ),
    (
        "contrast phase",
        {"contrast_phases": ["VENOUS"]},
        {"contrast_phases": ["NATIVE", "ARTERIAL"]},
        "Abdomen portal venous",
    ),
    (
        "percentile 50 of the values",
        {"intensity": [{"percentile": 50, "values": {"min": 43, "max": 44}}]},
        {"intensity": [{"percentile": 50, "values": {"min": 44}}], "intensity_unit": "hu"},
        "43.5",
    ),
]


def series(folder: Path, voxels: np.ndarray = VOXELS, **changes: Any) -> ImageSeries:
    """As `KNOWN`; what is None is not there."""
    common = {key: value for key, value in (KNOWN | changes).items() if value is not None}
    (found,) = find_series(Stack(voxels, common=common).write(folder))
    return found


def judged(image: ImageSeries | VolumeImage, **trained_on: Any) -> tuple[list[Verdict], list[str]]:
    whole = recipe_json(schema="iodeep-recipe/2", card={"trained_on": trained_on})
    found = reasons(recipe_from_json(json.dumps(whole)).card.trained_on, image, image.volume())
    return [reason.verdict for reason in found], notes(found)


@pytest.mark.parametrize(("criterion", "fits", "fails", "found"), CASES)
def test_what_lies_outside_is_said(
    tmp_path: Path, criterion: str, fits: dict[str, Any], fails: dict[str, Any], found: str
) -> None:
    image = series(tmp_path)
    assert judged(image, **fits) == ([Verdict.FITS], [])
    verdicts, (said,) = judged(image, **fails)
    assert verdicts == [Verdict.FAILS]
    assert said.startswith(f"outside of what the network was trained on: {criterion} {found}")
    assert "it was trained on" in said


def test_a_card_that_says_nothing_is_held_against_nothing(tmp_path: Path) -> None:
    image = series(tmp_path)
    assert judged(image) == ([], [])
    assert reasons(None, image, image.volume()) == ()


def test_what_the_series_does_not_say_is_said_once(tmp_path: Path) -> None:
    missing = ("PatientAge", "PatientSex", "Manufacturer", "SeriesDescription")
    image = series(tmp_path, **dict.fromkeys(missing))
    asked = {key: value for _, fits, _, _ in CASES[4:8] for key, value in fits.items()}
    verdicts, (said,) = judged(image, **asked)
    assert verdicts == [Verdict.UNKNOWN] * 4
    assert said.startswith("not known whether the network was trained on such images: patient age")
    for keyword in ("PatientAge", "PatientSex", "Manufacturer", "ContrastBolusAgent"):
        assert f"({keyword}: nothing)" in said


def test_sizes_that_nobody_knows_are_unknown() -> None:
    header = pydicom.Dataset()
    volume = Volume(VOXELS, Grid(VOXELS.shape, np.eye(4)))
    unknown = {"has_spacing": False, "has_patient_geometry": False, "has_depth": False}
    image = VolumeImage(volume, header, "one", **unknown)
    asked = {key: value for _, fits, _, _ in CASES[:4] for key, value in fits.items()}
    verdicts, _ = judged(image, **asked)
    assert verdicts == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.FITS, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("described", "agent", "known", "verdict"),
    [
        ("liver", None, ["NATIVE"], Verdict.UNKNOWN),
        ("liver", "NONE", ["NATIVE"], Verdict.FITS),
        ("liver", "NONE", ["VENOUS"], Verdict.FAILS),
        ("liver", "Iopamidol", ["NATIVE"], Verdict.FAILS),
        ("liver", "Iopamidol", ["VENOUS"], Verdict.UNKNOWN),
        ("arterial and venous", "Iopamidol", ["VENOUS"], Verdict.UNKNOWN),
        ("liver arterial", None, ["ARTERIAL"], Verdict.FITS),
    ],
)
def test_contrast_phases(
    tmp_path: Path, described: str, agent: str | None, known: list[str], verdict: Verdict
) -> None:
    image = series(tmp_path, SeriesDescription=described, ContrastBolusAgent=agent)
    assert judged(image, contrast_phases=known)[0] == [verdict]


def test_values_in_another_unit_are_not_compared(tmp_path: Path) -> None:
    asked = {"intensity": [{"percentile": 50, "values": {"min": 0}}], "intensity_unit": "BQML"}
    verdicts, (said,) = judged(series(tmp_path), **asked)
    assert verdicts == [Verdict.UNKNOWN] and "RescaleType: values in HU" in said


def test_padding_and_what_is_no_number_are_no_values(tmp_path: Path) -> None:
    voxels = VOXELS.copy()
    voxels[:, :4] = -2000
    asked = {"intensity": [{"percentile": 0, "values": {"min": -100}}]}
    assert judged(series(tmp_path / "a", voxels), **asked)[0] == [Verdict.FAILS]
    padded = series(tmp_path / "b", voxels, PixelPaddingValue=-2000)
    assert judged(padded, **asked)[0] == [Verdict.FITS]
    floats = VOXELS.astype(np.float32)
    floats[0, 0, 0] = np.nan
    volume = Volume(floats, Grid(floats.shape, np.eye(4)))
    assert judged(VolumeImage(volume, pydicom.Dataset(), "x"), **asked)[0] == [Verdict.FITS]
    nothing = Volume(np.full_like(floats, np.nan), volume.grid)
    assert judged(VolumeImage(nothing, pydicom.Dataset(), "x"), **asked)[0] == [Verdict.UNKNOWN]


def test_words_of_others_are_shown_tamely(tmp_path: Path) -> None:
    image = series(tmp_path, Manufacturer="\x1b[31mGE\u202e" + "x" * 40)
    _, (said,) = judged(image, manufacturers=["Siemens"])
    assert "\x1b" not in said and "\u202e" not in said
    _, (said,) = judged(series(tmp_path / "b", Manufacturer="S" * 500), manufacturers=["G.*(", "G"])
    assert len(said) < 300
    assert judged(series(tmp_path / "c", PatientAge="9999Y"), patient_age={"min": 0})[0] == [
        Verdict.UNKNOWN
    ]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"patient_age": {"min": 3, "max": 2}}, r"card.trained_on.patient_age"),
        ({"patient_sex": ["female"]}, r"card.trained_on.patient_sex\[0\]"),
        ({"intensity": [{"percentile": 101, "values": {}}]}, r"intensity\[0\].percentile"),
        ({"contrast_phases": ["PORTAL"]}, r"contrast_phases\[0\]"),
        ({"spacing": {}}, r"card.trained_on.spacing"),
        ({"intensity_unit": "x" * 65}, r"card.trained_on.intensity_unit"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(wrong: dict[str, Any], where: str) -> None:
    whole = recipe_json(schema="iodeep-recipe/2", card={"trained_on": wrong})
    with pytest.raises(RecipeError, match=where):
        recipe_from_json(json.dumps(whole))


def test_a_run_says_it_first_and_everywhere(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    """In the notes, in result.json, in the SEG, on the command line; `show` says the ranges."""
    trained_on = {"patient_age": {"max": 17}, "slices": {"min": 2}, "manufacturers": ["Siemens"]}
    model = model_of(
        tmp_path,
        sums([[0], [1]], spatial=3),
        schema="iodeep-recipe/2",
        applies_to={"modalities": ["CT"]},
        card={"trained_on": trained_on},
    )
    image = series(tmp_path / "images", VOXELS - 1000)
    result = run(image, model)
    said = "outside of what the network was trained on: patient age 50 years (PatientAge)"
    assert result.notes[0].startswith(said)
    assert result.notes[1].startswith("outside of what the network was trained on: manufacturer")
    document = result.document()
    assert document["notes"][0].startswith(said)
    assert [one["verdict"] for one in document["trained_on"]] == ["fits", "fails", "fails"]
    assert any(line.startswith(f"note: {said}") for line in result.sentences())
    assert result.provenance.notes[0].startswith(said)
    shown = iodeep("show", tmp_path / "model").out
    assert "trained on    slices at least 2; patient age at most 17 years; manufacturer S" in shown
