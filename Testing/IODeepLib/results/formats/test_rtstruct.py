"""RT Structure Sets, judged by dciodvfy, by plastimatch, and by filling their contours again.

Contours are filled upon the images that they name, which pydicom reads, by matplotlib.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from judges import (
    filled,
    images_shown,
    masks_by_plastimatch,
    regions_by_ohif,
    standard_errors,
)
from makers.label_maps import label_map
from makers.placed_blobs import BLOBS, LAYOUTS, write
from makers.results import KIDNEY, PROVENANCE, label, real_series, scattered, three_labels
from makers.series import Stack

from IODeepLib.codes import Code
from IODeepLib.errors import ImageError
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Laterality
from IODeepLib.results.formats.rtstruct import (
    FILE_NAME,
    contours_obstacle,
    images_obstacle,
    make_rtstruct,
    write_rtstruct,
)
from IODeepLib.series import ImageSeries, find_series

Key = tuple[str, int]  # SOP Instance UID of an image and number of the frame, from 1
KINDS = ["tilted by 18.5 degrees", "one missing, tilted", "two distances", "one decimal"]
KINDS += ["jittered cosines", "oblique", "sagittal", "decubitus", "multi-frame", "single slice"]
KINDS += ["multi-frame, tilted"]

needs_plastimatch = pytest.mark.skipif(
    shutil.which("plastimatch") is None, reason="plastimatch is not there (apt-get install)"
)


@pytest.fixture
def series(tmp_path: Path) -> ImageSeries:
    """A small CT series, five slices of 6 x 7."""
    common = {
        "Modality": "CT",
        "PatientName": "Пациент^Überall",
        "SpecificCharacterSet": "ISO_IR 192",
    }
    return find_series(Stack(common=common).write(tmp_path / "images"))[0]


def written(found: Segmentation, series: ImageSeries, folder: Path) -> Path:
    assert images_obstacle([series]) is None
    assert contours_obstacle([series], found) is None
    assert write_rtstruct(make_rtstruct(found, series, PROVENANCE), folder) == [FILE_NAME]
    path = folder / FILE_NAME
    assert standard_errors(path) == []
    return path


def refusal(found: Segmentation, *channels: ImageSeries) -> str:
    """Why there is no structure set."""
    obstacle = images_obstacle(channels) or contours_obstacle(channels, found)
    assert isinstance(obstacle, ImageError)
    return str(obstacle)


def filled_again(
    path: Path, images: Sequence[Path]
) -> dict[str, dict[tuple[str, int], np.ndarray]]:
    """By name of a region and by image (UID and frame): the pixels in its contours."""
    shown = {(image["sop"], max(1, image["frame"])): image for image in images_shown(images)}
    ds = pydicom.dcmread(path)
    names = {item.ROINumber: item.ROIName for item in ds.StructureSetROISequence}
    found: dict[str, dict[Key, np.ndarray]] = {}
    for region in ds.ROIContourSequence:
        masks = found.setdefault(names[region.ReferencedROINumber], {})
        for contour in region.ContourSequence:
            assert contour.ContourGeometricType == "CLOSED_PLANAR"
            (reference,) = contour.ContourImageSequence
            key = reference.ReferencedSOPInstanceUID, int(reference.get("ReferencedFrameNumber", 1))
            image = shown[key]
            points = np.array(contour.ContourData, float).reshape(-1, 3) - image["position"]
            assert len(points) == contour.NumberOfContourPoints
            axes = np.array([image["columnCosines"], image["rowCosines"]])
            assert np.abs(points @ np.cross(*axes)).max() < 0.05, "beside the plane of its image"
            inside = filled(points @ axes.T / image["spacing"], (image["rows"], image["columns"]))
            mask = masks.setdefault(key, np.zeros(inside.shape, bool))
            assert not (mask & inside).any()
            mask |= inside
    return found


def assert_equal(
    path: Path, images: Sequence[Path], found: Segmentation, series: ImageSeries
) -> None:
    """The contours hold the very voxels of the labels, on the images."""
    slices = series.slices
    if isinstance(slices, SliceStack):
        found = found.on_slices(slices)
    again = filled_again(path, images)
    for each in found.labels:
        masks = again.pop(each.name, {})
        for frame, wanted in zip(series.frames, found.mask(each), strict=True):
            mask = masks.pop((frame.file.uid, frame.number), np.zeros_like(wanted))
            np.testing.assert_array_equal(mask, wanted)
        assert not masks
    assert not again


@pytest.mark.parametrize("layout", KINDS)
def test_contours_hold_the_voxels_of_every_series(tmp_path: Path, layout: str) -> None:
    images = write(LAYOUTS[layout], tmp_path / "images", SliceThickness="3.2")
    (series,) = find_series(images)
    points = np.stack(np.indices(series.grid.shape), axis=-1)
    array = np.zeros(series.grid.shape, np.uint8)
    for value, blob in enumerate(BLOBS.values(), 1):
        array[blob.inside(series.grid.point(points))] = value
    found = Segmentation(array, series.grid, tuple(label(i, n) for i, n in enumerate(BLOBS, 1)))
    path = written(found, series, tmp_path)
    assert_equal(path, sorted(images.iterdir()), found, series)


@pytest.mark.parametrize("overlapping", [False, True])
def test_holes_and_single_voxels_are_as_they_are(
    tmp_path: Path, series: ImageSeries, overlapping: bool
) -> None:
    found = scattered(series.grid)
    if overlapping:
        array = np.random.default_rng(3).random((2, *series.grid.shape)) < 0.7
        found = replace(found, array=array.astype(np.uint8))
    images = sorted((tmp_path / "images").iterdir())
    assert_equal(written(found, series, tmp_path), images, found, series)


@needs_plastimatch
def test_plastimatch_finds_the_real_label_map(shared_data: Path, tmp_path: Path) -> None:
    series = real_series(shared_data, "CT abdomen", tmp_path)
    found = label_map(shared_data, "CT abdomen", series.grid)
    masks = masks_by_plastimatch(written(found, series, tmp_path), series.grid, tmp_path / "p")
    assert len(masks) == len(found.labels) > 30
    for each in found.labels:
        np.testing.assert_array_equal(masks[each.name], found.mask(each))


@needs_plastimatch
def test_plastimatch_leaves_holes_open(tmp_path: Path, series: ImageSeries) -> None:
    array = np.ones(series.grid.shape, np.uint8)
    array[:, 1:5, 1:6], array[1:4, 2:4, 2:5], array[2, 3, 3] = 0, 1, 0
    found = Segmentation(array, series.grid, (label(1, "rings"),))
    masks = masks_by_plastimatch(written(found, series, tmp_path), series.grid, tmp_path / "p")
    np.testing.assert_array_equal(masks["rings"], array != 0)


def test_what_a_region_is(tmp_path: Path, series: ImageSeries) -> None:
    lesion = Code("49755003", "SCT", "Morphologically abnormal structure")
    labels = (
        label(1, "left kidney", type=KIDNEY, laterality=Laterality.LEFT, color=(1, 2, 250)),
        label(2, "nowhere"),
        label(5, "lesion", category=lesion),
    )
    found = replace(three_labels(series.grid), labels=labels)
    ds = pydicom.dcmread(written(found, series, tmp_path))
    assert ds.file_meta.TransferSyntaxUID.is_implicit_VR
    assert ds.PatientName == "Пациент^Überall"
    assert ds.StudyInstanceUID == series.study_instance_uid
    assert ds.SeriesNumber == 6007
    assert ds.SeriesDescription == "Organs of the abdomen 1.2.3 structures"
    first, second = ds.StructureSetROISequence
    assert (first.ROIName, second.ROIName) == ("left kidney", "lesion")
    assert float(second.ROIVolume) == pytest.approx(series.grid.voxel_volume / 1000, rel=1e-5)
    assert first.ROIGenerationAlgorithm == "AUTOMATIC"
    (algorithm,) = first.ROIDerivationAlgorithmIdentificationSequence
    assert PROVENANCE.network_digest in algorithm.AlgorithmParameters
    assert ds.ROIContourSequence[0].ROIDisplayColor == [1, 2, 250]
    kidney, other = ds.RTROIObservationsSequence
    assert (kidney.RTROIInterpretedType, other.RTROIInterpretedType) == ("ORGAN", "")
    (code,) = kidney.RTROIIdentificationCodeSequence
    assert code.CodeMeaning == "Kidney"
    assert code.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    (frame,) = ds.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == series.frame_of_reference
    (study,) = frame.RTReferencedStudySequence
    (listed,) = study.RTReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in listed.ContourImageSequence] == list(
        series.sop_instance_uids
    )
    assert ds.SourceInstanceSequence[0].ReferencedSOPInstanceUID == "2.25.11"


def test_the_same_again_is_the_same_bytes_and_other_voxels_another_object(
    tmp_path: Path, series: ImageSeries
) -> None:
    first = written(three_labels(series.grid), series, tmp_path).read_bytes()
    assert written(three_labels(series.grid), series, tmp_path).read_bytes() == first
    other = three_labels(series.grid)
    other.array[0, 5, 6] = 5
    uids = [
        make_rtstruct(found, series, PROVENANCE).SOPInstanceUID
        for found in (three_labels(series.grid), other)
    ]
    assert uids[0] != uids[1]


def test_names_are_valid_and_each_one_is_there_once(tmp_path: Path, series: ImageSeries) -> None:
    names = ["x" * 70 + "1", "x" * 70 + "2", "a\\b\n\x1bc", "肝" * 20, "A:=|~^<b>"]
    labels = tuple(label(i, name) for i, name in enumerate(names, 1))
    array = np.zeros(series.grid.shape, np.uint8)
    array[0, 0, :5] = range(1, 6)
    found = Segmentation(array, series.grid, labels)
    regions = pydicom.dcmread(written(found, series, tmp_path)).StructureSetROISequence
    said = [item.ROIName for item in regions]
    assert said[:3] == ["x" * 61 + "...", "x" * 57 + "... (2)", "a/b \ufffdc"]
    assert said[3:] == [names[3], names[4]]
    assert regions[0].ROIDescription == names[0]
    assert "ROIDescription" not in regions[3]


def test_a_contour_may_be_longer_than_explicit_vr_has_room_for(tmp_path: Path) -> None:
    stack = Stack(np.zeros((1, 48, 48), np.int16), origin=(-1000.1234, 1234.5678, -3.3))
    (series,) = find_series(stack.write(tmp_path / "images"))
    sieve = np.ones((1, 48, 48), np.uint8)
    sieve[0, 1:-1:2, 1:-1:2] = 0
    found = Segmentation(sieve, series.grid, (label(1, "sieve"),))
    path = written(found, series, tmp_path)
    contour = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence[0]
    assert contour.NumberOfContourPoints == 4 + 23 * 23 * 7
    assert len("\\".join(map(str, contour.ContourData))) > 0xFFFF
    assert_equal(path, sorted((tmp_path / "images").iterdir()), found, series)


def test_ohif_takes_the_same_names_colors_and_points(tmp_path: Path) -> None:
    stack = Stack(np.zeros((2, 128, 128), np.int16), origin=(-1000.1234, 1234.5678, -3.3))
    (series,) = find_series(stack.write(tmp_path / "images"))
    lesion = Code("49755003", "SCT", "Morphologically abnormal structure")
    labels = (
        label(1, "левая почка 左", color=(1, 2, 250)),
        label(2, "<b>Lesion & " + "x" * 90, category=lesion, color=(0, 255, 7)),
    )
    array = np.ones((2, 128, 128), np.uint8)
    array[0, 1:-1:2, 1:-1:2] = 0  # a contour beyond what Explicit VR has room for
    array[1, 20:50, 30:60], array[1, 70:80, 3] = 2, 2
    path = written(Segmentation(array, series.grid, labels), series, tmp_path)
    (regions,) = regions_by_ohif([path])
    ds = pydicom.dcmread(path)
    assert [one["name"] for one in regions] == [item.ROIName for item in ds.StructureSetROISequence]
    assert regions[0]["name"] == labels[0].name and regions[1]["description"] == labels[1].name
    assert [one["color"] for one in regions] == [[1, 2, 250], [0, 255, 7]]
    assert [one["type"] for one in regions] == ["ORGAN", ""]
    for one, item in zip(regions, ds.ROIContourSequence, strict=True):
        assert [c["points"] for c in one["contours"]] == [
            [float(value) for value in contour.ContourData] for contour in item.ContourSequence
        ]
        assert {contour["kind"] for contour in one["contours"]} == {"CLOSED_PLANAR"}
    assert [len(one["contours"]) for one in regions] == [2, 2]


def test_what_stands_in_the_way_is_said(tmp_path: Path, series: ImageSeries) -> None:
    nothing = replace(three_labels(series.grid), array=np.zeros(series.grid.shape, np.uint8))
    assert "nothing was found" in refusal(nothing, series)
    voxels = np.zeros((1, 6, 7), np.int16)

    def lacking(name: str, *keywords: str) -> ImageSeries:
        def without(i: int, ds: pydicom.Dataset) -> None:
            for keyword in keywords:
                delattr(ds, keyword)

        return find_series(Stack(voxels).write(tmp_path / name, without))[0]

    flat = lacking("flat", "ImagePositionPatient", "ImageOrientationPatient")
    assert "does not say where" in refusal(three_labels(flat.grid), flat)
    nowhere = lacking("nowhere", "FrameOfReferenceUID")
    assert "FrameOfReferenceUID" in refusal(three_labels(nowhere.grid), nowhere)


def test_what_lies_between_the_slices_has_no_contours(tmp_path: Path) -> None:
    (series,) = find_series(write(LAYOUTS["two missing"], tmp_path / "images"))
    assert isinstance(series.slices, SliceStack)
    even = series.slices.even_grid
    on_images = np.ones(series.slices.shape, np.uint8)
    between = series.slices.labels_on_even(on_images)  # and then all that no slice lies in
    there = np.zeros(even.shape, np.uint8)
    for k in range(even.shape[0]):
        probe = np.zeros(even.shape, np.uint8)
        probe[k] = between[k]
        if not series.slices.labels_of_even(probe).any():
            there[k] = 1
    assert there.any()
    found = Segmentation(there, even, (label(1),))
    assert "between the slices" in refusal(found, series)
