"""Images of two patients, or of two studies, in one series are refused; what differs is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from makers.series import Stack, save
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.series import ImageSeries, find_series


def series_with(folder: Path, slices: list[int], common: dict, other: dict) -> list[ImageSeries]:
    """A series whose `slices` have the attributes `other`."""

    def change(i: int, ds: Dataset) -> None:
        for keyword, value in (other if i in slices else common).items():
            setattr(ds, keyword, value)

    return find_series(Stack().write(folder, change))


@pytest.mark.parametrize("slices", [[0], [4], [1, 2], [3, 4]])
@pytest.mark.parametrize(
    ("keyword", "one", "other"),
    [
        ("PatientID", "1", "2"),
        ("PatientID", "007", "7"),
        ("PatientID", "1", ""),
        ("PatientID", "", "1"),
        ("PatientName", "Doe^Jane", "Doe^John"),
        ("PatientName", "Doe^Jane", "Roe^Jane"),
        ("PatientName", "Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^花子"),
        ("PatientBirthDate", "19700101", "19700102"),
        ("IssuerOfPatientID", "Hospital A", "Hospital B"),
        ("StudyInstanceUID", "1.2.3", "1.2.4"),
        ("StudyInstanceUID", "1.2.3", ""),
    ],
)
def test_two_patients_in_one_series(
    tmp_path: Path, slices: list[int], keyword: str, one: str, other: str
) -> None:
    charset = {"SpecificCharacterSet": "ISO_IR 192"}
    for series in series_with(
        tmp_path, slices, {keyword: one, **charset}, {keyword: other, **charset}
    ):
        with pytest.raises(ImageError, match="in one series") as caught:
            series.volume()
        said = caught.value.found
        for value in (one, other):
            assert f"{keyword} {value!r} in" in said if value else f"{keyword} nothing in" in said
        assert series.refusal == series.problems[0] and series.refusal in said


@pytest.mark.parametrize(
    ("keyword", "one", "other"),
    [
        ("PatientName", "Doe^Jane", "DOE^JANE"),
        ("PatientName", "Doe^Jane", "Doe^Jane^^^"),
        ("PatientName", "Doe^Jane", "Doe^Jane "),
        ("PatientName", "Doe^Jane Ann", "Doe^Jane  Ann"),
        ("PatientName", "Yamada^Tarou", "Yamada^Tarou=山田^太郎"),
        ("PatientName", "", "^^^^"),
        ("PatientID", "1", "1 "),
        ("PatientBirthDate", "19700101", "1970.01.01"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_what_is_only_written_differently(
    tmp_path: Path, keyword: str, one: str, other: str
) -> None:
    charset = {"SpecificCharacterSet": "ISO_IR 192"}
    (series,) = series_with(
        tmp_path, [1, 2], {keyword: one, **charset}, {keyword: other, **charset}
    )
    assert series.problems == () and series.volume().array.shape == (5, 6, 7)


@pytest.mark.parametrize("keyword", ["PatientName", "PatientBirthDate", "IssuerOfPatientID"])
def test_what_some_images_lack_is_said(tmp_path: Path, keyword: str) -> None:
    (series,) = series_with(tmp_path, [1, 2], {keyword: "19700101"}, {keyword: ""})
    assert series.problems == (f"{keyword} is missing in 2 of 5 images",)


def test_a_copy_with_the_name_of_another_patient_is_no_copy(tmp_path: Path) -> None:
    Stack().write(tmp_path)
    shutil.copy(tmp_path / "002.dcm", tmp_path / "z.dcm")
    ds = dcmread(tmp_path / "z.dcm")
    ds.PatientID = "2"
    save(ds, tmp_path / "z.dcm")
    (series,) = find_series(tmp_path)
    assert series.refusal and "images of two patients" in series.refusal


def test_names_from_elsewhere_are_shown_printable(tmp_path: Path) -> None:
    evil: dict[str, Any] = {"PatientID": "2\x1b[31m"}
    (series,) = series_with(tmp_path, [4], {}, evil)
    assert series.refusal and "\x1b" not in series.refusal and "2\ufffd[31m" in series.refusal
