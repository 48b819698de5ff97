"""DICOM SEG, judged by dciodvfy, dcmqi and highdicom's reader."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache

import highdicom as hd
import numpy as np
import pydicom
import pytest
from judges import on_grid, read_by_dcmqi, standard_errors
from makers.results import (
    KIDNEY,
    PROVENANCE,
    SERIES,
    SPLEEN,
    label,
    real_series,
    scattered,
    three_labels,
)
from makers.series import Stack, enhanced, put, save

from IODeepLib.codes import Code
from IODeepLib.errors import ImageError, OutputError, UsageError
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Laterality
from IODeepLib.results import SegmentationType, make_seg
from IODeepLib.series import find_series

BINARY, LABELMAP, FRACTIONAL = SegmentationType


@pytest.fixture
def stack(tmp_path):
    """A small CT series, five slices of 6 x 7."""
    return find_series(Stack(common={"Modality": "CT"}).write(tmp_path / "images"))[0]


@pytest.fixture(scope="session")
def real(shared_data, tmp_path_factory):
    @cache
    def series(name):
        return real_series(shared_data, name, tmp_path_factory.mktemp("series"))

    return series


def saved(seg, tmp_path):
    path = tmp_path / "seg.dcm"
    seg.save(path)
    assert standard_errors(path) == []
    return path


def content_time(seg):
    return str(seg.dataset.ContentDate), str(seg.dataset.ContentTime)


def masks_by_dcmqi(path, grid, tmp_path):
    images = read_by_dcmqi(path, tmp_path / "dcmqi")
    return {int(number): on_grid(image, grid) for number, image in images.items()}


def volume_by_highdicom(path, number):
    """(array, positions) of one segment."""
    seg = hd.seg.segread(path)
    volume = seg.get_volume(
        combine_segments=False, segment_numbers=[number], skip_overlap_checks=True
    )
    return volume.array[..., 0], volume.affine


def assert_equal_in_highdicom(path, number, mask, grid):
    array, affine = volume_by_highdicom(path, number)
    there = np.argwhere(array)
    points = there @ affine[:3, :3].T + affine[:3, 3]
    found = np.zeros(grid.shape, bool)
    found[tuple(np.rint(grid.index(points)).astype(int).T)] = True
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("name", SERIES)
def test_binary_of_real_series_is_equal_in_dcmqi_and_highdicom(name, real, tmp_path):
    series = real(name)
    segmentation = three_labels(series.grid)
    seg = make_seg(segmentation, series, PROVENANCE)
    path = saved(seg, tmp_path)

    assert [(n, x.value) for n, x in seg.segments] == [(1, 1), (2, 5)]
    assert [x.value for x in seg.missing] == [2]
    masks = masks_by_dcmqi(path, series.grid, tmp_path)
    assert set(masks) == {1, 2}
    for number, found in seg.segments:
        mask = segmentation.mask(found)
        np.testing.assert_array_equal(masks[number] != 0, mask)
        assert_equal_in_highdicom(path, number, mask, series.grid)


@pytest.mark.parametrize("name", ["oblique MR", "sagittal MR", "enhanced MR, Philips"])
def test_labelmap_of_real_series_is_equal_in_dcmqi(name, real, tmp_path):
    series = real(name)
    segmentation = three_labels(series.grid)
    seg = make_seg(segmentation, series, PROVENANCE, seg_type=LABELMAP)
    path = saved(seg, tmp_path)
    assert [n for n, _ in seg.segments] == [1, 5]
    (labels,) = masks_by_dcmqi(path, series.grid, tmp_path).values()
    np.testing.assert_array_equal(labels, segmentation.array)


@pytest.mark.parametrize("name", ["CT abdomen", "enhanced MR, Siemens"])
def test_fractional_of_real_series_is_equal_in_dcmqi(name, real, tmp_path):
    series = real(name)
    segmentation = three_labels(series.grid)
    chance = np.random.default_rng(0).integers(1, 256, (3, *series.grid.shape), np.uint8)
    masks = np.stack([segmentation.mask(x) for x in segmentation.labels])
    segmentation = replace(segmentation, probabilities=chance * masks)
    seg = make_seg(segmentation, series, PROVENANCE, seg_type=FRACTIONAL)
    path = saved(seg, tmp_path)
    assert seg.dataset.SegmentationFractionalType == "PROBABILITY"
    assert seg.dataset.MaximumFractionalValue == 255
    found = masks_by_dcmqi(path, series.grid, tmp_path)
    np.testing.assert_array_equal(found[1], segmentation.probabilities[0])
    np.testing.assert_array_equal(found[2], segmentation.probabilities[2])


@pytest.mark.parametrize("seg_type", SegmentationType)
@pytest.mark.parametrize("shape", [(1, 4, 4), (5, 3, 3), (9, 5, 7), (3, 16, 8)])
def test_every_size_comes_back(shape, seg_type, tmp_path):
    """Frames whose bits fill no whole byte run into each other."""
    stack = Stack(voxels=np.zeros(shape, np.int16), spacing=(2.0, 0.5, 0.75))
    series = find_series(stack.write(tmp_path / "images"))[0]
    segmentation = scattered(series.grid, seed=sum(shape))
    masks = [segmentation.mask(x) for x in segmentation.labels]
    segmentation = replace(segmentation, probabilities=np.stack(masks).astype(np.uint8) * 77)
    path = saved(make_seg(segmentation, series, PROVENANCE, seg_type=seg_type), tmp_path)
    seg = hd.seg.segread(path)
    read = seg.get_pixels_by_source_instance(
        list(series.sop_instance_uids), rescale_fractional=False
    )
    for i, mask in enumerate(masks):
        np.testing.assert_array_equal(read[..., i] != 0, mask)


def test_overlapping_labels(stack, tmp_path):
    array = np.zeros((2, *stack.grid.shape), np.uint8)
    array[0, 1:4] = 1
    array[1, 2:, 3:] = 1
    segmentation = Segmentation(array, stack.grid, (label(1), label(2)))
    seg = make_seg(segmentation, stack, PROVENANCE)
    path = saved(seg, tmp_path)
    assert seg.dataset.SegmentsOverlap == "YES"
    masks = masks_by_dcmqi(path, stack.grid, tmp_path)
    for i in (0, 1):
        np.testing.assert_array_equal(masks[i + 1] != 0, array[i] != 0)


def test_labels_that_could_overlap_and_do_not(stack):
    array = np.zeros((2, *stack.grid.shape), np.uint8)
    array[0, 1:3], array[1, 3:] = 1, 1
    segmentation = Segmentation(array, stack.grid, (label(1), label(2)))
    assert make_seg(segmentation, stack, PROVENANCE).dataset.SegmentsOverlap == "NO"


def test_overlapping_labels_make_no_labelmap(stack):
    array = np.ones((2, *stack.grid.shape), np.uint8)
    segmentation = Segmentation(array, stack.grid, (label(1), label(2)))
    with pytest.raises(UsageError, match=r"overlap.*wanted: exclusive.*next: ask for BINARY"):
        make_seg(segmentation, stack, PROVENANCE, seg_type=LABELMAP)


def test_fractional_wants_probabilities(stack):
    with pytest.raises(UsageError, match="no probabilities"):
        make_seg(three_labels(stack.grid), stack, PROVENANCE, seg_type=FRACTIONAL)


@pytest.mark.parametrize("seg_type", SegmentationType)
def test_nothing_found_makes_no_object(stack, seg_type):
    empty = three_labels(stack.grid)
    array = np.zeros_like(empty.array)
    nothing = replace(empty, array=array, probabilities=np.stack([array] * 3))
    assert nothing.empty
    assert make_seg(nothing, stack, PROVENANCE, seg_type=seg_type) is None


def test_a_value_without_label_is_a_mistake(stack):
    segmentation = replace(three_labels(stack.grid), labels=(label(1),))
    with pytest.raises(ValueError, match="no label"):
        make_seg(segmentation, stack, PROVENANCE)


def test_only_frames_that_hold_something_are_written(stack, tmp_path):
    segmentation = three_labels(stack.grid)
    seg = make_seg(segmentation, stack, PROVENANCE)
    filled = sum(segmentation.mask(x).any(axis=(1, 2)).sum() for x in segmentation.labels)
    assert seg.dataset.NumberOfFrames == filled < 3 * stack.grid.shape[0]
    measures = seg.dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == stack.grid.spacing[0]
    assert list(map(float, measures.PixelSpacing)) == pytest.approx(stack.grid.spacing[1:])
    geometry = hd.seg.segread(saved(seg, tmp_path)).get_volume_geometry()
    assert geometry.spacing == pytest.approx(stack.grid.spacing)


def test_spacing_is_that_of_the_positions(tmp_path):
    """Whatever SpacingBetweenSlices says."""
    lying = Stack(common={"SpacingBetweenSlices": "9"})
    series = find_series(lying.write(tmp_path))[0]
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    measures = seg.dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == lying.spacing[0]


def test_label_values_above_255(stack, tmp_path):
    segmentation = three_labels(stack.grid, (3, 300, 40000))
    path = saved(make_seg(segmentation, stack, PROVENANCE, seg_type=LABELMAP), tmp_path)
    read = pydicom.dcmread(path)
    assert read.BitsAllocated == 16
    np.testing.assert_array_equal(read.pixel_array, segmentation.array)


def test_what_a_segment_says(stack, tmp_path):
    lobe = Code("263490005", "SCT", "Status")
    kidney = label(
        7,
        "Niere, rechts (größer)",
        type=KIDNEY,
        modifier=lobe,
        laterality=Laterality.RIGHT,
        anatomic_region=Code("818981001", "SCT", "Abdomen"),
        anatomic_region_modifier=Code("24028007", "SCT", "Right"),
        color=(200, 30, 40),
    )
    spleen = label(3, "Milz", type=SPLEEN)
    array = np.full(stack.grid.shape, 7, np.uint8)
    array[2] = 3
    seg = make_seg(Segmentation(array, stack.grid, (kidney, spleen)), stack, PROVENANCE)
    path = saved(seg, tmp_path)
    first, second = pydicom.dcmread(path).SegmentSequence
    assert (first.SegmentNumber, first.SegmentLabel) == (1, "Niere, rechts (größer)")
    kind = first.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == (KIDNEY.value, "SCT")
    modifiers = kind.SegmentedPropertyTypeModifierCodeSequence
    assert [m.CodeMeaning for m in modifiers] == ["Status", "Right"]
    region = first.AnatomicRegionSequence[0]
    assert region.CodeMeaning == "Abdomen"
    assert region.AnatomicRegionModifierSequence[0].CodeMeaning == "Right"
    color = hd.color.CIELabColor.from_dicom_value(first.RecommendedDisplayCIELabValue)
    assert np.abs(np.subtract(color.to_rgb(), (200, 30, 40))).max() <= 1
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert second.SegmentLabel == "Milz"
    assert second.RecommendedDisplayCIELabValue != first.RecommendedDisplayCIELabValue


def test_provenance(stack, tmp_path):
    seg = make_seg(three_labels(stack.grid), stack, PROVENANCE)
    read = pydicom.dcmread(saved(seg, tmp_path))
    for segment in read.SegmentSequence:
        algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
        assert algorithm.AlgorithmName == "Organs of the abdomen"
        assert algorithm.AlgorithmVersion == "1.2.3"
        assert algorithm.AlgorithmSource == "A hospital"
        assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
        parameters = json.loads(algorithm.AlgorithmParameters)
        assert parameters["card"] == PROVENANCE.card_sop_instance_uid
        assert parameters["network_sha256"] == PROVENANCE.network_digest
        assert parameters["weights_sha256"] == PROVENANCE.weights_digest
        assert parameters["provider"] == "CPUExecutionProvider"
        assert parameters["options"] == {"seg_type": "BINARY"}
    card = read.SourceInstanceSequence[0]
    assert card.ReferencedSOPInstanceUID == PROVENANCE.card_sop_instance_uid
    assert card.ReferencedSOPClassUID.name == "Raw Data Storage"
    other = read.StudiesContainingOtherReferencedInstancesSequence[0]
    assert other.StudyInstanceUID == PROVENANCE.card_study_instance_uid
    assert other.ReferencedSeriesSequence[0].SeriesInstanceUID == "2.25.12"
    assert read.DerivationDescription.endswith("The slices were sorted.")
    assert read.DeviceSerialNumber == PROVENANCE.card_sop_instance_uid
    assert read.SeriesDescription == "Organs of the abdomen 1.2.3 segmentation"
    assert read.SeriesNumber == 1007
    assert len(read.SeriesDescription) <= 64


def test_every_source_image_is_referenced(stack):
    seg = make_seg(three_labels(stack.grid), stack, PROVENANCE)
    wanted = set(stack.sop_instance_uids)
    (series,) = seg.dataset.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == stack.series_instance_uid
    assert {x.ReferencedSOPInstanceUID for x in series.ReferencedInstanceSequence} == wanted
    assert {x.ReferencedSOPInstanceUID for x in seg.dataset.SourceImageSequence} == wanted
    for frame in seg.dataset.PerFrameFunctionalGroupsSequence:
        (image,) = frame.DerivationImageSequence[0].SourceImageSequence
        k = stack.sop_instance_uids.index(image.ReferencedSOPInstanceUID)
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(list(map(float, position)), stack.grid.point((k, 0, 0)))


def test_frames_of_multi_frame_images_are_referenced(real):
    series = real("enhanced MR, Philips")
    assert len(series.files) == 1
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    (whole,) = seg.dataset.SourceImageSequence
    assert list(whole.ReferencedFrameNumber) == sorted(f.number for f in series.frames)
    for frame in seg.dataset.PerFrameFunctionalGroupsSequence:
        (image,) = frame.DerivationImageSequence[0].SourceImageSequence
        source = next(f for f in series.frames if f.number == image.ReferencedFrameNumber)
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(list(map(float, position)), source.position, atol=1e-3)


def test_several_multi_frame_images_of_one_volume(tmp_path):
    stack = Stack()
    for i, slices in enumerate(([4, 2], [0, 1, 3])):
        ds = put(enhanced(stack, slices), StudyInstanceUID=stack.study)
        save(ds, tmp_path / "images" / f"{i}.dcm")
    (series,) = find_series(tmp_path / "images")
    assert len(series.files) == 2
    segmentation = scattered(series.grid)
    seg = make_seg(segmentation, series, PROVENANCE)
    path = saved(seg, tmp_path)
    assert len(seg.dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 2
    masks = masks_by_dcmqi(path, series.grid, tmp_path)
    np.testing.assert_array_equal(masks[1] != 0, segmentation.array == 1)


def test_further_series_are_referenced(tmp_path):
    first, second, third = (Stack() for _ in range(3))
    second.study = first.study
    series = [
        find_series(s.write(tmp_path / str(i)))[0] for i, s in enumerate((first, second, third))
    ]
    seg = make_seg(three_labels(series[0].grid), series[0], PROVENANCE, others=series[1:])
    here = [x.SeriesInstanceUID for x in seg.dataset.ReferencedSeriesSequence]
    assert here == [first.series, second.series]
    studies = seg.dataset.StudiesContainingOtherReferencedInstancesSequence
    assert [x.StudyInstanceUID for x in studies] == [third.study, "2.25.13"]
    saved(seg, tmp_path)


def test_a_segmentation_beside_the_images_references_no_image_in_its_frames(stack, tmp_path):
    """As one of a tilted series has it, which was resampled."""
    grid = stack.grid.respaced((2.0, 1.0, 1.0))
    seg = make_seg(scattered(grid), stack, PROVENANCE)
    path = saved(seg, tmp_path)
    frames = seg.dataset.PerFrameFunctionalGroupsSequence
    assert not any(frame.DerivationImageSequence for frame in frames)
    masks = masks_by_dcmqi(path, grid, tmp_path)
    np.testing.assert_array_equal(masks[2] != 0, scattered(grid).array == 2)


def test_an_image_without_a_place_in_the_patient(shared_data, tmp_path):
    (series,) = find_series(shared_data / "dicom" / "highdicom_test_files" / "dx_image.dcm")
    for seg_type in (BINARY, LABELMAP):
        segmentation = scattered(series.grid)
        seg = make_seg(segmentation, series, PROVENANCE, seg_type=seg_type)
        read = hd.seg.segread(saved(seg, tmp_path))
        found = read.get_pixels_by_source_instance(list(series.sop_instance_uids))
        np.testing.assert_array_equal(found[..., 0] != 0, segmentation.array == 1)


def test_images_without_uids_are_refused(shared_data):
    (series,) = find_series(shared_data / "dicom" / "ct_abdomen_totalseg_raw")
    with pytest.raises(ImageError, match=r"lacks .*SeriesInstanceUID.*next: .*PACS"):
        make_seg(three_labels(series.grid), series, PROVENANCE)


GARBAGE = {
    "dates": {"StudyDate": "***", "ContentDate": "20201399", "PatientBirthDate": "unknown"},
    "times": {"StudyTime": "***", "ContentDate": "20200101", "ContentTime": "99"},
    "old date": {"StudyDate": "1999.12.31"},
    "sex": {"PatientSex": "FEMALE"},
    "age": {"PatientAge": "old"},
    "long id": {"PatientID": "x" * 100},
    "name": {"PatientName": "a^b^c^d^e^f^g=h=i=j"},
    "several names": {"PatientName": "a\\b"},
    "size": {"PatientSize": "tall", "PatientWeight": "1\\2"},
    "de-identified": {"PatientIdentityRemoved": "YES"},
    "trial": {"ClinicalTrialProtocolID": "1"},
    "series number": {"SeriesNumber": "-5"},
    "large series number": {"SeriesNumber": str(2**31 - 1)},
    "lossy": {"LossyImageCompression": "01", "LossyImageCompressionRatio": "a lot"},
    "character set": {"SpecificCharacterSet": "ISO_IR 9999", "PatientName": "M\xfcller"},
    "no frame of reference": {"FrameOfReferenceUID": ""},
    "device": {"Manufacturer": "x" * 200, "SoftwareVersions": "", "DeviceSerialNumber": "y" * 65},
}


@pytest.mark.parametrize("case", GARBAGE)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_garbage_in_headers(case, tmp_path):
    attributes = GARBAGE[case]

    def change(_, ds):
        for keyword, value in attributes.items():
            tag = pydicom.datadict.tag_for_keyword(keyword)
            vr = pydicom.datadict.dictionary_VR(tag)
            raw = value.encode("latin-1")
            raw += b" " * (len(raw) % 2)
            ds[tag] = pydicom.dataelem.RawDataElement(
                pydicom.tag.Tag(tag), vr, len(raw), raw, 0, False, True
            )
        ds["PixelData"].VR = "OW"
        ds.set_original_encoding(False, True, "iso8859")  # so that the bytes go out as they are

    series = find_series(Stack().write(tmp_path / "images", change))[0]
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    path = tmp_path / "seg.dcm"
    seg.save(path)
    known = {"long id": "Value invalid for this VR", "name": "PatientName|Patient's Name"}
    said = standard_errors(path)
    assert [error for error in said if not re.search(known.get(case, "$^"), error)] == []
    read = pydicom.dcmread(path)
    assert read.StudyInstanceUID == series.study_instance_uid
    if case == "long id":
        assert read.PatientID == "x" * 100
    if case == "character set":
        assert str(read.PatientName) == "M\xfcller"
    if case == "old date":
        assert read.StudyDate == read.ContentDate == "19991231"


def test_absent_attributes(tmp_path):
    """An image with nothing but what makes it a slice."""

    def change(_, ds):
        for keyword in ("PatientID", "PatientName", "Modality", "SeriesNumber", "SliceThickness"):
            delattr(ds, keyword)

    series = find_series(Stack().write(tmp_path / "images", change))[0]
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    saved(seg, tmp_path)
    assert content_time(seg) == ("19000101", "000000")
    assert seg.dataset.SeriesNumber == 1000


def test_dates_are_those_of_the_images(tmp_path):
    dates = {"StudyDate": "20200102", "AcquisitionDate": "20200103", "AcquisitionTime": "101112.5"}
    series = find_series(Stack(common=dates).write(tmp_path))[0]
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    assert content_time(seg) == ("20200103", "101112.5")
    assert "InstanceCreationDate" not in seg.dataset
    assert "ContributionDateTime" not in str(seg.dataset)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("uid", ["1.2.\x07", "1.2.\xff", "UI1.2", "1\\2", "1..2", "1" * 65])
@pytest.mark.filterwarnings("ignore:::pydicom")
def test_uids_that_are_none(tmp_path, keyword, uid):
    def change(i, ds):
        setattr(ds, keyword, uid)

    series = find_series(Stack(np.ones((1, 6, 7), np.int16)).write(tmp_path, change))[0]
    with pytest.raises(ImageError, match=rf"has the {keyword} .*digits and dots"):
        make_seg(three_labels(series.grid), series, PROVENANCE)


@pytest.mark.filterwarnings("ignore:::pydicom")
def test_a_frame_of_reference_that_is_no_uid_is_left_out(tmp_path):
    def change(i, ds):
        ds.FrameOfReferenceUID = "1.2.\xff"

    series = find_series(Stack(np.ones((1, 6, 7), np.int16)).write(tmp_path, change))[0]
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    assert seg.dataset.FrameOfReferenceUID.is_valid


@pytest.mark.parametrize(
    ("date", "expected"),
    [("00601001", "00601001"), ("601001", "19000101"), ("2020.1.2", "19000101")],
)
@pytest.mark.filterwarnings("ignore:::pydicom")
def test_dates_of_early_years_stay_dates(tmp_path, date, expected):
    def change(i, ds):
        ds.StudyDate = date

    series = find_series(Stack(np.ones((1, 6, 7), np.int16)).write(tmp_path, change))[0]
    seg = make_seg(three_labels(series.grid), series, PROVENANCE)
    assert content_time(seg)[0] == expected


TWICE = """
import sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from makers.results import PROVENANCE, three_labels
from IODeepLib.results import make_seg, SegmentationType
from IODeepLib.series import find_series
series = find_series(Path(sys.argv[1]))[0]
for kind in ("BINARY", "LABELMAP"):
    seg = make_seg(three_labels(series.grid), series, PROVENANCE, seg_type=SegmentationType(kind))
    seg.save(Path(sys.argv[2]) / f"{kind}.dcm")
