"""A part is not taken for the whole in silence, and what is left out is said as what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.series import Stack, enhanced, save
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from IODeepLib.errors import ImageError
from IODeepLib.series import ImageSeries, find_series

TEN = np.arange(10 * 6 * 7, dtype=np.int16).reshape(10, 6, 7)


def without(folder: Path, gone: list[int], **common: Any) -> ImageSeries:
    """The series of ten slices but for those."""
    Stack(TEN, common=common).write(folder)
    for i in gone:
        (folder / f"{i:03}.dcm").unlink()
    (series,) = find_series(folder)
    return series


@pytest.mark.parametrize(
    ("gone", "common", "said"),
    [
        ([0, 1, 2], {}, ["instance numbers begin with 4 (InstanceNumber)"]),
        ([8, 9], {"ImagesInAcquisition": 10}, ["8 of 10 images (ImagesInAcquisition)"]),
        ([9], {"NumberOfSeriesRelatedInstances": 10}, ["9 of 10 instances (NumberOf"]),
        ([9], {"NumberOfSlices": 10}, ["9 of 10 slices (NumberOfSlices)"]),
        (
            [4],
            {},
            ["1 missing slice: gap after slice 4 of 9", "1 instance number between 1 and 10 is"],
        ),
        (
            [3, 4],
            {},
            ["2 missing slices: gaps", "2 instance numbers between 1 and 10 are not here: 4 to 5"],
        ),
        (
            [0, 9],
            {"ImagesInAcquisition": 10},
            ["8 of 10 images (ImagesInAcquisition)", "instance numbers begin with 2"],
        ),
        ([9], {"ImagesInAcquisition": 9}, []),
        ([9], {"ImagesInAcquisition": "7"}, []),
        ([], {"ImagesInAcquisition": 10, "NumberOfSlices": 10}, []),
    ],
)
def test_what_the_images_say_of_others(
    tmp_path: Path, gone: list[int], common: dict, said: list[str]
) -> None:
    series = without(tmp_path, gone, **common)
    assert len(series.problems) == len(said)
    for words, problem in zip(said, series.problems, strict=True):
        assert problem.startswith(words)
    assert series.volume().array.shape[1:] == (6, 7)


def test_instance_numbers_that_begin_with_0(tmp_path: Path) -> None:
    def change(i: int, ds: Dataset) -> None:
        ds.InstanceNumber = i

    (series,) = find_series(Stack().write(tmp_path, change))
    assert series.problems == ()


@pytest.mark.parametrize(("in_second", "said"), [(5, False), (3, True)])
def test_images_counted_by_acquisition(tmp_path: Path, in_second: int, said: bool) -> None:
    stack = Stack(TEN, common={"ImagesInAcquisition": 5})

    def change(i: int, ds: Dataset) -> None:
        ds.AcquisitionNumber = i // 5 + 1

    stack.write(tmp_path, change)
    for i in range(5 + in_second, 10):
        (tmp_path / f"{i:03}.dcm").unlink()
    (series,) = find_series(tmp_path)
    assert ("3 of 5 images in acquisition 2 (ImagesInAcquisition)" in series.problems) == said


def test_time_points(tmp_path: Path) -> None:
    stack = Stack(common={"NumberOfTemporalPositions": 3})
    for n in range(2):
        for i, ds in enumerate(stack.images(TemporalPositionIdentifier=n + 1)):
            ds.InstanceNumber = 5 * n + i + 1
            save(ds, tmp_path / f"{n}_{i}.dcm")
    for series in find_series(tmp_path):
        assert series.problems == ("2 of 3 time points (NumberOfTemporalPositions)",)


def test_parts_of_one_multi_frame_image(tmp_path: Path) -> None:
    stack, uid = Stack(TEN), generate_uid()
    for n, slices in enumerate((range(5), range(5, 10))):
        ds = enhanced(stack, slices)
        ds.StudyInstanceUID, ds.InstanceNumber = stack.study, n + 1
        ds.ConcatenationUID, ds.InConcatenationNumber = uid, n + 1
        ds.InConcatenationTotalNumber = 2
        save(ds, tmp_path / f"{n}.dcm")
    (series,) = find_series(tmp_path)
    assert series.problems == ()
    (tmp_path / "1.dcm").unlink()
    (series,) = find_series(tmp_path)
    assert series.problems == ("1 of 2 parts of a multi-frame image (InConcatenationTotalNumber)",)


# --- what is left out -----------------------------------------------------------------------

OTHERS = [
    ({"Rows": 3, "Columns": 14}, "3 x 14 pixels, not 6 x 7 (Rows, Columns)"),
    ({"FrameOfReferenceUID": "1.2.3"}, "another frame of reference (FrameOfReferenceUID)"),
    ({"FrameOfReferenceUID": ""}, "another frame of reference (FrameOfReferenceUID)"),
    ({"PixelSpacing": ["0.9", "0.7"]}, "pixels of 0.9 x 0.7 mm, not 0.8 x 0.7 mm (PixelSpacing)"),
    (
        {"PhotometricInterpretation": "MONOCHROME1"},
        "MONOCHROME1, not MONOCHROME2 (PhotometricInterpretation)",
    ),
    ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localizer (ImageType)"),
]
UNPLACED = [
    ({"ImagePositionPatient": None}, "without ImagePositionPatient"),
    ({"ImageOrientationPatient": None}, "without ImageOrientationPatient"),
    ({"PixelSpacing": None}, "without PixelSpacing"),
    (
        {"ImagePositionPatient": ["1", "2", "3", "4"]},
        "ImagePositionPatient 1\\2\\3\\4, which cannot be",
    ),
    ({"PixelSpacing": ["0.8", "-0.7"]}, "PixelSpacing 0.8\\-0.7, which cannot be"),
]


def with_one_other(folder: Path, i: int, other: dict) -> ImageSeries:
    """The volume of ten slices, of which one is different."""

    def change(n: int, ds: Dataset) -> None:
        if n == i:
            for keyword, value in other.items():
                setattr(ds, keyword, value)

    found = find_series(Stack(TEN).write(folder, change))
    volume, other_one = sorted(found, key=lambda series: -len(series.frames))
    assert (len(volume.frames), len(other_one.frames)) == (9, 1)
    return volume


@pytest.mark.parametrize(("other", "why"), [*OTHERS, *UNPLACED])
def test_an_image_at_the_end_that_is_left_out(tmp_path: Path, other: dict, why: str) -> None:
    series = with_one_other(tmp_path, 9, other)
    assert series.problems == (f"1 image of its series is not in this volume: {why}",)
    np.testing.assert_array_equal(series.volume().array, TEN[:9])


@pytest.mark.parametrize(("other", "why"), OTHERS)
def test_a_slice_that_was_left_out_is_not_missing(tmp_path: Path, other: dict, why: str) -> None:
    series = with_one_other(tmp_path, 4, other)
    assert series.correction.startswith(f"1 slice left out, {why}: gap after slice 4 of 9 ")
    assert "missing" not in series.correction
    assert series.problems[1] == f"1 image of its series is not in this volume: {why}"


@pytest.mark.parametrize(("other", "why"), UNPLACED)
def test_a_slice_of_unknown_place_may_be_the_missing_one(
    tmp_path: Path, other: dict, why: str
) -> None:
    series = with_one_other(tmp_path, 4, other)
    located = "Pixel" in why
    words = f"1 slice left out, {why}" if located else "1 missing slice, or among the images left"
    if "Orientation" not in why:
        assert series.correction.startswith(words)
    assert series.problems[1] == f"1 image of its series is not in this volume: {why}"


def test_one_left_out_and_one_missing(tmp_path: Path) -> None:
    def change(n: int, ds: Dataset) -> None:
        if n == 4:
            ds.Rows, ds.Columns = 3, 14

    Stack(TEN).write(tmp_path, change)
    (tmp_path / "007.dcm").unlink()
    series = max(find_series(tmp_path), key=lambda s: len(s.frames))
    assert series.correction.startswith(
        "1 slice left out, 3 x 14 pixels, not 6 x 7 (Rows, Columns) and 1 missing slice: "
        "gaps after slice 4, 6 of 8"
    )


def test_echoes_leave_nothing_out(tmp_path: Path) -> None:
    stack = Stack(TEN)
    for n in range(2):
        for i, ds in enumerate(stack.images(EchoTime=n + 1.0)):
            ds.InstanceNumber = 10 * n + i + 1
            save(ds, tmp_path / f"{n}_{i}.dcm")
    first, second = find_series(tmp_path)
    assert first.problems == second.problems == ()


@pytest.mark.parametrize("keep", [200, 400, 700, -10])
def test_a_damaged_slice_is_not_called_missing_alone(tmp_path: Path, keep: int) -> None:
    Stack(TEN).write(tmp_path)
    path = tmp_path / "004.dcm"
    path.write_bytes(path.read_bytes()[:keep])
    for series in find_series(tmp_path):
        assert "damaged files: " in series.problems[0] and "004.dcm" in series.problems[0]
        assert not any(p.startswith("1 missing slice:") for p in series.problems)
        with pytest.raises(ImageError, match=r"004\.dcm"):
            series.volume()


def test_a_damaged_file_between_several_series(tmp_path: Path) -> None:
    for _ in range(2):
        for n, ds in enumerate(Stack().images()):
            save(ds, tmp_path / f"{ds.SeriesInstanceUID}.{n}.dcm")
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM")
    for series in find_series(tmp_path):
        assert series.problems[0].startswith("a damaged file may be of this series, ")
        assert "broken.dcm" in series.problems[0]


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
@pytest.mark.parametrize("value", [None, 0])
def test_an_image_without_size_is_damaged(tmp_path: Path, keyword: str, value: int | None) -> None:
    Stack(TEN).write(tmp_path)
    path = tmp_path / "004.dcm"
    ds = dcmread(path)
    setattr(ds, keyword, value)
    ds.save_as(path)
    (series,) = find_series(tmp_path)
    with pytest.raises(ImageError, match=rf"004\.dcm: damaged: .*{keyword}"):
        series.volume()
