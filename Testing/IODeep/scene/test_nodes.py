"""Volume nodes and segmentation nodes in Slicer's own core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer_application
import vtk
from IODeepSlicer.scene import images, nodes, segments
from IODeepSlicer.scene.segments import Origin
from IODeepSlicer.text.image_text import imageHtml
from IODeepSlicer.work.job import Job, readJob, writeJob
from makers.packed_models import make_model
from makers.recipes import label, recipe
from makers.series import Stack, enhanced, save
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, run
from IODeepLib.series import find_series

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
    """RAS millimeters in the world, through Slicer's own transforms."""
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
    image = images.imageOf(node)
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
    grid = images.imageOf(node).grid
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
    image, whole = images.imageOf(cropped), images.imageOf(node)
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
    assert images.imageOf(sheared).geometry_fault == "axes that are not perpendicular"
    bent = volume()
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "breathing")
    transform.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    bent.SetAndObserveTransformNodeID(transform.GetID())
    assert "'breathing', which bends the image" in images.imageOf(bent).geometry_fault


def test_a_volume_without_voxels_is_an_error() -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")
    with pytest.raises(ImageError, match="'nothing' has no voxels"):
        images.imageOf(node)
    other = volume()
    assert images.otherVolumes(other) == []


def test_what_a_person_says_fills_what_the_header_does_not_say() -> None:
    node = volume()
    node.SetAttribute(images.SAID["Modality"], "CT")
    assert images.imageOf(node).modality == "CT"


def test_an_image_of_the_database_has_its_header_and_place(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    Stack(common={"BodyPartExamined": "CHEST"}).write(tmp_path / "ct")
    node = slicer_application.load(tmp_path / "ct")
    node.SetAttribute(images.SAID["BodyPartExamined"], "KNEE")
    image, series = images.imageOf(node), images.seriesOf(node)
    assert image.header.BodyPartExamined == "CHEST"
    assert image.frame_of_reference == series.frame_of_reference
    own = image.grid.turned(image.grid.axis_map(series.grid.orientation))
    np.testing.assert_allclose(own.affine, series.grid.affine, atol=1e-4)
    moved(node, turn(1, (0, 0, 1)))
    assert images.imageOf(node).frame_of_reference is None
    Path(slicer.dicomDatabase.fileForInstance(str(series.header.SOPInstanceUID))).unlink()
    assert images.seriesOf(node) is None
    assert "its DICOM files are not in the open DICOM database" in images.imageOf(node).problems


TOGETHER = {
    "two echoes": lambda i: {"EchoNumbers": 1 + i % 2, "EchoTime": 5.0 + i % 2},
    "three acquisitions in time": lambda i: {
        "TemporalPositionIdentifier": 1 + i % 3,
        "NumberOfTemporalPositions": 3,
    },
    "two orientations": lambda i: {
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0] if i % 2 else [0, 1, 0, -1, 0, 0]
    },
    "two b-values": lambda i: {"DiffusionBValue": 1000.0 * (i % 2)},
    "two kernels": lambda i: {
        "ConvolutionKernel": ["A", "B"][i % 2],
        "ImageType": ["A", str(i % 2)],
    },
}


@pytest.mark.parametrize("name", TOGETHER)
def test_several_volumes_in_one_are_no_volume(tmp_path: Path, name: str) -> None:
    (tmp_path / "mr").mkdir()

    def change(i: int, ds: Dataset) -> None:
        ds.ImagePositionPatient = [0, 0, float(i // 3)]
        for keyword, value in TOGETHER[name](i).items():
            setattr(ds, keyword, value)

    Stack(np.zeros((12, 4, 4), np.int16)).write(tmp_path / "mr", change)
    parts = find_series(tmp_path / "mr")
    node = slicer_application.load(tmp_path / "mr")
    refusal = images.imageOf(node).refusal
    assert len(parts) > 1
    assert refusal.startswith(f"{len(parts)} volumes in one (")


def _mapping(**more: object) -> Dataset:
    item = Dataset()
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, 3
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def _table() -> Dataset:
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [4, 0, 16], "US"
    item.LUTData = np.array([0, 10, 20, 30], "<u2").tobytes()
    return item


SCALED_OTHERWISE = {
    "Modality LUT": {"ModalityLUTSequence": [_table()]},
    "Real World Value Mapping": {
        "RealWorldValueMappingSequence": [
            _mapping(RealWorldValueSlope=2.0, RealWorldValueIntercept=0.0)
        ]
    },
    "Real World Value Mapping by table": {
        "RealWorldValueMappingSequence": [_mapping(RealWorldValueLUTData=[0.0, 1.0, 4.0, 9.0])]
    },
}


@pytest.mark.parametrize("name", SCALED_OTHERWISE)
def test_values_that_slicer_does_not_scale_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "mr").mkdir()
    voxels = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7) % 4
    Stack(voxels, common=SCALED_OTHERWISE[name]).write(tmp_path / "mr")
    node = slicer_application.load(tmp_path / "mr")
    assert "scales, and Slicer does not" in images.imageOf(node).refusal
    rescaled = {"RescaleSlope": 2.0, "RescaleIntercept": -1.0} | SCALED_OTHERWISE[name]
    if "ModalityLUTSequence" not in rescaled:  # what is rescaled needs no mapping
        (tmp_path / "rescaled").mkdir()
        Stack(voxels, common=rescaled).write(tmp_path / "rescaled")
        node = slicer_application.load(tmp_path / "rescaled")
        assert images.imageOf(node).refusal is None


