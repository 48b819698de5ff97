"""Real image series, with SimpleITK, highdicom and pydicom as judges."""

from __future__ import annotations

import zipfile
from pathlib import Path

import highdicom
import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.pixels import apply_rescale

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Volume
from IODeepLib.series import find_series

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

CLASSIC = {  # folder: slices
    "mni152_t1_as_mr": 189,
    "mr_t1_forrest": 384,
    "ct_abdomen_totalseg_repaired": 20,
    "ct_abdomen_totalseg_raw": 20,
    "ct_head_slicer_64x64": 93,
    "mr_t1_siemens_prisma_HFDL": 35,
    "dcmqi_segmentations/ct-3slice": 3,
    "dcmqi_segmentations/24x38x3/image": 3,
    "pydicom_dicomdirtests/98892001/CT5N": 5,
}

ODDITIES = sorted(p.name for p in (SHARED_DATA / "dicom/pydicom_oddities").glob("*.dcm"))

# Decimal strings have 16 characters, and ITK keeps the third direction apart from the positions.
AFFINE_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def folders(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {name: shared_data / "dicom" / name for name in CLASSIC}
    unpacked = tmp_path_factory.mktemp("forrest")
    with zipfile.ZipFile(shared_data / "dicom" / "mr_t1_forrest.zip") as archive:
        archive.extractall(unpacked)
    found["mr_t1_forrest"] = unpacked
    yield found


def itk_affine(image: SimpleITK.Image) -> np.ndarray:
    """(4, 4) from (slice, row, column) to LPS mm."""
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, :3] = directions[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return affine


def assert_same_volume(volume: Volume, array: np.ndarray, affine: np.ndarray) -> None:
    """That both are the same voxels in the same places, also if the slices run the other way."""
    if np.dot(affine[:3, 0], volume.grid.affine[:3, 0]) < 0:
        affine = affine.copy()
        affine[:3, 3] += affine[:3, 0] * (len(array) - 1)
        affine[:3, 0] *= -1
        array = array[::-1]
    np.testing.assert_allclose(volume.grid.affine, affine, atol=AFFINE_TOLERANCE)
    np.testing.assert_array_equal(volume.array, array)


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_series_as_itk_reads_them(folders, name):
    (series,) = find_series(folders[name])
    assert len(series.files) == CLASSIC[name]
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(f) for f in series.files])
    image = reader.Execute()
    assert_same_volume(series.volume(), SimpleITK.GetArrayFromImage(image), itk_affine(image))


# highdicom refuses series whose UIDs are empty, or that have no frame of reference.
REFUSED_BY_HIGHDICOM = {"ct_abdomen_totalseg_raw", "ct_head_slicer_64x64"}


@pytest.mark.parametrize("name", sorted(set(CLASSIC) - REFUSED_BY_HIGHDICOM))
def test_classic_series_as_highdicom_reads_them(folders, name):
    (series,) = find_series(folders[name])
    # Our order is turned round, so that the judge has to sort for itself.
    datasets = [dcmread(f) for f in reversed(series.files)]
    judge = highdicom.get_volume_from_series(datasets)
    assert_same_volume(series.volume(), judge.array, judge.affine)
    assert series.frame_of_reference == judge.frame_of_reference_uid


@pytest.mark.parametrize(
    "name",
    [
        "dcmqi_segmentations/24x38x3/multiframe/mf.dcm",
        "dcmqi_segmentations/23x38x3/multiframe/mf.dcm",
        *(f"enhanced_mr_siemens_philips/siemens_vida_xa10/6_{n}.dcm" for n in (1, 2, 3, 4)),
    ],
)
def test_enhanced_images_as_highdicom_reads_them(shared_data, name):
    path = shared_data / "dicom" / name
    (series,) = find_series(path)
    judge = highdicom.imread(path).get_volume()
    assert_same_volume(series.volume(), judge.array, judge.affine)


def test_four_time_points_in_four_enhanced_files(shared_data):
    found = find_series(shared_data / "dicom/enhanced_mr_siemens_philips/siemens_vida_xa10")
    assert [s.split_by for s in found] == [f"time point {n} of 4" for n in (1, 2, 3, 4)]
    for series in found:
        (path,) = series.files
        judge = highdicom.imread(path).get_volume()
        assert_same_volume(series.volume(), judge.array, judge.affine)


def test_magnitude_and_field_map_in_one_enhanced_file(shared_data):
    path = shared_data / "dicom/enhanced_mr_siemens_philips/IM_0027_fMAP.dcm"
    dataset = dcmread(path)
    field_map, magnitude = find_series(path)
    for series, kind, frames in (
        (magnitude, "ORIGINAL\\PRIMARY\\T1\\M", range(32)),
        (field_map, "ORIGINAL\\PRIMARY\\T1\\FIELD_MAP", range(32, 64)),
    ):
        assert series.split_by.endswith(kind)
        per_frame = [dataset.PerFrameFunctionalGroupsSequence[i] for i in frames]
        expected = [
            apply_rescale(dataset.pixel_array[i], g.PixelValueTransformationSequence[0])
            for i, g in zip(frames, per_frame, strict=True)
        ]
        volume = series.volume()
        np.testing.assert_array_equal(volume.array, np.float32(expected))
        for i, group in enumerate(per_frame):
            np.testing.assert_allclose(
                volume.grid.point((i, 0, 0)),
                group.PlanePositionSequence[0].ImagePositionPatient,
                atol=0.01,
            )


