"""Results that were edited in the scene, saved as DICOM SEG by the process that makes it."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import slicer
import slicer_application
from IODeepSlicer.scene import images, nodes, saved, segments
from IODeepSlicer.work import saving
from IODeepSlicer.work.worker_process import State
from judges import on_grid, read_by_dcmqi, report_by_dcmtk, standard_errors

from IODeepLib.errors import ImageError, IODeepError
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.series import find_series

pytestmark = pytest.mark.usefixtures("scene")

Result = slicer.vtkMRMLSegmentationNode


@pytest.fixture
def result(scene: object, study: Path, network: Model) -> Result:
    volume = slicer_application.load(study)
    found = run(images.imageOf(volume), network)
    return nodes.createSegmentationNode(volume, network, found.segmentation, found.document())


def edit(result: Result, name: str, where: tuple, value: int = 1) -> None:
    volume = nodes.imageNodeOf(result)
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName(name)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, volume)
    mask[where] = value
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, volume)


def save(result: Result, network: Model) -> Path:
    """The file of the segmentation; that of the report lies beside it."""
    return saved_pair(result, network)[0]


def saved_pair(result: Result, network: Model) -> tuple[Path, Path]:
    uids = saving.saveToDatabase(result, [network])
    path, report = (Path(slicer.dicomDatabase.fileForInstance(uid)) for uid in uids)
    assert standard_errors(path) == standard_errors(report) == []
    return path, report


def in_scene(result: Result, study: Path) -> dict[str, np.ndarray]:
    """The masks of all segments with voxels, by name, on the grid of the series."""
    (series,) = find_series(study)
    volume, segmentation = nodes.imageNodeOf(result), result.GetSegmentation()
    turn = images.imageOf(volume).grid.axis_map(series.grid.orientation)
    found = {}
    for segment_id in segmentation.GetSegmentIDs():
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, volume)
        if mask.any():
            found[segmentation.GetSegment(segment_id).GetName()] = turn.apply(mask) != 0
    return found


def in_file(path: Path, study: Path, tmp_path: Path) -> dict[str, np.ndarray]:
    """The same as dcmqi reads it, which is what Slicer reads it with."""
    (series,) = find_series(study)
    labels = {i.SegmentNumber: i.SegmentLabel for i in pydicom.dcmread(path).SegmentSequence}
    found = {}
    for image in read_by_dcmqi(path, tmp_path / f"dcmqi-{path.name}").values():
        array = on_grid(image, series.grid)
        found |= {labels[n]: array == n for n in np.unique(array[array != 0])}
    return found


def who(path: Path) -> dict[str, tuple[str, str | None]]:
    return {
        item.SegmentLabel: (item.SegmentAlgorithmType, item.get("SegmentAlgorithmName"))
        for item in pydicom.dcmread(path).SegmentSequence
    }


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for name, mask in wanted.items():
        np.testing.assert_array_equal(found[name], mask, err_msg=name)


def test_what_was_edited_is_saved_as_that(
    result: Result, study: Path, network: Model, tmp_path: Path
) -> None:
    former = save(result, network)
    edit(result, "grey", (slice(0, 2), slice(0, 4)))
    segment_id = result.GetSegmentation().AddEmptySegment("", "cyst")
    edit(result, "cyst", (slice(4, 6), slice(0, 3), slice(0, 3)))
    cyst = result.GetSegmentation().GetSegment(segment_id)
    cyst.SetColor(0, 0, 1)
    cyst.SetTag(
        cyst.GetTerminologyEntryTagName(),
        "Segmentation category and type - DICOM master list~SCT^49755003^Morphologically Abnormal "
        "Structure~SCT^441457006^Cyst~^^~Anatomic codes - DICOM master list~SCT^64033007^Kidney~^^",
    )
    path = save(result, network)
    assert path != former
    assert_same(in_file(path, study, tmp_path), in_scene(result, study))
    said = who(path)
    assert (said["grey"][0], said["white"][0]) == ("SEMIAUTOMATIC", "AUTOMATIC")
    assert said["grey"][1].endswith(", edited by hand")
    assert said["cyst"] == ("MANUAL", None)
    dataset = pydicom.dcmread(path)
    (item,) = (item for item in dataset.SegmentSequence if item.SegmentLabel == "cyst")
    assert item.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Cyst"
    assert item.AnatomicRegionSequence[0].CodeMeaning == "Kidney"
    rgb = highdicom.color.CIELabColor.from_dicom_value(item.RecommendedDisplayCIELabValue).to_rgb()
    assert rgb == (0, 0, 255)
    corrected = dataset.SourceImageSequence[-1]
    assert corrected.ReferencedSOPInstanceUID == pydicom.dcmread(former).SOPInstanceUID
    assert dataset.SeriesDescription.endswith(", edited")
    assert "Added by hand: cyst" in dataset.DerivationDescription


def test_the_same_state_is_saved_once(result: Result, network: Model) -> None:
    former = save(result, network)
    edit(result, "grey", (0, 0, 0))
    edit(result, "grey", (0, 0, 1), 0)
    first = save(result, network)
    assert save(result, network) == first != former
    assert saved.savedFiles(result, segments.now(result))[0] == first
    edit(result, "grey", (0, 0, 2))
    edit(result, "white", (0, 0, 2))
    assert saved.savedFiles(result, segments.now(result)) == []
    with pytest.raises(ImageError, match="as it is now, is not in the DICOM database"):
        saved.filesToSend(result, segments.now(result))
    second = pydicom.dcmread(save(result, network))
    assert second.SourceImageSequence[-1].ReferencedSOPInstanceUID == first.stem


def test_an_edit_that_was_never_saved_before_corrects_the_run(
    result: Result, network: Model
) -> None:
    edit(result, "grey", (slice(0, 2),), 0)
    dataset = pydicom.dcmread(save(result, network))
    assert not any("PurposeOfReferenceCodeSequence" in i for i in dataset.SourceImageSequence)
    (card,) = dataset.SourceInstanceSequence
    assert card.ReferencedSOPInstanceUID == network.card.sop_instance_uid
    assert "Edited by hand: grey" in dataset.DerivationDescription


def test_names_and_colors_of_people_do_not_change_whose_the_voxels_are(
    result: Result, study: Path, network: Model, tmp_path: Path
) -> None:
    segment = result.GetSegmentation().GetNthSegment(0)
    segment.SetName("grey matter")
    segment.SetColor(1, 0, 0)
    path = save(result, network)
    assert {kind for kind, _ in who(path).values()} == {"AUTOMATIC"}
    assert_same(in_file(path, study, tmp_path), in_scene(result, study))
    dataset = pydicom.dcmread(path)
    assert "Named, colored or coded by hand: grey matter" in dataset.DerivationDescription
    color = highdicom.color.CIELabColor.from_dicom_value(
        dataset.SegmentSequence[0].RecommendedDisplayCIELabValue
    )
    assert color.to_rgb() == (255, 0, 0)


def test_merged_and_emptied_segments(
    result: Result, study: Path, network: Model, tmp_path: Path
) -> None:
    segmentation = result.GetSegmentation()
    edit(result, "grey", (slice(None),))
    segmentation.RemoveSegment(segmentation.GetSegmentIdBySegmentName("white"))
    path = save(result, network)
    assert_same(in_file(path, study, tmp_path), in_scene(result, study))
    assert "Removed by hand: white" in pydicom.dcmread(path).DerivationDescription
    assert [kind for kind, _ in who(path).values()] == ["SEMIAUTOMATIC"]
    edit(result, "grey", (slice(None),), 0)
    (report,) = saving.saveToDatabase(result, [network])  # there is nothing for a segmentation
    said = report_by_dcmtk(Path(slicer.dicomDatabase.fileForInstance(report)))
    assert '"removed by hand: white, grey"' in said


def test_segments_that_overlap_by_hand(
    result: Result, study: Path, network: Model, tmp_path: Path
) -> None:
    segmentation = result.GetSegmentation()
    segmentation.AddEmptySegment("", "tumor")
    volume = nodes.imageNodeOf(result)
    segment_id = segmentation.GetSegmentIdBySegmentName("tumor")
    segmentation.SeparateSegmentLabelmap(segment_id)
    mask = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    mask[2:5, 1:6, 1:6] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, volume)
    wanted = in_scene(result, study)
    assert (
        sum(int(m.sum()) for m in wanted.values())
        > np.logical_or.reduce(list(wanted.values())).sum()
    )
    path = save(result, network)
    dataset = pydicom.dcmread(path)
    assert dataset.SegmentsOverlap == "YES"
    read = highdicom.seg.segread(path)
    (series,) = find_series(study)
    pixels = read.get_pixels_by_source_instance(
        list(series.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    found = {
        read.get_segment_description(n).segment_label: pixels[..., i] != 0
        for i, n in enumerate(read.segment_numbers)
    }
    assert_same(found, wanted)
    assert who(path)["tumor"] == ("MANUAL", None)
    assert who(path)["grey"][0] == "AUTOMATIC"


@pytest.mark.parametrize(
    "name",
    ["<img src='file://host/share'>", "a\\b", "\x1b[31mred", "n" * 200, " ", "肝臓"],
)
def test_names_from_anywhere(result: Result, network: Model, name: str) -> None:
    result.GetSegmentation().AddEmptySegment("", "new")
    edit(result, "new", (0, slice(0, 3)))
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName("new")
    segment = result.GetSegmentation().GetSegment(segment_id)
    segment.SetName(name)
    segment.SetTag(segment.GetTerminologyEntryTagName(), "~a^\x1b^<b>~^^^^~~~~~~~")
    segment.SetTag("DICOM.SegmentAlgorithmName", name)
    segment.SetColor(float("nan"), -3, 5e9)
    dataset = pydicom.dcmread(save(result, network))
    item = dataset.SegmentSequence[-1]
    assert 0 < len(item.SegmentLabel) <= 64 and item.SegmentLabel.isprintable()
    assert item.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tissue"


def test_what_lies_beyond_the_image_is_refused(result: Result, network: Model) -> None:
    labelmap = result.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    larger, geometry = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    geometry.DeepCopy(labelmap)
    geometry.SetExtent(*(e + (-1, 1)[n % 2] for n, e in enumerate(labelmap.GetExtent())))
    geometry.AllocateScalars(3, 1)
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        labelmap, geometry, larger
    )
    larger.SetScalarComponentFromDouble(-1, 0, 0, 0, 1)
    for segment_id in result.GetSegmentation().GetSegmentIDs():
        result.GetSegmentation().GetSegment(segment_id).AddRepresentation("Binary labelmap", larger)
    with pytest.raises(ImageError, match="voxels of 'A network for tests' beyond the image"):
        saving.saveToDatabase(result, [network])


def test_segments_that_change_while_they_are_handed_over(result: Result, network: Model) -> None:
    one = saving.startSaving(result, [network])
    edit(result, "grey", (0, 0, 0))
    edit(result, "grey", (0, 0, 1), 0)
    while one.poll() is State.RUNNING:
        pass
    with pytest.raises(IODeepError, match="were changed while"):
        saving.finishSaving(one)
