"""Image series made to measure: found, sorted, split, refused."""

from __future__ import annotations

import logging
import random
import re
import shutil
import warnings

import numpy as np
import pytest
from makers.series import Stack, enhanced, image, put, save
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage, generate_uid
from scipy.spatial.transform import Rotation

from IODeepLib.errors import CancelledError, ImageError
from IODeepLib.series import find_series


def turned(*degrees: float) -> np.ndarray:
    """(2, 3) directions of a row and a column of an axial image that was turned."""
    return Rotation.from_euler("xyz", degrees, degrees=True).as_matrix().T[:2]


ORIENTATIONS = {
    "axial": np.eye(3)[:2],
    "axial, from above": np.array([[1, 0, 0], [0, -1, 0]]),
    "feet first prone": np.array([[-1, 0, 0], [0, 1, 0]]),
    "coronal": np.array([[1, 0, 0], [0, 0, -1]]),
    "sagittal": np.array([[0, 1, 0], [0, 0, -1]]),
    "oblique": turned(20, -30, 40),
    "nearly axial": turned(0.3, 0.2, -0.1),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("multiframe", [False, True])
def test_slices_are_sorted_and_lie_where_they_belong(tmp_path, name, multiframe):
    stack = Stack(directions=ORIENTATIONS[name])
    order = [3, 0, 4, 2, 1]
    if multiframe:
        save(enhanced(stack, order), tmp_path / "one.dcm")
    else:
        for file_number, i in enumerate(order):
            save(stack.image(i), tmp_path / f"{file_number}.dcm")
    (series,) = find_series(tmp_path)
    volume = series.volume()
    np.testing.assert_array_equal(volume.array, stack.voxels)
    np.testing.assert_allclose(volume.grid.affine, stack.affine, atol=1e-6)
    assert volume.grid.frame_of_reference == stack.frame
    assert series.split_by == "" and series.problems == () and series.has_patient_geometry
    assert [f.number for f in series.frames] == ([2, 5, 4, 1, 3] if multiframe else [1] * 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"PatientPosition": "FFP"},
        {"PatientPosition": ""},
        {"BodyPartExamined": "LEFT EAR OF A CAT"},
        {"SliceLocation": 17.0, "SliceThickness": "", "SpacingBetweenSlices": -2.5},
        {"InstanceNumber": 1},
    ],
    ids=lambda wrong: ",".join(wrong),
)
@pytest.mark.filterwarnings("ignore:::pydicom")
def test_where_slices_lie_is_taken_from_their_positions_alone(tmp_path, wrong):
    stack = Stack(directions=ORIENTATIONS["oblique"], common=wrong)
    (series,) = find_series(stack.write(tmp_path))
    volume = series.volume()
    np.testing.assert_array_equal(volume.array, stack.voxels)
    np.testing.assert_allclose(volume.grid.affine, stack.affine, atol=1e-6)


def test_what_a_series_says_of_itself(tmp_path):
    stack = Stack()
    (series,) = find_series(stack.write(tmp_path))
    assert series.label == "7 'made' (MR, 5 slices)"
    assert series.series_instance_uid == stack.series
    assert series.study_instance_uid == stack.study
    assert series.files == tuple(sorted(tmp_path.iterdir()))
    assert series.header.PatientName == "Doe^Jane"  # which is not kept for every slice
    assert "PixelData" not in series.header
    assert len(set(series.sop_instance_uids)) == 5
    assert (series.modality, series.description) == ("MR", "made")


def test_the_header_of_a_file_that_is_gone(tmp_path):
    (series,) = find_series(Stack().write(tmp_path))
    for path in series.files:
        path.unlink()
    assert series.header.Modality == "MR"
    with pytest.raises(ImageError, match=r"000\.dcm"):
        series.volume()


def test_a_list_of_files_is_a_series_too(tmp_path):
    stack = Stack()
    files = sorted(stack.write(tmp_path).iterdir())
    random.Random(3).shuffle(files)
    (series,) = find_series(files)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    (single,) = find_series(str(files[0]))
    assert single.grid.shape == (1, 6, 7)
    assert single.grid.spacing[0] == 2.5 and "SliceThickness" in single.problems[0]


def refusal(folder, match: str):
    (series,) = find_series(folder)
    assert series.problems
    with pytest.raises(ImageError, match=match) as caught:
        series.volume()
    assert series.label in caught.value.found
    return series


def test_slices_in_one_place_that_differ_are_refused(tmp_path):
    stack = Stack()
    stack.write(tmp_path)
    save(stack.image(2, PixelData=stack.voxels[3].tobytes()), tmp_path / "again.dcm")
    series = refusal(tmp_path, r"1 of 6 slices in the place of another.* 0 to 2.5 mm")
    assert series.grid.shape == (6, 6, 7)


