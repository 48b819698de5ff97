"""SUV by body weight, held against the pseudo-code of QIBA worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.series import Stack, item
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

from IODeepLib.errors import ImageError
from IODeepLib.intensity import apply_steps
from IODeepLib.pipeline import run
from IODeepLib.recipe import SuvBw
from IODeepLib.series import ImageSeries, VolumeImage, find_series
from IODeepLib.suv import suv_factor

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value:UserWarning:pydicom")

HALF_LIFE = 6586.2  # seconds, fluorine 18
DOSE, WEIGHT = 374e6, 70.0
DECAYED = DOSE * 2 ** (-3600 / HALF_LIFE)  # an hour after the injection
VOXELS = np.random.default_rng(5).integers(0, 30000, (4, 8, 9)).astype(np.uint16)


def pet(folder: Path, drug: dict[str, Any] | None = None, **changes: Any) -> ImageSeries:
    """Slices that were acquired from 10:00 on; injected at 9:00, slopes that differ."""
    given = {
        "RadionuclideTotalDose": DOSE,
        "RadionuclideHalfLife": HALF_LIFE,
        "RadiopharmaceuticalStartTime": "090000.00",
        **(drug or {}),
    }
    common = {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "Modality": "PT",
        "Units": "BQML",
        "CorrectedImage": ["NORM", "ATTN", "DECY"],
        "DecayCorrection": "START",
        "PatientWeight": WEIGHT,
        "SeriesDate": "20200102",
        "SeriesTime": "100000.00",
        "AcquisitionDate": "20200102",
        "AcquisitionTime": "100002",
        "RadiopharmaceuticalInformationSequence": [item(**given)],
        **changes,
    }

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
        assert "70 kg, 374 MBq" in how


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
        ({"RadionuclideHalfLife": "0.001"}, {}, "RadionuclideHalfLife .*cannot be true"),
        (
            {},
            {"SeriesTime": "150000", "FrameReferenceTime": "1e300", "ActualFrameDuration": "1000"},
            "times that cannot be true",
        ),
        ({"RadiopharmaceuticalStartTime": "noon"}, {}, "RadiopharmaceuticalStartTime"),
        ({"RadiopharmaceuticalStartDateTime": "20200103090000"}, {}, "after the scan"),
        ({}, {"SeriesTime": "150000"}, "SeriesTime 150000 after the first AcquisitionTime 100002"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, drug: dict, changes: dict, named: str) -> None:
    with pytest.raises(ImageError, match=named):
        suv_factor(pet(tmp_path, drug, **changes))


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
    said = "SUV by body weight: 70 kg, 374 MBq injected 09:00:00, 60.0 min before the scan"
    assert any(note.startswith(said) for note in result.notes)


def test_the_step_needs_its_factor_first() -> None:
    with pytest.raises(ValueError, match="in_suv"):
        apply_steps(np.zeros((1, 2, 2), np.float32), [SuvBw()])
