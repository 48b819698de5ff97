"""Volume nodes and segmentation nodes in Slicer's own core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer_application
import vtk
from IODeepSlicer import nodes
from makers.packed_models import make_model
from makers.recipes import label, recipe
from makers.series import Stack

from IODeepLib.errors import ImageError
from IODeepLib.model_object import Model
from IODeepLib.segmentation import Segmentation

pytestmark = pytest.mark.usefixtures("scene")

SHAPE = (4, 6, 8)  # slice, row, column
LABELS = [
    label(1, "kidney", laterality="L", color=[10, 200, 30]),
    label(3, "liver", algorithm_type="SEMIAUTOMATIC"),
    label(7, "spleen"),
]


def volume(name: str = "image") -> slicer.vtkMRMLScalarVolumeNode:
    """A volume that is turned in space, with voxels of three different sizes."""
    voxels = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    matrix = turn(30, (1, 2, 3))
    matrix[:3, :3] *= 0.7, 0.8, 2.5
    matrix[:3, 3] = -20, 15, 100
    ijk_to_ras = slicer.util.vtkMatrixFromArray(matrix)
    return slicer.util.addVolumeFromArray(voxels, ijk_to_ras, name)


def turn(degrees: float, axis: tuple[float, ...]) -> np.ndarray:
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, *axis)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def moved(node: slicer.vtkMRMLTransformableNode, matrix: np.ndarray) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    transform.SetAndObserveTransformNodeID(node.GetTransformNodeID())
    node.SetAndObserveTransformNodeID(transform.GetID())


def where_slicer_has(node: slicer.vtkMRMLScalarVolumeNode, ijk: np.ndarray) -> np.ndarray:
    """RAS millimetres in the world, through Slicer's own transforms."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    to_world = vtk.vtkGeneralTransform()
    parent = node.GetParentTransformNode()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(parent, None, to_world)
    return np.array(to_world.TransformPoint(matrix.MultiplyPoint((*ijk, 1))[:3]))


@pytest.mark.parametrize(
    "matrices",
    [(), (turn(40, (0, 1, 1)),), (turn(25, (3, 1, 0)), np.diag([1.2, 1.2, 1.2, 1]))],
    ids=["as it is", "turned", "turned and enlarged"],
)
def test_every_voxel_lies_where_slicer_shows_it(matrices: tuple[np.ndarray, ...]) -> None:
    node = volume()
    for matrix in matrices:
        moved(node, matrix)
    image = nodes.imageOf(node)
    assert image.geometry_fault is None
    for k, j, i in [(0, 0, 0), (3, 0, 0), (0, 5, 0), (0, 0, 7), (2, 3, 4)]:
        lps = image.grid.affine @ (k, j, i, 1)
        np.testing.assert_allclose(
            lps[:3] * (-1, -1, 1), where_slicer_has(node, (i, j, k)), atol=1e-4
        )
    np.testing.assert_array_equal(image.volume().array, slicer.util.arrayFromVolume(node))
    assert bool(image.problems) == bool(matrices)


def test_mirrored_axes_are_as_good_as_any() -> None:
    node = volume()
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    for row in range(3):
        matrix.SetElement(row, 2, -matrix.GetElement(row, 2))
    node.SetIJKToRASMatrix(matrix)
    grid = nodes.imageOf(node).grid
    np.testing.assert_allclose(
        (grid.affine @ (3, 0, 0, 1))[:3] * (-1, -1, 1), where_slicer_has(node, (0, 0, 3)), atol=1e-4
    )


def test_what_is_cropped_is_smaller_and_lies_where_it_lay() -> None:
    node = volume()
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetXYZ(*where_slicer_has(node, (4, 3, 2)))
    roi.SetRadiusXYZ(2, 2, 2)
    cropped = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "cropped")
    assert slicer.vtkSlicerCropVolumeLogic.CropVoxelBased(roi, node, cropped) == 0
    image, whole = nodes.imageOf(cropped), nodes.imageOf(node)
    assert np.prod(image.grid.shape) < np.prod(whole.grid.shape)
    first = whole.grid.index(image.grid.point([(0, 0, 0)]))[0]
    np.testing.assert_allclose(first, np.round(first), atol=1e-4)
    k, j, i = np.round(first).astype(int)
    assert image.volume().array[0, 0, 0] == whole.volume().array[k, j, i]


