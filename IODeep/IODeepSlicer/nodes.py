"""Slicer's volume nodes as images of the library, and what it found as segmentation nodes."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
import vtk

if TYPE_CHECKING:
    import numpy as np

    from IODeepLib.geometry import Grid
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label
    from IODeepLib.segmentation import Segmentation
    from IODeepLib.series import ImageSeries, VolumeImage

# What a person says about an image whose header does not say it, kept with the volume node.
SAID = {"Modality": "IODeep.Modality", "BodyPartExamined": "IODeep.BodyPartExamined"}
# On the node of a result: everything about the run, as JSON.
DOCUMENT = "IODeep.Document"
# On a segmentation node: a digest of what was found, and what of it was saved as DICOM.
DIGEST, SAVED = "IODeep.Digest", "IODeep.SavedInstanceUIDs"
# On a segment: the label's value in the recipe.
LABEL_VALUE = "IODeep.LabelValue"
# From the node of a result to the volume that it is about.
IMAGE_ROLE = "IODeep.Image"

_INSTANCE_UIDS = "DICOM.instanceUIDs"  # core keeps them with volumes from the database
_TERMINOLOGY = "Segmentation category and type - DICOM master list"
_ANATOMIC_CODES = "Anatomic codes - DICOM master list"


def imageOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> VolumeImage:
    """The image as the user sees it: the node's voxels, where its transforms put them.

    The voxels are the node's own memory, not a copy.

    Raises:
        ImageError: there are no voxels.
    """
    import numpy as np
    from pydicom.dataset import Dataset

    from IODeepLib.errors import ImageError
    from IODeepLib.geometry import Grid, Volume
    from IODeepLib.series import VolumeImage

    name = volumeNode.GetName()
    if volumeNode.GetImageData() is None or 0 in volumeNode.GetImageData().GetDimensions():
        raise ImageError(
            f"the volume {name!r} has no voxels", "an image", "choose another volume, or load it"
        )
    series = seriesOf(volumeNode)
    header = Dataset() if series is None else series.header
    said = {k: volumeNode.GetAttribute(a) for k, a in SAID.items()}
    missing = {k: value for k, value in said.items() if value and not header.get(k)}
    if missing:
        header = Dataset(header)
        for keyword, value in missing.items():
            setattr(header, keyword, value)

    problems = [] if series is None else list(series.problems)
    if series is None and volumeNode.GetAttribute(_INSTANCE_UIDS):
        problems.append("its DICOM files are not in the open DICOM database")
    fault = None
    if series is not None:
        # What the library corrects where it reads the files, nobody has corrected in the node.
        fault = series.geometry_fault or series.geometry.irregularity or None
    frame = None if series is None else series.frame_of_reference
    transform = volumeNode.GetParentTransformNode()
    if transform is not None:
        frame = None
        problems.append(f"the transform {transform.GetName()!r} moves the image")
        if not transform.IsTransformToWorldLinear():
            fault = fault or f"the transform {transform.GetName()!r}, which bends the image"

    array = slicer.util.arrayFromVolume(volumeNode)
    grid = Grid(array.shape, _affine(volumeNode), frame)
    if np.linalg.det(grid.directions) == 0 or not _upright(grid):
        fault = fault or "axes that are not perpendicular"
    return VolumeImage(Volume(array, grid), header, name, fault, tuple(problems))


def _upright(grid: Grid) -> bool:
    import numpy as np

    skew = grid.directions.T @ grid.directions - np.eye(3)
    return bool(np.abs(skew).max() < 1e-3)  # as SimpleITK and most file formats demand


def _affine(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """(4, 4): array index (k, j, i) to LPS millimetres in the world."""
    import numpy as np

    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    transform = volumeNode.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        toWorld = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(toWorld)
        vtk.vtkMatrix4x4.Multiply4x4(toWorld, ijkToRas, ijkToRas)
    matrix = slicer.util.arrayFromVTKMatrix(ijkToRas)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]


def seriesOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ImageSeries | None:
    """The series of the DICOM database that the node was loaded from, if it is still there."""
    uids = (volumeNode.GetAttribute(_INSTANCE_UIDS) or "").split()
    database = slicer.dicomDatabase
    if not uids or database is None or not database.isOpen:
        return None
    files = [database.fileForInstance(uid) for uid in uids]
    if not all(file and Path(file).is_file() for file in files):
        return None
    parts = _series(tuple(files))
    slices = volumeNode.GetImageData().GetDimensions()[2]
    return next((part for part in parts if len(part.frames) == slices), parts[0])


@functools.lru_cache(maxsize=32)
def _series(files: tuple[str, ...]) -> list[ImageSeries]:
    from IODeepLib.series import find_series

    return find_series(files)


def stampOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> tuple[object, ...]:
    """What is another one once the voxels are others."""
    voxels = volumeNode.GetImageData()
    return voxels, voxels and voxels.GetMTime()


def notInHeader(image: VolumeImage) -> set[str]:
    """The keywords of `SAID` that the image does not answer, so that a person may."""
    from IODeepLib.facts import found_regions

    known = {"Modality": image.modality, "BodyPartExamined": any(found_regions(image))}
    return {keyword for keyword, value in known.items() if not value}


def otherVolumes(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The other images in the scene that can fill further channels of a network."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [
        node
        for node in nodes
        if node is not volumeNode
        and not node.IsA("vtkMRMLLabelMapVolumeNode")
        and node.GetImageData() is not None
        and node.GetImageData().GetNumberOfPoints() > 0
    ]


def createSegmentationNode(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    model: Model,
    segmentation: Segmentation,
    document: dict[str, Any],
) -> slicer.vtkMRMLSegmentationNode:
    """A new segmentation node on the grid of `volumeNode`, one segment for each label found."""
    from IODeepLib.results.colors import display_color

    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(slicer.mrmlScene.GenerateUniqueName(model.card.title))
    node.SetAttribute(DOCUMENT, json.dumps(document | {"overlapping": segmentation.overlapping}))
    node.SetAttribute(DIGEST, _digest(segmentation))
    shared = None if segmentation.overlapping else _labelmap(segmentation.array, volumeNode)
    for index, label in enumerate(segmentation.labels):
        if label.name in document["missing"]:
            continue
        segment = slicer.vtkSegment()
        if segmentation.overlapping:
            mask = _labelmap(segmentation.mask(label), volumeNode)
            segment.AddRepresentation("Binary labelmap", mask)
        else:
            segment.AddRepresentation("Binary labelmap", shared)
            segment.SetLabelValue(label.value)
        segment.SetName(label.name)
        segment.SetColor(*(part / 255 for part in display_color(label, index)))
        _tag(segment, label, model)
        node.GetSegmentation().AddSegment(segment, f"IODeep_{label.value}")
    # Complete: in the scene, all who watch it would look at every segment that is added.
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.SetNodeReferenceID(IMAGE_ROLE, volumeNode.GetID())
    putUnder(volumeNode, node)
    return node


def _labelmap(
    array: np.ndarray, volumeNode: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkOrientedImageData:
    import numpy as np
    from vtk.util.numpy_support import numpy_to_vtk

    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetDimensions(*array.shape[::-1])
    kind = np.uint8 if array.max(initial=0) < 256 else np.int16
    if array.max(initial=0) > np.iinfo(np.int16).max:
        kind = np.int32
    flat = np.ascontiguousarray(array, dtype=kind).ravel()
    labelmap.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    labelmap.SetGeometryFromImageToWorldMatrix(matrix)
    return labelmap


def _tag(segment: slicer.vtkSegment, label: Label, model: Model) -> None:
    """What core's exporters and the terminology navigator know a segment by."""
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminologyEntry(label))
    segment.SetTag("DICOM.SegmentAlgorithmType", label.algorithm_type.value)
    segment.SetTag("DICOM.SegmentAlgorithmName", model.label)
    segment.SetTag(LABEL_VALUE, str(label.value))