def test_the_same_image_under_two_names_counts_once(tmp_path):
    stack = Stack()
    stack.write(tmp_path)
    for i in (2, 4):
        save(stack.image(i, InstanceNumber=i + 100), tmp_path / f"again{i}.dcm")
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    said = "2 images that repeat another one, voxel for voxel, are left out"
    assert series.problems == (said,)
    assert [path.name for path in series.files] == [f"00{i}.dcm" for i in range(5)]


def test_copies_of_the_same_instance_count_once(tmp_path):
    stack = Stack()
    stack.write(tmp_path)
    shutil.copy(tmp_path / "002.dcm", tmp_path / "z.dcm")
    # Of two copies the intact one counts.
    whole = (tmp_path / "003.dcm").read_bytes()
    (tmp_path / "y.dcm").write_bytes(whole)
    (tmp_path / "003.dcm").write_bytes(whole[:-20])
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    assert series.problems == ("2 copies of its files are left out",)


def test_different_images_under_one_uid_all_count(tmp_path):
    uid = generate_uid()
    stack = Stack(common={"SOPInstanceUID": uid})
    (series,) = find_series(stack.write(tmp_path))
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    assert series.problems == ("1 SOP Instance UID is used by several different images",)


def corrected(folder, match: str):
    (series,) = find_series(folder)
    assert re.search(match, series.geometry.correction)
    assert series.problems[0] == series.geometry.correction and series.geometry_fault is None
    return series


@pytest.mark.parametrize("lost", [2, 3])
def test_a_gap_is_bridged_or_refused_with_the_figures(tmp_path, lost):
    Stack(voxels=np.zeros((12, 4, 4), np.int16)).write(tmp_path)
    for i in range(3, 3 + lost):
        (tmp_path / f"{i:03}.dcm").unlink()
    figures = rf"{lost} missing slices: gaps after slice 3 of {12 - lost} .* 2.5 to "
    series = corrected(tmp_path, figures) if lost == 2 else refusal(tmp_path, figures)
    assert series.geometry.missing == lost
    assert series.grid.spacing[0] == pytest.approx(2.5)
    assert series.grid.shape[0] == (12 if lost == 2 else 9)