def test_tilted_and_uneven_ct_is_corrected_and_says_the_figures(shared_data):
    (series,) = find_series(shared_data / "dicom/ct_head_ge_tilt_nonuniform")
    # dcm_qa_ct says 18.5 degrees, and the header does, too.
    assert abs(series.header.GantryDetectorTilt) == 18.5
    for words in ("28 slices", "tilt of 18.5 degrees", "1.08 to 7 mm apart", "median 4 mm"):
        assert words in series.geometry.correction


def test_uids_of_the_file_meta_information_stand_in(shared_data):
    (series,) = find_series(shared_data / "dicom/ct_abdomen_totalseg_raw")
    named = [path.name.removeprefix("CT.") for path in series.files]
    assert list(series.sop_instance_uids) == named
    assert series.missing_identifiers == ("StudyInstanceUID", "SeriesInstanceUID")
    assert series.problems[-2:] == (
        "its SOP Instance UIDs are those of the file meta information",
        "it lacks StudyInstanceUID, SeriesInstanceUID, which results refer to",
    )


def test_a_missing_frame_of_reference_is_said(shared_data):
    (series,) = find_series(shared_data / "dicom/ct_head_slicer_64x64")
    assert series.missing_identifiers == ("FrameOfReferenceUID",)
    assert series.frame_of_reference is None


def test_slices_with_distance_between_them(shared_data):
    (series,) = find_series(shared_data / "dicom/mr_t1_siemens_prisma_HFDL")
    assert series.problems == ("the slices are 4 mm thick, but 4.8 mm apart",)


READABLE_ODDITIES = {
    "J2K_pixelrep_mismatch.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "examples_overlay.dcm",
    "image_dfl.dcm",
}


@pytest.mark.parametrize("name", ODDITIES)
def test_oddities_are_read_or_refused(shared_data, name):
    path = shared_data / "dicom/pydicom_oddities" / name
    if name in READABLE_ODDITIES:
        (series,) = find_series(path)
        dataset = dcmread(path)
        expected = apply_rescale(dataset.pixel_array, dataset)
        np.testing.assert_array_equal(series.volume().array, expected[np.newaxis])
    else:  # whichever step it is that refuses, nothing but our error comes out
        with pytest.raises(ImageError) as refused:
            find_series(path)[0].volume()
        assert str(path) in str(refused.value) or "a pixel" in refused.value.found


def test_a_whole_file_set_of_many_series(shared_data):
    folder = shared_data / "dicom/pydicom_dicomdirtests"
    found = find_series(folder)
    # Every image of the two patients is in one volume, and in one only.
    images = [f for s in found for f in s.files]
    wanted = [p for d in ("77654033", "98892001", "98892003") for p in (folder / d).rglob("*")]
    assert sorted(images) == sorted(p for p in wanted if p.is_file())
    for series in found:
        if series.geometry_fault is None:
            first = dcmread(series.files[0])
            expected = apply_rescale(first.pixel_array, first)
            np.testing.assert_array_equal(series.volume().array[0], np.float32(expected))
    missing = [s for s in found if s.geometry_fault is not None]
    assert [s.description for s in missing] == ["Routine Brain"]  # 4 slices of 164


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mni152_reference_seg.dcm", "1 x Segmentation"),
        ("dcmqi_sr_example", "Real World Value Mapping Storage"),
        ("pydicom_oddities/rtstruct.dcm", "RT Structure Set Storage"),
        ("pydicom_oddities/rtdose_1frame.dcm", "RT Dose"),
        ("pydicom_oddities/waveform_ecg.dcm", "12-lead ECG Waveform Storage"),
        ("pydicom_dicomdirtests/DICOMDIR", "Media Storage Directory Storage"),
        ("pydicom_oddities/no_meta.dcm", "not DICOM"),
        ("pydicom_oddities/meta_missing_tsyntax.dcm", "no SOP class"),
    ],
)
def test_what_is_no_image_is_named(shared_data, name, words):
    with pytest.raises(ImageError, match=words):
        find_series(shared_data / "dicom" / name)


def test_a_truncated_file_is_named(shared_data):
    (series,) = find_series(shared_data / "dicom/pydicom_oddities/MR_truncated.dcm")
    with pytest.raises(ImageError, match=r"MR_truncated\.dcm: its pixel data end .* of 8192"):
        series.volume()


def test_slides_and_radiographs(shared_data):
    found = find_series(shared_data / "dicom/highdicom_test_files")
    slides = [s for s in found if s.modality == "SM"]
    assert slides and not any(s.has_patient_geometry for s in slides)
    for series in slides:
        with pytest.raises(ImageError, match=r"tiles of a slide|RGB with 3 values"):
            series.volume()
    (radiograph,) = [s for s in found if s.modality == "DX"]
    assert radiograph.volume().grid.spacing == (1.0, 1.2, 1.201199999999)
    assert "MONOCHROME1" in radiograph.problems[-1]