def terminologyEntry(label: Label) -> str:
    """`label` in the words of Slicer's terminologies."""
    from IODeepLib.codes import LATERALITIES

    def triplet(code: Any) -> str:
        return f"{code.scheme}^{code.value}^{code.meaning}" if code is not None else "^^"

    modifier = label.modifier
    if modifier is None and label.laterality is not None:
        modifier = LATERALITIES[label.laterality.value]
    return "~".join(
        (
            _TERMINOLOGY,
            triplet(label.category),
            triplet(label.type),
            triplet(modifier),
            _ANATOMIC_CODES,
            triplet(label.anatomic_region),
            triplet(label.anatomic_region_modifier),
        )
    )


def putUnder(parent: slicer.vtkMRMLNode, node: slicer.vtkMRMLNode) -> None:
    """Show `node` below `parent` in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(parent))


def imageNodeOf(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume that a result of IODeep is about, if it is still in the scene."""
    return node.GetNodeReference(IMAGE_ROLE)


def documentOf(node: slicer.vtkMRMLNode) -> dict[str, Any] | None:
    """Everything about the run that made the node; None for one that IODeep did not make."""
    text = node.GetAttribute(DOCUMENT)
    return json.loads(text) if text else None


def segmentsByLabelValue(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
) -> Iterator[tuple[int, str]]:
    """(label value, segment ID) of the segments that a network found."""
    segmentation = segmentationNode.GetSegmentation()
    for segmentId in segmentation.GetSegmentIDs():
        value = vtk.mutable("")
        if segmentation.GetSegment(segmentId).GetTag(LABEL_VALUE, value):
            yield int(str(value)), segmentId


def segmentationOf(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labels: tuple[Label, ...],
    grid: Grid,
    *,
    overlapping: bool,
) -> Segmentation:
    """What the node holds now, as the library's labels on `grid`, the image's own.

    Raises:
        ImageError: it is not what the network found any more, or its image is gone.
    """
    import numpy as np

    from IODeepLib.errors import ImageError
    from IODeepLib.segmentation import Segmentation

    shape = (len(labels), *grid.shape) if overlapping else grid.shape
    largest = 1 if overlapping else max(label.value for label in labels)
    array = np.zeros(shape, np.uint8 if largest < 256 else np.uint16)
    volumeNode = imageNodeOf(segmentationNode)
    places = {label.value: index for index, label in enumerate(labels)}
    for value, segmentId in segmentsByLabelValue(segmentationNode):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode)
        if overlapping:
            array[places[value]] = mask != 0
        else:
            array[mask != 0] = value
    segmentation = Segmentation(array, grid, labels)
    if _digest(segmentation) != segmentationNode.GetAttribute(DIGEST):
        raise ImageError(
            f"{segmentationNode.GetName()!r} was changed after the run",
            "the segments as the network found them, which is what the DICOM object will say",
            "run again, or export the edited segments with the DICOM export of the Data module",
        )
    return segmentation


def _digest(segmentation: Segmentation) -> str:
    import numpy as np

    # With a type of our own: a scene may come back with another one.
    largest = max(label.value for label in segmentation.labels)
    kind = np.uint8 if largest < 256 else np.uint16
    content = np.ascontiguousarray(segmentation.array, dtype=kind)
    return hashlib.sha256(content).hexdigest()