@pytest.mark.parametrize(
    ("step", "shift", "said"),
    [
        (5.0, 0.25, ""),
        (5.0, 0.4, "4.6 to 5.4 mm apart, median 5 mm"),
        (1.0, 0.1, ""),
        (1.0, 0.15, "0.85 to 1.15 mm apart, median 1 mm"),
        (0.1, 0.02, ""),
        (0.1, 0.04, "0.06 to 0.14 mm apart, median 0.1 mm"),
    ],
)
def test_uneven_slices_are_corrected_beyond_a_twentieth(tmp_path, step, shift, said):
    """And beyond the rounding of positions to a tenth of a millimeter."""
    stack = Stack(spacing=(step, 1.0, 1.0), origin=(0, 0, 0))

    def change(i: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [0, 0, f"{i * step + shift * (i == 2):.4f}"]

    stack.write(tmp_path, change)
    if said:
        corrected(tmp_path, rf"unevenly spaced slices .* {said}")
    else:
        (series,) = find_series(tmp_path)
        np.testing.assert_array_equal(series.volume().array, stack.voxels)


def test_two_slice_distances_in_one_scan_are_no_missing_slices(tmp_path):
    """A head scanned finely at the base and coarsely above."""
    places = [0, 2.5, 5, 7.5, 10, 15, 20, 25]

    def change(i: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [0, 0, places[i]]

    Stack(voxels=np.zeros((8, 4, 4), np.int16)).write(tmp_path, change)
    series = corrected(tmp_path, "unevenly spaced slices")
    assert series.geometry.missing == 0 and series.grid.shape[0] == 11


@pytest.mark.parametrize("degrees", [-12.0, 18.5, 50.0])
def test_a_gantry_tilt_is_corrected_or_refused_with_its_angle(tmp_path, degrees):
    def change(i: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [0, i * 2.5 * np.tan(np.radians(degrees)), i * 2.5]

    Stack().write(tmp_path, change)
    figures = rf"a tilt of {abs(degrees)} degrees"
    series = refusal(tmp_path, figures) if degrees > 45 else corrected(tmp_path, figures)
    assert series.geometry.tilt_degrees == pytest.approx(abs(degrees), abs=0.01)


def test_slices_far_beside_each_other_are_refused(tmp_path):
    """The grid that held them would be empty nearly everywhere."""

    def change(i: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [0, 100.0 * (i % 2), i * 2.5]

    Stack().write(tmp_path, change)
    refusal(tmp_path, "slices shifted by up to 100.0 mm")


INVALID = [
    ("PixelSpacing", ["1e-200", "1"]),
    ("PixelSpacing", ["1", "1e300"]),
    ("PixelSpacing", ["-0.8", "0.8"]),
    ("PixelSpacing", ["0", "0"]),
    ("PixelSpacing", "0.8"),
    ("ImagePositionPatient", ["1e200", "0", "0"]),
    ("ImagePositionPatient", ["1", "2", "3", "4"]),
    ("ImageOrientationPatient", ["1e200", "0", "0", "0", "1", "0"]),
    ("ImageOrientationPatient", ["0"] * 6),
    ("ImageOrientationPatient", ["1", "0", "0", "1", "0", "0"]),
    ("ImageOrientationPatient", ["1", "0", "0"]),
]


@pytest.mark.parametrize(("keyword", "value"), INVALID)
def test_places_that_cannot_be_true_are_one_refused_series(tmp_path, keyword, value):
    series = refusal(Stack(common={keyword: value}).write(tmp_path), rf"{keyword} \S+ in 5 of 5")
    said = "\\".join([value] if isinstance(value, str) else value)
    assert series.problems[0].startswith(f"{keyword} {said} in 5 of 5 images, first in {tmp_path}")
    assert series.refusal == series.problems[0] and len(series.frames) == 5
    assert not series.has_patient_geometry


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RescaleSlope", "0"),
        ("RescaleSlope", "0.0"),
        ("RescaleSlope", "nan"),
        ("RescaleSlope", "1e999"),
        ("RescaleSlope", "one"),
        ("RescaleIntercept", "nan"),
        ("RescaleIntercept", "-inf"),
        ("RescaleIntercept", "1,024"),
    ],
)
def test_a_scale_that_cannot_be_true_is_refused(tmp_path, keyword, value):
    common = {"RescaleSlope": "1", "RescaleIntercept": "0", keyword: "7.25000"}
    for path in Stack(common=common).write(tmp_path).iterdir():
        path.write_bytes(path.read_bytes().replace(b"7.25000", value.ljust(7).encode()))
    series = refusal(tmp_path, rf"{keyword} {value} in 5 of 5 images, first in")
    assert series.refusal == series.problems[0] and series.geometry_fault is None


def test_pixels_of_no_size_in_an_image_without_position(tmp_path):
    common = {"PixelSpacing": ["0", "0"], "Modality": "CR"}
    ds = image(np.zeros((4, 5), np.uint16), **common)
    save(ds, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    assert "it has no pixel spacing: PixelSpacing 0\\0: 1 mm is taken" in series.problems
    assert series.volume().array.shape == (1, 4, 5) and not series.has_spacing


def test_depths_that_cannot_be_true_are_missing_ones(tmp_path):
    stack = Stack(voxels=np.zeros((1, 6, 7), np.int16), common={"SliceThickness": "1e-300"})
    (series,) = find_series(stack.write(tmp_path))
    assert series.problems == ("a single slice without a stated depth: 1 mm is taken",)


def test_rows_and_columns_at_an_odd_angle_are_refused(tmp_path):
    cosines = [1, 0, 0, np.sin(np.radians(5)), np.cos(np.radians(5)), 0]
    Stack(common={"ImageOrientationPatient": [f"{c:.8f}" for c in cosines]}).write(tmp_path)
    refusal(tmp_path, "rows and columns at 85.00 degrees")


def test_a_stated_distance_that_is_not_true_is_said(tmp_path):
    stack = Stack(common={"SpacingBetweenSlices": 3, "SliceThickness": 2})
    (series,) = find_series(stack.write(tmp_path))
    assert series.problems == (
        "SpacingBetweenSlices says 3 mm, but the slices lie 2.5 mm apart",
        "the slices are 2 mm thick, but 2.5 mm apart",
    )
    assert series.volume().grid.spacing[0] == pytest.approx(2.5)


def test_a_mosaic_is_refused(tmp_path):
    Stack(common={"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]}).write(tmp_path)
    refusal(tmp_path, "a mosaic")


@pytest.mark.parametrize("modality", ["CR", "DX", "MG"])
def test_images_without_position_stand_alone(tmp_path, modality):
    for i in range(2):
        pixels = np.full((4, 5), i, np.uint16)
        ds = image(pixels, StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3")
        save(
            put(ds, InstanceNumber=2 - i, Modality=modality, ImagerPixelSpacing=[0.2, 0.3]),
            tmp_path / f"{i}.dcm",
        )
    first, second = find_series(tmp_path)
    assert (first.split_by, second.split_by) == ("image 1 of 2", "image 2 of 2")
    volume = first.volume()
    assert volume.array[0, 0, 0] == 1  # by instance number
    assert not first.has_patient_geometry and first.has_spacing
    assert volume.grid.spacing == (1.0, 0.2, 0.3) and volume.grid.orientation == "SPL"
    assert "no position" in first.problems[0] and "at the detector" in first.problems[1]


def test_a_film_without_position_is_one_stack(tmp_path):
    pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    save(image(pixels, NumberOfFrames=3, Modality="US"), tmp_path / "film.dcm")
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, pixels)
    assert "1 mm is taken" in series.problems[1] and "stacked in stored order" in series.problems[2]
    assert not series.has_spacing


def test_what_is_no_image_is_passed_over(tmp_path, caplog):
    stack = Stack()
    stack.write(tmp_path)
    (tmp_path / "README.txt").write_text("a text that is no image " * 20)
    (tmp_path / "._000.dcm").write_bytes(b"\0\5\x16\7" * 50)
    save(image(np.zeros((4, 4), np.uint8), SOPClassUID=SegmentationStorage), tmp_path / "seg.dcm")
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.3"
    save(report, tmp_path / "sr.dcm")
    with caplog.at_level(logging.DEBUG, "IODeepLib"):
        (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    assert series.damaged == ()
    for words in ("not DICOM", "Segmentation", "Comprehensive SR"):
        assert words in caplog.text


def test_a_folder_without_images_says_what_is_there(tmp_path):
    (tmp_path / "README.txt").write_text("a text that is no image")
    save(image(np.zeros((4, 4), np.uint8), SOPClassUID=SegmentationStorage), tmp_path / "seg.dcm")
    with pytest.raises(ImageError, match=r"1 x not DICOM, 1 x Segmentation"):
        find_series(tmp_path)
    with pytest.raises(ImageError, match="no files"):
        find_series([])


@pytest.mark.parametrize("content", [b"", b"just some text, as long as it takes" * 5])
def test_a_named_file_must_be_readable(tmp_path, content):
    path = tmp_path / "a file"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="a file"):
        find_series(path)
    with pytest.raises(ImageError, match="nowhere"):
        find_series(tmp_path / "nowhere")


@pytest.mark.parametrize("keep", [0, 60, 150, 300, 700, -200, -2])
def test_a_broken_slice_does_not_disappear(tmp_path, keep):
    """Wherever the file breaks off: at the first slice, which leaves no gap behind."""
    Stack().write(tmp_path)
    path = tmp_path / "000.dcm"
    path.write_bytes(path.read_bytes()[:keep])
    for series in find_series(tmp_path):
        with pytest.raises(ImageError, match=r"000\.dcm"):
            series.volume()


def test_broken_files_between_several_series_are_logged(tmp_path, caplog):
    for _ in range(2):
        for n, ds in enumerate(Stack().images()):
            save(ds, tmp_path / f"{ds.SeriesInstanceUID}.{n}.dcm")
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM")
    found = find_series(tmp_path)
    assert [s.volume().array.shape for s in found] == [(5, 6, 7)] * 2
    assert "broken.dcm" in caplog.text


def test_series_without_uids_are_told_apart_by_folder_and_name(tmp_path):
    for name in ("a", "b"):
        stack = Stack(common={"SeriesInstanceUID": "", "StudyInstanceUID": None})
        stack.write(tmp_path / name)
    first, second = find_series(tmp_path)
    assert first.files[0].parent.name == "a" and second.files[0].parent.name == "b"
    assert first.missing_identifiers == ("StudyInstanceUID", "SeriesInstanceUID")
    assert "it lacks StudyInstanceUID, SeriesInstanceUID" in first.problems[0]
    np.testing.assert_array_equal(first.volume().array, stack.voxels)


def test_odd_values_neither_warn_nor_fail(tmp_path):
    def change(i: int, ds: Dataset) -> None:
        ds.StudyDate, ds.PatientAge, ds.AcquisitionTime = "2020-13-45", "very old", "noon"
        ds.add_new(0x00291010, "OB", b"\1\2\3\4" * 100)
        ds.SpecificCharacterSet = "ISO_IR 999"
        ds.ContentDate, ds.SliceThickness, ds.InstanceNumber = "***", "7.77", 8888

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Stack().write(tmp_path, change)
        for path in tmp_path.iterdir():
            path.write_bytes(path.read_bytes().replace(b"7.77", b"****").replace(b"8888", b"****"))
        warnings.simplefilter("error")
        (series,) = find_series(tmp_path)
        assert series.volume().array.shape == (5, 6, 7)
        assert series.description == "made" and series.header is not None


def test_progress_is_told_and_may_cancel(tmp_path):
    Stack().write(tmp_path)
    told: list[tuple[float, str]] = []
    (series,) = find_series(tmp_path, progress=lambda *a: told.append(a))
    assert [f for f, _ in told] == [0.2, 0.4, 0.6, 0.8, 1.0]
    told.clear()
    series.volume(lambda *a: told.append(a))
    assert told[-1] == (1.0, "read image 5 of 5")

    def cancel(fraction: float, message: str) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        find_series(tmp_path, progress=cancel)
    with pytest.raises(CancelledError):
        series.volume(cancel)