def test_a_transform_that_shears_or_bends_is_a_fault() -> None:
    sheared = volume()
    matrix = np.eye(4)
    matrix[0, 1] = 0.3
    moved(sheared, matrix)
    assert nodes.imageOf(sheared).geometry_fault == "axes that are not perpendicular"
    bent = volume()
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "breathing")
    transform.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    bent.SetAndObserveTransformNodeID(transform.GetID())
    assert "'breathing', which bends the image" in nodes.imageOf(bent).geometry_fault


def test_a_volume_without_voxels_is_an_error() -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")
    with pytest.raises(ImageError, match="'nothing' has no voxels"):
        nodes.imageOf(node)
    other = volume()
    assert nodes.otherVolumes(other) == []


def test_what_a_person_says_fills_what_the_header_does_not_say() -> None:
    node = volume()
    node.SetAttribute(nodes.SAID["Modality"], "CT")
    assert nodes.imageOf(node).modality == "CT"


def test_an_image_of_the_database_has_its_header_and_place(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    Stack(common={"BodyPartExamined": "CHEST"}).write(tmp_path / "ct")
    node = slicer_application.load(tmp_path / "ct")
    node.SetAttribute(nodes.SAID["BodyPartExamined"], "KNEE")
    image, series = nodes.imageOf(node), nodes.seriesOf(node)
    assert image.header.BodyPartExamined == "CHEST"
    assert image.frame_of_reference == series.frame_of_reference
    own = image.grid.turned(image.grid.axis_map(series.grid.orientation))
    np.testing.assert_allclose(own.affine, series.grid.affine, atol=1e-4)
    moved(node, turn(1, (0, 0, 1)))
    assert nodes.imageOf(node).frame_of_reference is None
    Path(slicer.dicomDatabase.fileForInstance(str(series.header.SOPInstanceUID))).unlink()
    assert nodes.seriesOf(node) is None
    assert "its DICOM files are not in the open DICOM database" in nodes.imageOf(node).problems


def found(node: slicer.vtkMRMLScalarVolumeNode, *, overlapping: bool) -> Segmentation:
    """Two of three labels."""
    labels = recipe(output={"channels": 8, "labels": LABELS}).output.labels
    array = np.zeros((3, *SHAPE) if overlapping else SHAPE, np.uint8)
    if overlapping:
        array[0, 1:3, 1:4, 2:6] = array[1, 2:4, 2:5, 3:7] = 1
    else:
        array[1:3, 1:4, 2:6], array[3, :, 7] = 1, 3
    return Segmentation(array, nodes.imageOf(node).grid, labels)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_model(tmp_path_factory.mktemp("model"))


def made(
    node: slicer.vtkMRMLScalarVolumeNode, model: Model, segmentation: Segmentation
) -> slicer.vtkMRMLSegmentationNode:
    volumes = segmentation.volumes()
    missing = [name for name, volume in volumes.items() if not volume]
    document = {"empty": False, "volumes_ml": volumes, "missing": missing}
    return nodes.createSegmentationNode(node, model, segmentation, document)


@pytest.mark.parametrize("overlapping", [False, True])
def test_each_label_becomes_a_segment_on_the_images_own_grid(
    model: Model, overlapping: bool
) -> None:
    node = volume()
    moved(node, turn(40, (0, 1, 1)))
    segmentation = found(node, overlapping=overlapping)
    result = made(node, model, segmentation)
    assert list(dict(nodes.segmentsByLabelValue(result))) == [1, 3]
    for value, segment_id in nodes.segmentsByLabelValue(result):
        (one,) = (each for each in segmentation.labels if each.value == value)
        segment = result.GetSegmentation().GetSegment(segment_id)
        assert segment.GetName() == one.name
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, node)
        np.testing.assert_array_equal(mask != 0, segmentation.mask(one))
        # And without asking Slicer to resample anything.
        own = slicer.vtkOrientedImageData()
        assert result.GetBinaryLabelmapRepresentation(segment_id, own)
        to_world = vtk.vtkMatrix4x4()
        own.GetImageToWorldMatrix(to_world)
        ijk_to_ras = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(ijk_to_ras)
        expected = slicer.util.arrayFromVTKMatrix(ijk_to_ras)
        np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(to_world), expected, atol=1e-5)
    assert result.GetTransformNodeID() == node.GetTransformNodeID()
    back = nodes.segmentationOf(
        result, segmentation.labels, segmentation.grid, overlapping=overlapping
    )
    np.testing.assert_array_equal(back.array, segmentation.array)