@pytest.mark.parametrize("slopes", [(1.0, 2.0), (0.5, 0.5), (1.0, 1.0)])
def test_frames_with_several_slopes_in_a_file_are_refused(
    tmp_path: Path, slopes: tuple[float, float]
) -> None:
    stack = Stack(np.ones((4, 6, 7), np.uint16))
    scales = {
        "PixelValueTransformationSequence": lambda number: {
            "RescaleSlope": slopes[number % 2],
            "RescaleIntercept": 0.0,
            "RescaleType": "US",
        }
    }
    save(enhanced(stack, range(4), **scales), tmp_path / "enhanced" / "one.dcm")
    (series,) = find_series(tmp_path / "enhanced")
    slicer_application.insert(tmp_path / "enhanced")
    node = slicer.util.addVolumeFromArray(np.ones((4, 6, 7), np.uint16))
    node.SetAttribute("DICOM.instanceUIDs", series.sop_instance_uids[0])
    refused = images.imageOf(node).refusal
    assert bool(refused) == (slopes[0] != slopes[1])
    assert not refused or "several rescale slopes in one file" in refused


UNKNOWN = {
    "nothing": ({}, True, True),
    "no depth": ({"SliceThickness": None}, True, True),
    "no spacing": ({"PixelSpacing": None}, False, False),
    "spacing at the detector": (
        {"PixelSpacing": None, "ImagerPixelSpacing": [0.8, 0.7]},
        False,
        True,
    ),
    "no position": ({"ImagePositionPatient": None}, False, True),
    "no orientation": ({"ImageOrientationPatient": None}, False, True),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_the_files_do_not_say_is_not_known_of_the_volume(tmp_path: Path, name: str) -> None:
    """Slicer's reader takes 1 mm where nothing is said."""
    changes, placed, spaced = UNKNOWN[name]
    (tmp_path / "dx").mkdir()

    def change(_i: int, ds: Dataset) -> None:
        for keyword, value in changes.items():
            if value is None:
                del ds[keyword]
            else:
                setattr(ds, keyword, value)

    Stack(np.zeros((1, 6, 7), np.int16)).write(tmp_path / "dx", change)
    node = slicer_application.load(tmp_path / "dx")
    image, (series,) = images.imageOf(node), find_series(tmp_path / "dx")
    assert image.has_patient_geometry == series.has_patient_geometry == placed
    assert image.has_spacing == series.has_spacing == spaced
    sized = name == "nothing"
    assert image.has_voxel_size == series.has_voxel_size == sized
    assert ("of unknown size" in imageHtml(image)) == (not sized)


@pytest.mark.parametrize("name", UNKNOWN)
def test_no_millilitres_come_back_where_no_size_is_known(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """Through the process that computes, into the node."""
    (tmp_path / "dx").mkdir()

    def change(_i: int, ds: Dataset) -> None:
        for keyword, value in UNKNOWN[name][0].items():
            if value is None:
                del ds[keyword]
            else:
                setattr(ds, keyword, value)

    Stack(np.arange(42, dtype=np.int16).reshape(1, 6, 7)).write(tmp_path / "dx", change)
    node = slicer_application.load(tmp_path / "dx")
    network = model_of(
        tmp_path_factory.mktemp("model"),
        sums([[0], [1]], spatial=2),
        input={
            "axis_order": "NCYX",
            "intensity": [{"step": "scale_offset", "offset": -20}],
        },
    )
    for _ in writeJob(tmp_path, Job(network, Options(), [images.imageOf(node)])):
        pass
    job = readJob(tmp_path)
    result = run(job.images[0], job.model)
    (volume,) = result.document()["volumes_ml"].values()
    assert (volume is None) == (name != "nothing")
    assert not result.empty


def found(node: slicer.vtkMRMLScalarVolumeNode, *, overlapping: bool) -> Segmentation:
    """Two of three labels."""
    labels = recipe(output={"channels": 8, "labels": LABELS}).output.labels
    array = np.zeros((3, *SHAPE) if overlapping else SHAPE, np.uint8)
    if overlapping:
        array[0, 1:3, 1:4, 2:6] = array[1, 2:4, 2:5, 3:7] = 1
    else:
        array[1:3, 1:4, 2:6], array[3, :, 7] = 1, 3
    return Segmentation(array, images.imageOf(node).grid, labels)


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


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_voxels_have_the_name_by_which_core_looks_for_them(
    model: Model, overlapping: bool
) -> None:
    result = made(node := volume(), model, found(node, overlapping=overlapping))
    segmentation = result.GetSegmentation()
    for _, segment_id in nodes.segmentsByLabelValue(result):
        labelmap = segmentation.GetSegment(segment_id).GetRepresentation("Binary labelmap")
        # As DICOMSegmentationExporter.isSegmentEmpty asks, before core exports anything.
        assert labelmap.GetPointData().GetArray("ImageScalars").GetValueRange()[1] > 0
    assert result.CreateClosedSurfaceRepresentation()
    for _, segment_id in nodes.segmentsByLabelValue(result):
        surface = vtk.vtkPolyData()
        assert result.GetClosedSurfaceRepresentation(segment_id, surface)
        assert surface.GetNumberOfPoints() > 0
        assert surface.GetPointData().GetNumberOfArrays() <= 1  # normals; no voxels
        assert not surface.GetPointData().HasArray("ImageScalars")


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
    image = nodes.imageNodeOf(result)
    assert image.GetName() == "image"
    for value, mask in slicer_application.labels_of(result, image).items():
        (one,) = (each for each in segmentation.labels if each.value == value)
        np.testing.assert_array_equal(mask, segmentation.mask(one))
    assert {each.origin for each in segments.now(result)} == {Origin.FOUND}
