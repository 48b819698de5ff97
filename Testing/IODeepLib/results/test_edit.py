"""Results that people edited, judged by dciodvfy, dcmqi and highdicom's reader."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from judges import on_grid, read_by_dcmqi, standard_errors
from makers.results import PROVENANCE, label
from makers.series import Stack
from pydicom.uid import SegmentationStorage

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results import Edit, Seg, SegmentationType, StoredObject, make_seg
from IODeepLib.series import ImageSeries, find_series

LABELS = (label(1, "liver"), label(2, "spleen"), label(3, "cyst"), label(4, "vessel"))
EDIT = Edit(
    edited=frozenset((2,)),
    added={3: "", 4: "Vessels 2.0"},
    renamed=frozenset((1,)),
    removed=("kidney",),
    by="Doe^Jane",
)


@pytest.fixture
def stack(tmp_path: Path) -> ImageSeries:
    return find_series(Stack(common={"Modality": "CT", "SeriesNumber": 7}).write(tmp_path / "s"))[0]


def segmentation(series: ImageSeries) -> Segmentation:
    array = np.zeros(series.grid.shape, np.uint8)
    for value in range(1, 5):
        array[1:4, value, 1:5] = value
    return Segmentation(array, series.grid, LABELS)


def stored(seg: Seg) -> StoredObject:
    dataset = seg.dataset
    return StoredObject(
        dataset.StudyInstanceUID,
        dataset.SeriesInstanceUID,
        dataset.SOPInstanceUID,
        dataset.SOPClassUID,
    )


@pytest.mark.parametrize("kind", [SegmentationType.BINARY, SegmentationType.LABELMAP])
def test_each_segment_says_who_made_it(
    stack: ImageSeries, tmp_path: Path, kind: SegmentationType
) -> None:
    seg = make_seg(segmentation(stack), stack, PROVENANCE, seg_type=kind, edit=EDIT)
    seg.save(tmp_path / "seg.dcm")
    assert standard_errors(tmp_path / "seg.dcm") == []
    read = hd.seg.segread(tmp_path / "seg.dcm")
    said = {}
    for number, found in seg.segments:
        item = read.get_segment_description(number)
        said[found.name] = (item.SegmentAlgorithmType, item.get("SegmentAlgorithmName"))
        full = item.get("SegmentationAlgorithmIdentificationSequence")
        assert bool(full) == (found.name in ("liver", "spleen"))
        if full:
            assert full[0].AlgorithmName == item.SegmentAlgorithmName
            parameters = json.loads(full[0].AlgorithmParameters)
            assert parameters["network_sha256"] == PROVENANCE.network_digest
    assert said == {
        "liver": ("AUTOMATIC", "Organs of the abdomen"),
        "spleen": ("SEMIAUTOMATIC", "Organs of the abdomen, edited by hand"),
        "cyst": ("MANUAL", None),
        "vessel": ("SEMIAUTOMATIC", "Vessels 2.0"),
    }
    masks = read_by_dcmqi(tmp_path / "seg.dcm", tmp_path / "dcmqi").values()
    together = np.maximum.reduce([on_grid(mask, stack.grid) for mask in masks])
    np.testing.assert_array_equal(together, segmentation(stack).array)


def test_it_is_a_series_of_its_own_that_says_what_was_changed(stack: ImageSeries) -> None:
    former = make_seg(segmentation(stack), stack, PROVENANCE).dataset
    edited = make_seg(segmentation(stack), stack, PROVENANCE, edit=EDIT).dataset
    assert (former.SeriesNumber, edited.SeriesNumber) == (1007, 3007)
    assert edited.SeriesInstanceUID != former.SeriesInstanceUID
    assert edited.SeriesDescription == f"{former.SeriesDescription}, edited"
    assert edited.ContentDescription == f"{former.ContentDescription}, edited"
    assert (former.ContentCreatorName, edited.ContentCreatorName) == ("", "Doe^Jane")
    for words in (
        "Edited by hand: spleen",
        "Added by hand: cyst, vessel",
        "Removed by hand: kidney",
        "Named, colored or coded by hand: liver",
    ):
        assert words in edited.DerivationDescription
        assert words not in former.DerivationDescription
    (network,) = [
        item
        for item in edited.ContributingEquipmentSequence
        if item.get("DeviceSerialNumber") == PROVENANCE.card_sop_instance_uid
    ]
    assert "before they were edited by hand" in network.ContributionDescription
    again = make_seg(segmentation(stack), stack, PROVENANCE, edit=EDIT).dataset
    assert again.SOPInstanceUID == edited.SOPInstanceUID


def test_it_names_the_segmentation_that_it_corrects(stack: ImageSeries, tmp_path: Path) -> None:
    former = make_seg(segmentation(stack), stack, PROVENANCE)
    seg = make_seg(
        segmentation(stack), stack, PROVENANCE, edit=replace(EDIT, corrects=stored(former))
    )
    seg.save(tmp_path / "seg.dcm")
    assert standard_errors(tmp_path / "seg.dcm") == []
    *images, last = seg.dataset.SourceImageSequence
    assert [image.ReferencedSOPInstanceUID for image in images] == list(stack.sop_instance_uids)
    assert last.ReferencedSOPInstanceUID == former.sop_instance_uid
    assert last.ReferencedSOPClassUID == SegmentationStorage
    (purpose,) = last.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("CORRECTED", "99IODEEP")
    first, second = seg.dataset.ReferencedSeriesSequence
    assert first.SeriesInstanceUID == stack.series_instance_uid  # where viewers look for images
    assert second.SeriesInstanceUID == former.dataset.SeriesInstanceUID
    uids = hd.seg.segread(tmp_path / "seg.dcm").get_source_image_uids()
    assert {uid for _, _, uid in uids} >= set(stack.sop_instance_uids)


@pytest.mark.parametrize(
    "by", ["x" * 100, "A\\B=C\x1b[31m", "田中^太郎"], ids=["long", "hostile", "Japanese"]
)
def test_who_did_it_may_be_called_anything(stack: ImageSeries, tmp_path: Path, by: str) -> None:
    seg = make_seg(segmentation(stack), stack, PROVENANCE, edit=replace(EDIT, by=by))
    seg.save(tmp_path / "seg.dcm")
    assert standard_errors(tmp_path / "seg.dcm") == []
    name = str(seg.dataset.ContentCreatorName)
    assert 0 < len(name) <= 64
    assert name.isprintable() and "\\" not in name


def test_a_long_title_leaves_room_for_what_was_done(stack: ImageSeries) -> None:
    seg = make_seg(segmentation(stack), stack, replace(PROVENANCE, title="t" * 64), edit=EDIT)
    assert seg.dataset.SeriesDescription.endswith(" 1.2.3 segmentation, edited")
    assert len(seg.dataset.SeriesDescription) <= 64
    spleen = seg.dataset.SegmentSequence[1]
    assert spleen.SegmentAlgorithmName.endswith("..., edited by hand")
    assert len(spleen.SegmentAlgorithmName) <= 64


def test_without_a_change_it_is_what_it_was(stack: ImageSeries) -> None:
    plain = make_seg(segmentation(stack), stack, PROVENANCE)
    assert plain.dataset.SeriesDescription == "Organs of the abdomen 1.2.3 segmentation"
    types = [item.SegmentAlgorithmType for item in plain.dataset.SegmentSequence]
    assert types == ["AUTOMATIC"] * 4