def test_a_segment_says_what_it_is_and_who_made_it(model: Model) -> None:
    result = made(node := volume(), model, found(node, overlapping=False))
    segmentation = result.GetSegmentation()
    kidney, liver = (segmentation.GetNthSegment(i) for i in range(2))
    np.testing.assert_allclose(kidney.GetColor(), np.array([10, 200, 30]) / 255)
    entry = slicer.vtkSlicerTerminologyEntry()
    text = tag(kidney, kidney.GetTerminologyEntryTagName())
    assert slicer.vtkSlicerTerminologiesModuleLogic().DeserializeTerminologyEntry(text, entry)
    left = recipe(output={"channels": 8, "labels": LABELS}).output.labels[0]
    for code, expected in [
        (entry.GetCategoryObject(), left.category),
        (entry.GetTypeObject(), left.type),
    ]:
        assert code.GetCodeValue() == expected.value
        assert code.GetCodingSchemeDesignator() == expected.scheme
        assert code.GetCodeMeaning() == expected.meaning
    assert entry.GetTypeModifierObject().GetCodeMeaning() == "Left"
    assert tag(kidney, "DICOM.SegmentAlgorithmType") == "AUTOMATIC"
    assert tag(liver, "DICOM.SegmentAlgorithmType") == "SEMIAUTOMATIC"
    assert tag(liver, "DICOM.SegmentAlgorithmName") == model.label


def tag(segment: slicer.vtkSegment, name: str) -> str:
    value = vtk.mutable("")
    assert segment.GetTag(name, value)
    return str(value)


def test_it_stands_under_its_image(model: Model) -> None:
    volume("another")
    result = made(node := volume(), model, found(node, overlapping=False))
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(result))
    assert hierarchy.GetItemDataNode(parent) is node
    assert nodes.imageNodeOf(result) is node


@pytest.mark.parametrize("overlapping", [False, True])
def test_it_comes_back_with_the_scene(tmp_path: Path, model: Model, overlapping: bool) -> None:
    segmentation = found(node := volume(), overlapping=overlapping)
    document = nodes.documentOf(made(node, model, segmentation))
    bundle = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(bundle)
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(bundle)
    (result,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert nodes.documentOf(result) == document
    back = nodes.segmentationOf(
        result, segmentation.labels, segmentation.grid, overlapping=overlapping
    )
    np.testing.assert_array_equal(back.array, segmentation.array)
    assert nodes.imageNodeOf(result).GetName() == "image"


def test_an_edited_segment_is_not_what_was_found(model: Model) -> None:
    segmentation = found(node := volume(), overlapping=False)
    result = made(node, model, segmentation)
    segment_id = result.GetSegmentation().GetNthSegmentID(0)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, node)
    mask[0, 0, 0] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, node)
    with pytest.raises(ImageError, match="changed after the run"):
        nodes.segmentationOf(result, segmentation.labels, segmentation.grid, overlapping=False)
