"""Segmentations that IODeep made elsewhere, loaded by Slicer's own reader, are results here."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
import slicer
import slicer_application
from highdicom.color import CIELabColor
from IODeepSlicer.scene import images, nodes, segments
from IODeepSlicer.scene.adopting import adopt, adoptAll
from IODeepSlicer.scene.record import recordOf
from IODeepSlicer.scene.segments import Origin
from IODeepSlicer.work import saving
from judges import on_grid, read_by_dcmqi
from makers import networks
from makers.recipes import label, recipe

from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.publish import pack
from IODeepLib.results.corrections import corrected_by
from IODeepLib.series import find_series

pytestmark = pytest.mark.usefixtures("scene")

Node = slicer.vtkMRMLSegmentationNode


def loaded(path: Path, study: Path, volume: slicer.vtkMRMLScalarVolumeNode, folder: Path) -> Node:
    """What core's DICOMSegmentationPlugin makes of a SEG in the database, by dcmqi as it does."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    if not slicer.dicomDatabase.fileForInstance(header.SOPInstanceUID):
        slicer.dicomDatabase.insert(str(path))
    (series,) = find_series(study)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "loaded")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    by_number = {item.SegmentNumber: item for item in header.SegmentSequence}
    for image in read_by_dcmqi(path, folder).values():
        turn = series.grid.axis_map(images.imageOf(volume).grid.orientation)
        array = turn.apply(on_grid(image, series.grid))
        for number, item in by_number.items():
            if not (array == number).any():
                continue
            segment_id = node.GetSegmentation().AddEmptySegment("", item.SegmentLabel)
            slicer.util.updateSegmentBinaryLabelmapFromArray(
                (array == number).astype("uint8"), node, segment_id, volume
            )
            segment = node.GetSegmentation().GetSegment(segment_id)
            segment.SetTag("DICOM.SegmentAlgorithmType", item.SegmentAlgorithmType)
            color = CIELabColor.from_dicom_value(item.RecommendedDisplayCIELabValue)
            segment.SetColor(*(part / 255 for part in color.to_rgb()))
    node.SetAttribute("DICOM.instanceUIDs", header.SOPInstanceUID)
    return node


@pytest.fixture
def seg(study: Path, network: Model, tmp_path: Path) -> Path:
    """A SEG that `iodeep run` has made."""
    (series,) = find_series(study)
    run(series, network).save(tmp_path / "result")
    return tmp_path / "result" / "segmentation.dcm"


def test_it_is_corrected_and_names_what_it_corrects(
    seg: Path, study: Path, network: Model, tmp_path: Path
) -> None:
    volume = slicer_application.load(study)
    node = loaded(seg, study, volume, tmp_path / "dcmqi")
    adoptAll([network])
    assert recordOf(node).provenance.network_digest == network.card.network_digest
    found = segments.now(node)
    assert {each.origin for each in found} == {Origin.FOUND} and len(found) == 2
    assert saving.isSaved(node, found)
    segment_id = node.GetSegmentation().GetSegmentIdBySegmentName("grey")
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume)
    mask[:3] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment_id, volume)
    uid, _report = saving.saveToDatabase(node, [network])
    made = pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid), stop_before_pixels=True)
    original = pydicom.dcmread(seg, stop_before_pixels=True)
    assert corrected_by(made) == original.SOPInstanceUID
    kinds = {item.SegmentLabel: item.SegmentAlgorithmType for item in made.SegmentSequence}
    assert kinds == {"grey": "SEMIAUTOMATIC", "white": "AUTOMATIC"}
    assert "olored" not in made.DerivationDescription
    # The correction itself, loaded by somebody else: what was edited stays that.
    again = loaded(
        Path(slicer.dicomDatabase.fileForInstance(uid)), study, volume, tmp_path / "again"
    )
    assert adopt(again, [network])
    origins = {each.name: each.origin for each in segments.now(again)}
    assert origins == {"grey": Origin.EDITED, "white": Origin.FOUND}


def test_what_is_not_whole_stays_what_it_is(
    seg: Path, study: Path, network: Model, tmp_path: Path
) -> None:
    volume = slicer_application.load(study)
    node = loaded(seg, study, volume, tmp_path / "dcmqi")
    layer = networks.save(networks.conv(3, channels=2, layers=1), tmp_path / "other.onnx")
    needs = recipe(
        applies_to={"modalities": ["CT"]}, output={"channels": 2, "labels": [label(1, "grey")]}
    )
    assert not adopt(node, [])
    assert not adopt(node, [pack(layer, needs, tmp_path / "other")])
    node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), None)
    assert not adopt(node, [network])
    drawn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    drawn.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    adoptAll([network])
    for each in (node, drawn):
        assert nodes.documentOf(each) is None