"""


def test_two_processes_write_the_same_bytes(tmp_path):
    images = Stack(common={"Modality": "CT", "Manufacturer": "maker"}).write(tmp_path / "images")
    digests = []
    for i in range(2):
        (tmp_path / str(i)).mkdir()
        arguments = [str(images), str(tmp_path / str(i)), *sys.path]
        subprocess.run([sys.executable, "-c", TWICE, *arguments], check=True)
        files = sorted((tmp_path / str(i)).iterdir())
        digests.append([hashlib.sha256(f.read_bytes()).hexdigest() for f in files])
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == 2


def test_uids_follow_the_content(stack, tmp_path):
    segmentation = three_labels(stack.grid)
    same = make_seg(segmentation, stack, PROVENANCE)
    other_array = segmentation.array.copy()
    other_array[0, 0, 0] = 2
    shifted = np.roll(segmentation.array, -1, 0)
    variants = [
        same,
        make_seg(replace(segmentation, array=other_array), stack, PROVENANCE),
        make_seg(segmentation, stack, PROVENANCE, seg_type=LABELMAP),
        make_seg(segmentation, stack, replace(PROVENANCE, weights_digest="0" * 64)),
        make_seg(segmentation, stack, replace(PROVENANCE, card_sop_instance_uid="2.25.99")),
        make_seg(segmentation, stack, replace(PROVENANCE, options={"threads": 1})),
        make_seg(replace(segmentation, array=shifted), stack, PROVENANCE),
    ]
    for uid in ("SOPInstanceUID", "SeriesInstanceUID"):
        uids = [getattr(v.dataset, uid) for v in variants]
        assert len(set(uids)) == len(uids)
        assert all(u.startswith("2.25.") and len(u) <= 64 for u in uids)
    again = make_seg(segmentation, stack, PROVENANCE)
    assert again.sop_instance_uid == same.sop_instance_uid
    meta = same.dataset.file_meta
    assert meta.MediaStorageSOPInstanceUID == same.sop_instance_uid


def test_a_folder_without_permission(stack, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    seg = make_seg(three_labels(stack.grid), stack, PROVENANCE)
    with pytest.raises(OutputError, match="cannot be written"):
        seg.save(in_the_way / "seg.dcm")


def test_a_failed_write_leaves_nothing(stack, tmp_path, monkeypatch):
    seg = make_seg(three_labels(stack.grid), stack, PROVENANCE)
    target = tmp_path / "out" / "seg.dcm"

    def fail(path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(seg.dataset, "save_as", fail, raising=False)
    with pytest.raises(OutputError, match="No space left"):
        seg.save(target)
    assert list(target.parent.iterdir()) == []
