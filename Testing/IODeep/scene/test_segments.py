"""What segments are after edits, in Slicer's own core: by it, and in scenes that come back."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer
import vtk
from IODeepSlicer.scene import nodes, saved, segments
from IODeepSlicer.scene.nodes import tagOf
from IODeepSlicer.scene.segments import ALGORITHM_NAME, ALGORITHM_TYPE, Origin, SegmentNow
from makers.kidney_and_liver import found_in, image_node
from makers.packed_models import make_model

from IODeepLib.errors import ImageError
from IODeepLib.model_object import Model

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def volume(scene: object) -> slicer.vtkMRMLScalarVolumeNode:
    return image_node()


@pytest.fixture(params=[False, True], ids=["exclusive", "overlapping"])
def result(
    request: pytest.FixtureRequest, volume: slicer.vtkMRMLScalarVolumeNode, model: Model
) -> slicer.vtkMRMLSegmentationNode:
    return made(volume, model, overlapping=request.param)


def made(
    volume: slicer.vtkMRMLScalarVolumeNode, model: Model, *, overlapping: bool = False
) -> slicer.vtkMRMLSegmentationNode:
    segmentation = found_in(volume, overlapping=overlapping)
    document = {"missing": ["spleen"], "volumes_ml": segmentation.volumes()}
    return nodes.createSegmentationNode(volume, model, segmentation, document)


def edit(result: slicer.vtkMRMLSegmentationNode, name: str, where: tuple, value: int = 1) -> None:
    """As the Segment Editor does it: the voxels of one segment are others."""
    volume = nodes.imageNodeOf(result)
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName(name)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, volume)
    mask[where] = value
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, volume)


def by_name(result: slicer.vtkMRMLSegmentationNode) -> dict[str, SegmentNow]:
    return {each.name: each for each in segments.now(result)}


def origins(result: slicer.vtkMRMLSegmentationNode) -> dict[str, Origin]:
    return {name: each.origin for name, each in by_name(result).items()}


def test_a_new_result_is_as_the_network_found_it(result: slicer.vtkMRMLSegmentationNode) -> None:
    found = by_name(result)
    assert {name: each.voxels for name, each in found.items()} == {"kidney": 12, "liver": 8}
    assert {each.origin for each in found.values()} == {Origin.FOUND}
    assert [each.value for each in found.values()] == [1, 3]
    for name, milliliters in nodes.documentOf(result)["volumes_ml"].items():
        assert name == "spleen" or found[name].milliliters == pytest.approx(milliliters)


def test_one_voxel_more_is_an_edit_and_taking_it_back_is_none(
    result: slicer.vtkMRMLSegmentationNode,
) -> None:
    edit(result, "kidney", (0, 0, 0))
    assert origins(result) == {"kidney": Origin.EDITED, "liver": Origin.FOUND}
    assert by_name(result)["kidney"].voxels == 13
    edit(result, "kidney", (0, 0, 0), 0)
    assert origins(result) == {"kidney": Origin.FOUND, "liver": Origin.FOUND}


def test_what_is_painted_over_is_edited_too(
    volume: slicer.vtkMRMLScalarVolumeNode, model: Model
) -> None:
    """Merged: the liver gets the kidney's voxels, and the kidney is taken away."""
    result = made(volume, model)
    edit(result, "liver", (slice(1, 3), slice(2, 4), slice(2, 5)))
    segmentation = result.GetSegmentation()
    segmentation.RemoveSegment(segmentation.GetSegmentIdBySegmentName("kidney"))
    found = by_name(result)
    assert (found["liver"].origin, found["liver"].voxels) == (Origin.EDITED, 20)
    assert "kidney" not in found


def test_a_segment_that_was_added_is_not_the_networks(
    result: slicer.vtkMRMLSegmentationNode,
) -> None:
    result.GetSegmentation().AddEmptySegment("", "cyst")
    edit(result, "cyst", (5, 7, slice(0, 3)))
    found = by_name(result)["cyst"]
    assert (found.origin, found.voxels, found.value) == (Origin.ADDED, 3, None)


def test_a_segment_of_another_result_is_not_this_networks(
    volume: slicer.vtkMRMLScalarVolumeNode, model: Model
) -> None:
    """It came by drag and drop, with all its tags."""
    one, other = made(volume, model), made(volume, model)
    segmentation = one.GetSegmentation()
    source = other.GetSegmentation()
    segment_id = source.GetSegmentIdBySegmentName("liver")
    assert segmentation.CopySegmentFromSegmentation(source, segment_id)
    found = segments.now(one)
    assert [each.origin for each in found] == [Origin.FOUND, Origin.FOUND, Origin.ADDED]


def test_names_and_colors_change_no_voxel(result: slicer.vtkMRMLSegmentationNode) -> None:
    before = segments.now(result)
    segment = result.GetSegmentation().GetNthSegment(0)
    segment.SetName("left kidney")
    segment.SetColor(0.1, 0.2, 0.3)
    now = segments.now(result)
    assert now[0].name == "left kidney" and now[0].color == (26, 51, 76)
    assert now[0].origin is Origin.FOUND
    assert saved.stateOf(now) != saved.stateOf(before)


