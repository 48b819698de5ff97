"""Every attribute of a DICOM SEG has a value whose origin is known; a library adds none of its own.

highdicom fills in what it is not told, and a newer one may fill in more: an attribute that is not
listed here fails, and so does one with another value than that of its origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.placed_blobs import LAYOUTS, write
from makers.results import PROVENANCE, scattered
from makers.series import Stack
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.results import SegmentationType, make_seg
from IODeepLib.series import ImageSeries, find_series

BINARY, LABELMAP, FRACTIONAL = SegmentationType

HEADER = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19700203",
    "PatientSex": "F",
    "PatientAge": "050Y",
    "StudyDate": "20200102",
    "StudyTime": "101112",
    "StudyID": "S1",
    "StudyDescription": "whole body",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "Who^Ever",
    "ContentDate": "20200104",
    "ContentTime": "131415",
    "SeriesNumber": "12",
    "BodyPartExamined": "ABDOMEN",
    "TimezoneOffsetFromUTC": "+0200",
    "Manufacturer": "A maker",
    "LossyImageCompression": "01",
    "SpacingBetweenSlices": "9",
    "SliceThickness": "3.2",
}
# Of the images, and as they stand there.
FROM_IMAGES = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "BodyPartExamined",
    "TimezoneOffsetFromUTC",
    "ContentDate",
    "ContentTime",
    "LossyImageCompression",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
]
# Fixed by what a SEG is (PS3.3 sections A.51, C.8.20.2) and by what made it.
FIXED = {
    "SpecificCharacterSet": "ISO_IR 192",
    "ImageType": ["DERIVED", "PRIMARY"],
    "Modality": "SEG",
    "InstanceNumber": 1,
    "Manufacturer": "IODeep",
    "ManufacturerModelName": "IODeep",
    "DeviceSerialNumber": PROVENANCE.card_sop_instance_uid,
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelRepresentation": 0,
    "ContentLabel": "SEGMENTATION",
    "ContentDescription": "Organs of the abdomen 1.2.3",
    "ContentCreatorName": "",
    "PresentationLUTShape": "IDENTITY",
}
BY_TYPE: dict[SegmentationType, dict[str, Any]] = {
    BINARY: {"SOPClassUID": "66.4", "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0},
    LABELMAP: {
        "SOPClassUID": "66.7",
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelPaddingValue": 0,  # the background
    },
    FRACTIONAL: {
        "SOPClassUID": "66.4",
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "SegmentationFractionalType": "PROBABILITY",
        "MaximumFractionalValue": 255,
    },
}
OVERLAP = {BINARY: "NO", LABELMAP: "NO", FRACTIONAL: "UNDEFINED"}
# What they hold is held by tests of their own, in test_seg.py and test_readers.py.
ELSEWHERE = [
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SoftwareVersions",
    "ContributingEquipmentSequence",
    "DerivationDescription",
    "ReferencedSeriesSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
    "SourceImageSequence",
    "SourceInstanceSequence",
    "DimensionOrganizationSequence",
    "DimensionIndexSequence",
    "SegmentSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "PixelData",
]
PLACES = [*LAYOUTS, "nowhere"]


@pytest.fixture(scope="module")
def series_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ImageSeries]:
    made: dict[str, ImageSeries] = {}

    def series(name: str) -> ImageSeries:
        if name not in made:
            folder: Path = tmp_path_factory.mktemp("images")
            if name == "nowhere":
                _without_place(folder)
            else:
                write(LAYOUTS[name], folder, **HEADER)
            (made[name],) = find_series(folder)
        return made[name]

    return series


def _without_place(folder: Path) -> None:
    def change(_, ds) -> None:
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"):
            delattr(ds, keyword)

    stack = Stack(np.zeros((1, 20, 24), np.int16), common={**HEADER, "Modality": "CR"})
    stack.write(folder, change)


@pytest.mark.parametrize("seg_type", SegmentationType)
@pytest.mark.parametrize("name", PLACES)
def test_every_attribute_has_a_known_origin(series_of, name, seg_type) -> None:
    series = series_of(name)
    segmentation = scattered(series.grid)
    masks = np.stack([segmentation.mask(label) for label in segmentation.labels])
    segmentation = replace(segmentation, probabilities=masks.astype(np.uint8) * 200)
    kinds = [segmentation]
    if isinstance(series.slices, SliceStack):
        kinds.append(segmentation.on_slices(series.slices))
    for one in kinds:
        made = make_seg(one, series, PROVENANCE, seg_type=seg_type)
        _check(made.dataset, one, series, name, seg_type)


def _check(ds, segmentation, series, name, seg_type) -> None:
    source = series.header
    expected = {**FIXED, **BY_TYPE[seg_type], "SegmentationType": seg_type.value}
    expected["SOPClassUID"] = "1.2.840.10008.5.1.4.1.1." + expected["SOPClassUID"]
    expected["SegmentsOverlap"] = OVERLAP[seg_type]
    expected |= {k: source[k].value for k in FROM_IMAGES if k in source}
    expected |= {"SeriesDate": source.ContentDate, "SeriesTime": source.ContentTime}
    on_slices = segmentation.array.shape != series.grid.shape
    what = "segmentation on its slices" if on_slices else "segmentation"
    number = source.SeriesNumber + (2000 if on_slices else 1000)
    expected |= {"SeriesNumber": number, "SeriesDescription": f"Organs of the abdomen 1.2.3 {what}"}
    slices, rows, columns = segmentation.array.shape
    expected |= {"Rows": rows, "Columns": columns}
    per_label = [segmentation.mask(x).any(axis=(1, 2)) for x in segmentation.labels]
    frames = slices if seg_type is LABELMAP else int(np.sum(per_label))
    expected["NumberOfFrames"] = frames
    if seg_type is LABELMAP and slices > 1 and not on_slices:
        expected["DimensionOrganizationType"] = "3D"  # one even stack of frames
    if name == "nowhere":
        del expected["PositionReferenceIndicator"]
        expected["PatientOrientation"] = None  # type 2C: where nothing says how it is turned
        assert "FrameOfReferenceUID" not in expected

    stated = {element.keyword: element.value for element in ds}
    assert set(stated) - set(expected) - set(ELSEWHERE) == set()
    assert set(expected) - set(stated) <= {"PresentationLUTShape"}  # not in highdicom 0.27
    for keyword in set(expected) & set(stated):
        value = expected[keyword]
        found = stated[keyword]
        assert found == value or str(found) == str(value) or not (found or value), keyword


@pytest.mark.parametrize("name", ["axial", "nowhere"])
def test_nothing_stays_of_the_pixel_that_highdicom_was_given(series_of, name) -> None:
    """It lies at the origin, turned as no image here, is 1 mm large and has the UID 0.0."""
    series = series_of(name)
    ds = make_seg(scattered(series.grid), series, PROVENANCE).dataset
    uids = [e.value for e in ds.iterall() if e.VR == "UI" and e.keyword != "SOPClassUID"]
    assert uids and "0.0" not in uids
    turned = [list(e.value) for e in ds.iterall() if e.keyword == "ImageOrientationPatient"]
    assert [0, 1, 0, 0, 0, 1] not in turned
    groups = [e.keyword for e in ds.SharedFunctionalGroupsSequence[0]]
    placed = ["PlaneOrientationSequence", "PixelMeasuresSequence"]
    assert groups == (placed if name == "axial" else [])


@pytest.mark.parametrize(
    ("said", "stored", "lossy"),
    [
        (None, ExplicitVRLittleEndian, "00"),
        ("00", ExplicitVRLittleEndian, "00"),
        ("01", ExplicitVRLittleEndian, "01"),
        (None, JPEGBaseline8Bit, "01"),
        ("00", JPEGExtended12Bit, "01"),
        (None, JPEGLSNearLossless, "01"),
        (None, JPEGLSLossless, "00"),
    ],
)
@pytest.mark.parametrize("other", [False, True])
def test_lossy_compression_of_any_image_is_said(said, stored, lossy, other, tmp_path) -> None:
    """What highdicom does not know is 00 for it: it sees one image, and no pixels."""

    def change(i: int, ds) -> None:
        if said is not None:
            ds.LossyImageCompression = said
        if i == 3 and stored.is_encapsulated:
            ds.PixelData = encapsulate([b"not read here "])
            ds["PixelData"].is_undefined_length = True
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = stored

    (one,) = find_series(Stack().write(tmp_path / "one", None if other else change))
    others = list(find_series(Stack().write(tmp_path / "other", change))) if other else []
    ds = make_seg(scattered(one.grid), one, PROVENANCE, others=others).dataset
    assert ds.LossyImageCompression == lossy
