"""SUV by body weight, held against the pseudo-code of QIBA worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.pet import DECAYED, DOSE, HALF_LIFE, WEIGHT, pet_header
from makers.series import Stack, item
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.inference.suv import suv_factor
from IODeepLib.pipeline import run
from IODeepLib.recipe import SuvBw
from IODeepLib.series import ImageSeries, VolumeImage, find_series
from IODeepLib.voxels.intensity import apply_steps

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value:UserWarning:pydicom")

VOXELS = np.random.default_rng(5).integers(0, 30000, (4, 8, 9)).astype(np.uint16)


def pet(folder: Path, drug: dict[str, Any] | None = None, **changes: Any) -> ImageSeries:
    """Slices that were acquired from 10:00 on; injected at 9:00, slopes that differ."""
    common = pet_header(drug, **changes)

    def slope(i: int, ds: Dataset) -> None:
        ds.RescaleSlope, ds.RescaleIntercept = 0.5 * (i + 1), 0
        if i == 3:  # the next bed position
            ds.AcquisitionTime = changes.get("AcquisitionTime", "100302")

    (series,) = find_series(Stack(VOXELS, common=common).write(folder, slope))
    return series


PHILIPS = "Philips PET Private Group"


@pytest.mark.parametrize(
    ("drug", "changes", "expected"),
    [
        ({}, {}, WEIGHT * 1000 / DECAYED),
        ({"RadiopharmaceuticalStartDateTime": "20200102090000.000000+0100"}, {}, None),
        ({"RadiopharmaceuticalStartTime": "09:00:00"}, {}, None),
        ({}, {"DecayCorrection": "ADMIN"}, WEIGHT * 1000 / DOSE),
        ({}, {"Units": "GML"}, 1.0),
        ({}, {"Units": "GML", "SUVType": "BW", "PatientWeight": ""}, 1.0),
        # Not corrected for decay: the time of all images.
        (
            {},
            {
                "DecayCorrection": "NONE",
                "CorrectedImage": ["ATTN"],
                "AcquisitionTime": "100000",
                "SeriesTime": "093000",
            },
            None,
        ),
        # Injected before midnight, scanned after it.
        (
            {"RadiopharmaceuticalStartTime": "233000"},
            {"SeriesTime": "003000", "AcquisitionTime": "003000"},
            None,
        ),
    ],
)
def test_the_factor(tmp_path: Path, drug: dict, changes: dict, expected: float | None) -> None:
    factor, how = suv_factor(pet(tmp_path, drug, **changes))
    assert factor == pytest.approx(expected or WEIGHT * 1000 / DECAYED, rel=1e-12)
    if changes.get("Units") != "GML":
        assert "PatientWeight 70 kg, RadionuclideTotalDose 374 MBq" in how


def test_a_later_reconstruction_counts_from_the_frame_reference_time(tmp_path: Path) -> None:
    """The mean activity of a frame of 120 s falls a little before its middle."""
    series = pet(
        tmp_path, SeriesTime="150000", FrameReferenceTime=62000.0, ActualFrameDuration=120000
    )
    rate = np.log(2) / HALF_LIFE
    times = np.linspace(0, 120, 100_001)
    mean = np.exp(-rate * times).mean()
    within = -np.log(mean) / rate
    scan = 2 - 62 + within + 3600
    expected = WEIGHT * 1000 / (DOSE * 2 ** (-scan / HALF_LIFE))
    assert suv_factor(series)[0] == pytest.approx(expected, rel=1e-7)


def test_a_later_reconstruction_of_ge_has_the_start_of_the_scan(tmp_path: Path) -> None:
    def private(ds: Dataset) -> None:
        block = ds.private_block(0x0009, "GEMS_PETD_01", create=True)
        block.add_new(0x0D, "DT", "20200102100000.00")

    series = changed(pet(tmp_path, SeriesTime="150000"), private)
    assert suv_factor(series)[0] == pytest.approx(WEIGHT * 1000 / DECAYED, rel=1e-12)


def changed(series: ImageSeries, change) -> VolumeImage:
    """The series in memory, with another header."""
    header = series.header
    change(header)
    return VolumeImage(series.volume(), header, "pet")


@pytest.mark.parametrize(
    ("offset", "value", "expected"),
    [(0x00, "0.00025", 0.00025), (0x09, "3.5", 3.5 * WEIGHT * 1000 / DECAYED)],
)
def test_counts_have_a_factor_of_philips(
    tmp_path: Path, offset: int, value: str, expected: float
) -> None:
    def private(ds: Dataset) -> None:
        ds.private_block(0x7053, PHILIPS, create=True).add_new(offset, "DS", value)

    series = changed(pet(tmp_path, Units="CNTS"), private)
    assert suv_factor(series)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("drug", "changes", "named"),
    [
        ({}, {"Modality": "CT"}, "Modality CT"),
        ({}, {"Units": ""}, "Units nothing"),
        ({}, {"Units": "PROPCNTS"}, "Units PROPCNTS"),
        ({}, {"Units": "CNTS"}, r"7053,xx00"),
        ({}, {"Units": "GML", "SUVType": "LBM"}, "SUVType LBM"),
        ({}, {"PatientWeight": ""}, "no PatientWeight"),
        ({}, {"PatientWeight": "0"}, "no PatientWeight"),
        ({}, {"CorrectedImage": ["DECY"]}, "ATTN"),
        ({}, {"CorrectedImage": ["ATTN"]}, "without DECY"),
        ({}, {"DecayCorrection": ""}, "DecayCorrection nothing"),
        ({}, {"DecayCorrection": "NONE"}, "2 acquisition times"),
        ({}, {"RadiopharmaceuticalInformationSequence": []}, "0 items"),
        ({"RadionuclideTotalDose": ""}, {}, "RadionuclideTotalDose 0"),
        ({"RadionuclideTotalDose": "374"}, {}, "RadionuclideTotalDose 374;.*becquerels"),
        ({"RadionuclideHalfLife": ""}, {}, "RadionuclideHalfLife"),
        ({"RadionuclideHalfLife": "0.001"}, {}, "RadionuclideHalfLife 0.001; wanted: the seconds"),
        (
            {},
            {"SeriesTime": "150000", "FrameReferenceTime": "1e300", "ActualFrameDuration": "1000"},
            "times that cannot be true",
        ),
        ({"RadiopharmaceuticalStartTime": "noon"}, {}, "RadiopharmaceuticalStartTime"),
        (
            {"RadiopharmaceuticalStartDateTime": "20200103090000"},
            {},
            r"12.6 half-lives\) after SeriesTime",
        ),
        ({}, {"SeriesTime": "150000"}, "SeriesTime 150000 after the first AcquisitionTime 100002"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, drug: dict, changes: dict, named: str) -> None:
    with pytest.raises(ImageError, match=named):
        suv_factor(pet(tmp_path, drug, **changes))


def code(value: str, meaning: str) -> list[Dataset]:
    return [item(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)]


@pytest.mark.parametrize(
    ("drug", "changes", "named"),
    [
        # Weight: grams, tonnes, and what nobody of that age weighs.
        ({}, {"PatientWeight": "70000"}, "PatientWeight 70000; wanted: kilograms, 650"),
        ({}, {"PatientWeight": "3500", "PatientAge": "002D"}, "PatientWeight 3500"),
        ({}, {"PatientWeight": "0.07"}, "RadionuclideTotalDose 3.74e.08 with PatientWeight 0.07"),
        ({}, {"PatientWeight": "8", "PatientAge": "054Y"}, "PatientWeight 8 with PatientAge 054Y"),
        ({}, {"PatientWeight": "70", "PatientAge": "006M"}, "PatientWeight 70 with PatientAge 006"),
        ({}, {"PatientWeight": "9", "PatientBirthDate": "19600101"}, "PatientBirthDate 19600101"),
        # Dose: MBq, kBq, mCi, microcuries.
        ({"RadionuclideTotalDose": "374"}, {}, "RadionuclideTotalDose 374; wanted: becquerels"),
        ({"RadionuclideTotalDose": "374000"}, {}, "374000 with PatientWeight 70"),
        ({"RadionuclideTotalDose": "10.1"}, {}, "RadionuclideTotalDose 10.1"),
        ({"RadionuclideTotalDose": "10100"}, {}, "RadionuclideTotalDose 10100"),
        ({"RadionuclideTotalDose": "3.74E11"}, {}, "RadionuclideTotalDose 3.74e.11"),
        (
            {"RadionuclideTotalDose": "374"},
            {"DecayCorrection": "ADMIN"},
            "RadionuclideTotalDose 374",
        ),
        ({}, {"DecayCorrection": "ADMIN", "PatientWeight": "70000"}, "PatientWeight 70000"),
        # Half-life: minutes, hours, another nuclide's.
        (
            {"RadionuclideHalfLife": "109.77"},
            {},
            "HalfLife 109.77; wanted: the seconds",
        ),
        ({"RadionuclideHalfLife": "1.83"}, {}, "RadionuclideHalfLife 1.83"),
        ({"RadionuclideHalfLife": "20.4"}, {}, "RadionuclideHalfLife 20.4"),
        ({"RadionuclideHalfLife": "6586200"}, {}, "RadionuclideHalfLife 6.5862e.06"),
        (
            {"RadionuclideHalfLife": "122.2", "Radiopharmaceutical": "FDG"},
            {},
            "RadionuclideHalfLife 122.2 of F-18 .Radiopharmaceutical FDG.; wanted: 6586.2 seconds",
        ),
        *(
            ({"RadionuclideHalfLife": HALF_LIFE, **named}, {}, f"6586.2 of {nuclide}")
            for named, nuclide in [
                ({"RadionuclideCodeSequence": code("35337001", "^68^Gallium")}, "Ga-68"),
                ({"RadionuclideCodeSequence": code("C-105A1", "whatever")}, "C-11"),
                ({"RadionuclideCodeSequence": code("1", "^89^Zirconium")}, "Zr-89"),
                ({"RadiopharmaceuticalCodeSequence": code("1", "Ammonia N^13^")}, "N-13"),
                ({"Radiopharmaceutical": "[68Ga]Ga-PSMA-11"}, "Ga-68"),
                ({"Radiopharmaceutical": "Rb82 chloride"}, "Rb-82"),
                ({"Radiopharmaceutical": "C-11 methionine"}, "C-11"),
            ]
        ),
        (
            {
                "RadionuclideCodeSequence": code("35337001", "^68^Gallium"),
                "Radiopharmaceutical": "F-18 FDG",
            },
            {},
            "two radionuclides: Ga-68 .* and F-18",
        ),
        # Elapsed time.
        ({"RadiopharmaceuticalStartTime": "101500"}, {}, "15.0 min .0.1 half-lives. after"),
        ({"RadiopharmaceuticalStartTime": "120000"}, {}, "120.0 min .1.1 half-lives. after"),
        (
            {"RadiopharmaceuticalStartDateTime": "20191231090000"},
            {},
            "2940.0 min .26.8 half-lives. before",
        ),
        (
            {"RadiopharmaceuticalStartDateTime": "20200102101500"}
            | {"RadiopharmaceuticalStartTime": ""},
            {},
            "15.0 min .0.1 half-lives. after",
        ),
        (
            {"RadiopharmaceuticalStartDateTime": "20200102090000"}
            | {"RadiopharmaceuticalStartTime": "093000"},
            {},
            "RadiopharmaceuticalStartDateTime .* 09:00:00 and RadiopharmaceuticalStartTime 093000",
        ),
        # Zones: one that is known and one that is not.
        (
            {"RadiopharmaceuticalStartDateTime": "20200102080000+0000"}
            | {"RadiopharmaceuticalStartTime": ""},
            {},
            "StartDateTime 2020-01-02 08:00:00 .0000, and no TimezoneOffsetFromUTC",
        ),
        ({}, {"AcquisitionDateTime": "20200102100002+0100"}, "and no TimezoneOffsetFromUTC"),
        # Days after the injection, which a time of day does not tell apart.
        *(
            ({"RadionuclideHalfLife": seconds}, {}, "of a day that is not stated")
            for seconds in (282280, 360810, 45724, 53064, 58320)
        ),
    ],
)
def test_what_cannot_be_true_is_not_believed(
    tmp_path: Path, drug: dict, changes: dict, named: str
) -> None:
    with pytest.raises(ImageError, match=named):
        suv_factor(pet(tmp_path, drug, **changes))


@pytest.mark.parametrize("seconds", [5, 15, 45, 120, 300])
@pytest.mark.parametrize("dated", [False, True])
def test_a_dynamic_scan_is_started_before_the_injection(
    tmp_path: Path, seconds: int, dated: bool
) -> None:
    """The dose is that of the start, before any of it was there: more than what was given."""
    clock = f"10{seconds // 60:02}{seconds % 60:02}"
    drug = {"RadiopharmaceuticalStartTime": clock}
    if dated:
        drug["RadiopharmaceuticalStartDateTime"] = f"20200102{clock}"
    factor, how = suv_factor(pet(tmp_path, drug))
    decayed = DOSE * 2 ** (seconds / HALF_LIFE)
    assert factor == pytest.approx(WEIGHT * 1000 / decayed, rel=1e-12)
    assert f"{seconds / 60:.1f} min after SeriesTime" in how


@pytest.mark.parametrize(
    ("drug", "changes"),
    [
        # The injection at 08:00 UTC, the scan at 10:00 in a zone that is an hour ahead.
        ({"RadiopharmaceuticalStartDateTime": "20200102080000+0000"}, {}),
        ({"RadiopharmaceuticalStartDateTime": "20200102023000-0530"}, {}),
        ({"RadiopharmaceuticalStartDateTime": "20200102090000"}, {}),
        ({"RadiopharmaceuticalStartDateTime": "20200102090000+0100"}, {}),
        ({}, {}),
        ({}, {"AcquisitionDateTime": "20200102090002+0000"}),
        (
            {"RadiopharmaceuticalStartDateTime": "20200102080000+0000"},
            {"AcquisitionDateTime": "20200102100002+0100"},
        ),
        # The zone of the others is not stated; the time of day beside the start tells it.
        (
            {"RadiopharmaceuticalStartDateTime": "20200102080000+0000"},
            {"TimezoneOffsetFromUTC": ""},
        ),
        # Across midnight, on one side of it only in UTC.
        (
            {
                "RadiopharmaceuticalStartDateTime": "20200101230000+0000",
                "RadiopharmaceuticalStartTime": "000000",
            },
            {"SeriesTime": "010000", "AcquisitionTime": "010002"},
        ),
        (
            {
                "RadiopharmaceuticalStartDateTime": "20200101223000+0000",
                "RadiopharmaceuticalStartTime": "233000",
            },
            {"SeriesTime": "003000", "AcquisitionTime": "003002"},
        ),
    ],
)
def test_zones_are_honoured(tmp_path: Path, drug: dict, changes: dict) -> None:
    series = pet(tmp_path, drug, **{"TimezoneOffsetFromUTC": "+0100", **changes})
    assert suv_factor(series)[0] == pytest.approx(WEIGHT * 1000 / DECAYED, rel=1e-12)


def test_the_start_of_the_scan_is_told_across_zones(tmp_path: Path) -> None:
    """Series Time 10:00 in UTC+1 is later than an acquisition at 08:59:59 UTC."""
    series = pet(tmp_path, TimezoneOffsetFromUTC="+0100", AcquisitionDateTime="20200102085959+0000")
    with pytest.raises(ImageError, match=r"SeriesTime 100000\.00 after the first"):
        suv_factor(series)


@pytest.mark.parametrize(
    ("drug", "changes"),
    [
        ({"RadionuclideHalfLife": "6600"}, {}),
        ({"Radiopharmaceutical": "FDG -- fluorodeoxyglucose"}, {}),
        ({"RadionuclideCodeSequence": code("77004003", "^18^Fluorine")}, {}),
        ({"RadionuclideCodeSequence": code("C-111A1", "^18^Fluorine")}, {}),
        ({"Radiopharmaceutical": "F18-PSMA-1007"}, {}),
        ({"Radiopharmaceutical": "Solution"}, {}),
        ({"RadionuclideHalfLife": "1221.8", "Radiopharmaceutical": "C11 choline"}, {}),
        ({"RadionuclideHalfLife": "4080"}, {}),
        (
            {
                "RadionuclideHalfLife": "282280",
                "RadionuclideTotalDose": "37000000",
                "RadiopharmaceuticalStartDateTime": "20191227100000",
                "RadiopharmaceuticalStartTime": "",
            },
            {},
        ),
        ({}, {"PatientAge": "054Y"}),
        ({}, {"PatientWeight": "3.4", "PatientAge": "002D"}),
        ({}, {"PatientWeight": "180", "PatientAge": "016Y"}),
        ({}, {"PatientAge": "999Y"}),
        (
            {"RadionuclideTotalDose": "8E6"},
            {"PatientWeight": "0.025", "PatientSpeciesDescription": "Mus musculus"},
        ),
        (
            {"RadionuclideTotalDose": "8E6"},
            {"PatientWeight": "0.3", "PatientAge": "020Y", "PatientSpeciesDescription": "rat"},
        ),
    ],
)
def test_what_can_be_true_is_believed(tmp_path: Path, drug: dict, changes: dict) -> None:
    given = {"RadionuclideTotalDose": DOSE, "RadionuclideHalfLife": HALF_LIFE, **drug}
    weight = float(changes.get("PatientWeight", WEIGHT))
    dose, half_life = (float(given[k]) for k in ("RadionuclideTotalDose", "RadionuclideHalfLife"))
    seconds = 6 * 86400 if "RadiopharmaceuticalStartDateTime" in drug else 3600
    if weight == 3.4:  # a newborn's share
        given["RadionuclideTotalDose"] = dose = DOSE / 20
    factor, _ = suv_factor(pet(tmp_path, given, **changes))
    assert factor == pytest.approx(weight * 1000 / (dose * 2 ** (-seconds / half_life)), rel=1e-9)


def test_the_step_makes_suv_of_the_image(tmp_path: Path) -> None:
    """Label 1 where the uptake is above 2.5."""
    model = model_of(
        tmp_path,
        sums([[0], [1]], spatial=3),
        applies_to={"modalities": ["PT"]},
        input={"intensity": [{"step": "suv_bw"}, {"step": "scale_offset", "offset": -2.5}]},
    )
    result = run(pet(tmp_path / "pet"), model)
    slopes = 0.5 * np.arange(1, 5)[:, None, None]
    suv = VOXELS * slopes * WEIGHT * 1000 / DECAYED
    assert result.segmentation is not None
    np.testing.assert_array_equal(result.segmentation.array, suv > 2.5)
    assert 0.1 < (suv > 2.5).mean() < 0.9
    said = (
        "SUV by body weight: PatientWeight 70 kg, RadionuclideTotalDose 374 MBq, "
        "RadiopharmaceuticalStartTime 2020-01-02 09:00:00, 60.0 min before SeriesTime "
    )
    assert any(note.startswith(said) for note in result.notes)


def test_the_step_needs_its_factor_first() -> None:
    with pytest.raises(ValueError, match="in_suv"):
        apply_steps(np.zeros((1, 2, 2), np.float32), [SuvBw()])