def test_an_edit_is_known_in_a_scene_that_comes_back(
    result: slicer.vtkMRMLSegmentationNode, tmp_path: Path
) -> None:
    edit(result, "kidney", (0, 0, 0))
    result.GetSegmentation().AddEmptySegment("", "cyst")
    edit(result, "cyst", (5, 7, slice(0, 3)))
    before = segments.now(result)
    bundle = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(bundle)
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(bundle)
    (back,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    now = segments.now(back)
    assert [each.fingerprint for each in now] == [each.fingerprint for each in before]
    assert [each.origin for each in now] == [each.origin for each in before]
    assert saved.stateOf(now) == saved.stateOf(before)
    for segment_id in back.GetSegmentation().GetSegmentIDs():
        labelmap = (
            back.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
        )
        # By this name core's DICOM export looks for voxels.
        assert labelmap.GetPointData().GetArray("ImageScalars") is not None


def test_cores_tags_tell_who_made_a_segment(
    result: slicer.vtkMRMLSegmentationNode, model: Model
) -> None:
    edit(result, "kidney", (0, 0, 0))
    segments.tellCore(result, segments.now(result))
    kidney, liver = (result.GetSegmentation().GetNthSegment(i) for i in range(2))
    assert tagOf(kidney, ALGORITHM_TYPE) == "SEMIAUTOMATIC"
    assert tagOf(kidney, ALGORITHM_NAME) == f"{model.label}, edited by hand"
    assert (tagOf(liver, ALGORITHM_TYPE), tagOf(liver, ALGORITHM_NAME)) == (
        "AUTOMATIC",
        model.label,
    )
    edit(result, "kidney", (0, 0, 0), 0)
    segments.tellCore(result, segments.now(result))
    assert tagOf(kidney, ALGORITHM_TYPE) == "AUTOMATIC"
    assert tagOf(kidney, ALGORITHM_NAME) == model.label


def test_an_edit_beyond_the_image_counts(
    volume: slicer.vtkMRMLScalarVolumeNode, model: Model
) -> None:
    """As with a geometry of the segmentation that is larger than the image."""
    result = made(volume, model)
    larger = slicer.vtkOrientedImageData()
    labelmap = result.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    larger.DeepCopy(labelmap)
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        labelmap, grown(labelmap), larger
    )
    for segment_id in result.GetSegmentation().GetSegmentIDs():
        result.GetSegmentation().GetSegment(segment_id).AddRepresentation("Binary labelmap", larger)
    assert set(origins(result).values()) == {Origin.FOUND}
    larger.SetScalarComponentFromDouble(-1, 0, 0, 0, 1)
    found = by_name(result)["kidney"]
    assert (found.origin, found.voxels) == (Origin.EDITED, 13)


def grown(labelmap: slicer.vtkOrientedImageData) -> slicer.vtkOrientedImageData:
    """Its geometry with a voxel more on each side."""
    geometry = slicer.vtkOrientedImageData()
    geometry.DeepCopy(labelmap)
    first_last = labelmap.GetExtent()
    geometry.SetExtent(*(edge + (-1, 1)[n % 2] for n, edge in enumerate(first_last)))
    geometry.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    return geometry


def test_segments_that_are_surfaces_are_named(result: slicer.vtkMRMLSegmentationNode) -> None:
    result.CreateClosedSurfaceRepresentation()
    segmentation = result.GetSegmentation()
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.RemoveRepresentation("Binary labelmap")
    with pytest.raises(ImageError, match="are no voxels"):
        segments.now(result)


def test_without_its_image_a_result_is_still_counted(
    result: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode
) -> None:
    before = segments.now(result)
    slicer.mrmlScene.RemoveNode(volume)
    now = segments.now(result)
    assert [each.origin for each in now] == [Origin.FOUND, Origin.FOUND]
    assert [each.milliliters for each in now] == pytest.approx([e.milliliters for e in before])


@pytest.mark.parametrize("text", ["", "x", "-1", "٣", "1" * 5000])
def test_tags_of_a_foreign_scene_are_not_trusted(
    result: slicer.vtkMRMLSegmentationNode, text: str
) -> None:
    result.GetSegmentation().GetNthSegment(0).SetTag(nodes.LABEL_VALUE, text)
    assert segments.now(result)[0].origin is Origin.ADDED


def test_an_edit_while_it_is_looked_at_begins_anew(
    result: slicer.vtkMRMLSegmentationNode,
) -> None:
    looking = segments.look(result)
    next(looking)
    edit(result, "liver", (0, 0, 0))
    while True:
        try:
            next(looking)
        except StopIteration as end:
            found = {each.name: each for each in end.value}
            break
    assert found["liver"].origin is Origin.EDITED
    assert found["liver"].voxels == 9


@pytest.mark.parametrize("text", ["{", "[]", "1", "\x00"])
def test_a_document_that_is_none_makes_no_result(
    result: slicer.vtkMRMLSegmentationNode, text: str
) -> None:
    result.SetAttribute(nodes.DOCUMENT, text)
    assert nodes.documentOf(result) is None
