"""What makes real values of the stored ones, and what they count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.series import Stack, enhanced, item, save
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)

from IODeepLib.errors import ImageError
from IODeepLib.series import ImageSeries, Unit, VolumeImage, find_series

VOXELS = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
CT = {"SOPClassUID": CTImageStorage, "Modality": "CT"}
RESCALED = {"RescaleSlope": 1, "RescaleIntercept": -1024}


def mapping(unit: str = "1", **attributes: Any) -> Dataset:
    """An item of a Real World Value Mapping Sequence."""
    first, last = (attributes.pop(key, None) for key in ("first", "last"))
    made = item(**attributes)
    made.MeasurementUnitsCodeSequence = [
        item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)
    ]
    for keyword, value in (
        ("RealWorldValueFirstValueMapped", first),
        ("RealWorldValueLastValueMapped", last),
    ):
        if value is not None:
            made.add_new(keyword, "SS" if value < 0 else "US", value)
    return made


def linear(slope: float, intercept: float = 0.0, **more: Any) -> Dataset:
    return mapping(RealWorldValueSlope=slope, RealWorldValueIntercept=intercept, **more)


def read(folder: Path, voxels: np.ndarray = VOXELS, **common: Any) -> ImageSeries:
    (series,) = find_series(Stack(voxels, common=common).write(folder))
    return series


@pytest.mark.parametrize(
    ("common", "name", "attribute", "stated"),
    [
        (CT | RESCALED | {"RescaleType": "HU"}, "HU", "RescaleType", True),
        (CT | RESCALED | {"RescaleType": "Hounsfield"}, "HU", "RescaleType", True),
        (CT | RESCALED | {"RescaleType": "US"}, "US", "RescaleType", True),
        (CT | RESCALED | {"RescaleType": "HU_MOD"}, "HU_MOD", "RescaleType", True),
        (CT | RESCALED | {"RescaleType": "Z_EFF"}, "Z_EFF", "RescaleType", True),
        # PS3.3 table C.8-3: required of all but Hounsfield units.
        (CT | RESCALED, "HU", "RescaleType", False),
        (CT | RESCALED | {"RescaleType": ""}, "HU", "RescaleType", False),
        (
            CT | RESCALED | {"SOPClassUID": EnhancedCTImageStorage},
            "HU",
            "RescaleType",
            False,
        ),
        (
            CT | RESCALED | {"SOPClassUID": LegacyConvertedEnhancedCTImageStorage},
            "HU",
            "RescaleType",
            False,
        ),
        (CT | RESCALED | {"MultienergyCTAcquisition": "YES"}, "", "RescaleType", True),
        (CT | RESCALED | {"SOPClassUID": SecondaryCaptureImageStorage}, "", "RescaleType", True),
        (CT, "", "RescaleSlope", True),
        (
            CT | {"RealWorldValueMappingSequence": [linear(1, -1024, unit="[hnsf'U]")]},
            "HU",
            "MeasurementUnitsCodeSequence",
            True,
        ),
        ({"SOPClassUID": MRImageStorage}, "", "RescaleSlope", True),
        (
            {"RealWorldValueMappingSequence": [linear(0.5, unit="um2/s")]},
            "um2/s",
            "MeasurementUnitsCodeSequence",
            True,
        ),
        (
            {
                "SOPClassUID": PositronEmissionTomographyImageStorage,
                "Modality": "PT",
                "Units": "BQML",
                **RESCALED,
            },
            "BQML",
            "Units",
            True,
        ),
    ],
)
def test_the_unit_and_where_it_was_read(
    common: dict[str, Any], name: str, attribute: str, stated: bool, tmp_path: Path
) -> None:
    series = read(tmp_path, **common)
    assert series.units == (Unit(name, attribute, stated),)
    # The same of an image that a viewer holds.
    assert VolumeImage(series.volume(), series.header, "shown").units == series.units


def test_the_unit_of_a_lookup_table(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [120, 0, 16], "OD"
    table.add_new("LUTData", "US", list(range(0, 1200, 10)))
    series = read(tmp_path, VOXELS.astype(np.uint16), ModalityLUTSequence=[table])
    assert series.units == (Unit("OD", "ModalityLUTType"),)
    np.testing.assert_array_equal(series.volume().array, VOXELS * 10)


def test_frames_in_several_units_are_said(tmp_path: Path) -> None:
    def change(i: int, ds: Dataset) -> None:
        ds.RescaleType = ["HU", "US"][i == 2]

    (series,) = find_series(Stack(common=CT | RESCALED).write(tmp_path, change))
    assert [unit.name for unit in series.units] == ["HU", "US"]
    assert "its slices do not all count the same: HU (RescaleType), US (RescaleType)" in (
        series.problems
    )


@pytest.mark.parametrize("slopes", [[2.0, 2.0, 2.0, 2.0], [0.25, 0.5, 1.0, 2.0]])
def test_each_frame_has_its_real_world_values(slopes: list[float], tmp_path: Path) -> None:
    stack = Stack(VOXELS)
    made = enhanced(stack, [3, 1, 0, 2])
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence):
        frame.RealWorldValueMappingSequence = [linear(slopes[number], -3.0, first=0, last=32767)]
    save(made, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    wanted = [
        VOXELS[i] * slopes[number] - 3.0 for i, number in zip(range(4), [2, 1, 3, 0], strict=True)
    ]
    np.testing.assert_allclose(series.volume().array, wanted)
    assert series.volume().padding is None


def test_a_rescaling_goes_before_real_world_values(tmp_path: Path) -> None:
    both = {"RealWorldValueMappingSequence": [linear(7.0)], "RescaleSlope": 2}
    np.testing.assert_array_equal(read(tmp_path, **both).volume().array, VOXELS * 2)


def test_several_items_map_a_part_of_the_values_each(tmp_path: Path) -> None:
    table = mapping(first=50, last=59, RealWorldValueLUTData=[float(v) for v in range(900, 910)])
    pieces = [linear(1.0, 0.0, first=0, last=49), table, linear(10.0, 1.0, first=60, last=119)]
    array = read(tmp_path, RealWorldValueMappingSequence=pieces).volume().array
    wanted = np.select([VOXELS < 50, VOXELS < 60], [VOXELS, VOXELS + 850.0], VOXELS * 10.0 + 1)
    np.testing.assert_array_equal(array, wanted)


def test_values_in_two_units_are_those_in_the_first(tmp_path: Path) -> None:
    pieces = [linear(2.0, unit="ms"), linear(0.002, unit="s")]
    series = read(tmp_path, RealWorldValueMappingSequence=pieces)
    np.testing.assert_array_equal(series.volume().array, VOXELS * 2)
    assert "its values are those in ms; it has them in s, too" in series.problems


def test_what_no_item_maps_has_no_value(tmp_path: Path) -> None:
    series = read(tmp_path, RealWorldValueMappingSequence=[linear(1.0, -40, first=30, last=119)])
    volume = series.volume()
    np.testing.assert_array_equal(volume.padding, VOXELS < 30)
    np.testing.assert_array_equal(volume.array, np.where(VOXELS < 30, -10, VOXELS - 40))


@pytest.mark.parametrize(
    ("pixels", "first", "last"),
    [(np.int16, -32768, 32767), (np.uint16, 0, 65535), (np.uint16, -32768, 32767)],
)
def test_ends_in_the_other_representation(
    pixels: type, first: int, last: int, tmp_path: Path
) -> None:
    pieces = [linear(3.0, first=first, last=last)]
    series = read(tmp_path, VOXELS.astype(pixels), RealWorldValueMappingSequence=pieces)
    np.testing.assert_array_equal(series.volume().array, VOXELS * 3)


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (linear(0.0), "RealWorldValueSlope 0"),
        (linear(float("nan")), "RealWorldValueSlope nan"),
        (linear(float("inf")), "RealWorldValueSlope inf"),
        (
            mapping(first=0, last=119, RealWorldValueLUTData=[1.0, 2.0]),
            r"RealWorldValueLUTData 1.0\2.0 in 4 of 4",
        ),
        (
            mapping(first=0, last=1, RealWorldValueLUTData=[1.0, float("nan")]),
            r"RealWorldValueLUTData 1.0\nan in 4 of 4",
        ),
    ],
)
def test_mappings_that_cannot_be(piece: Dataset, said: str, tmp_path: Path) -> None:
    series = read(tmp_path, RealWorldValueMappingSequence=[piece])
    assert said in series.problems[0]
    with pytest.raises(ImageError, match=re.escape(said)):
        series.volume()
