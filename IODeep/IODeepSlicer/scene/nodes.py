"""What the library found as nodes of Slicer, and what they hold as the library's labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import slicer
import vtk

from IODeepSlicer.scene import images
from IODeepSlicer.scene.replacing import replaceContent
from IODeepSlicer.scene.terms import TERMINOLOGY
from IODeepSlicer.text.plain_text import tame

if TYPE_CHECKING:
    import numpy as np

    from IODeepLib.geometry import Grid
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label

# On the node of a result: everything about the run, as JSON.
DOCUMENT = "IODeep.Document"
# On a segmentation node: a digest of what was found, and what of it was saved as DICOM.
DIGEST, SAVED = "IODeep.Digest", "IODeep.SavedInstanceUIDs"
# On a segment: the label's value in the recipe.
LABEL_VALUE = "IODeep.LabelValue"
# From the node of a result to the volume that it is about.
IMAGE_ROLE = "IODeep.Image"

_ANATOMIC_CODES = "Anatomic codes - DICOM master list"
_SEPARATORS = str.maketrans("~^", "--")


def createSegmentationNode(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    model: Model,
    segmentation: Segmentation,
    document: dict[str, Any],
    into: slicer.vtkMRMLSegmentationNode | None = None,
) -> slicer.vtkMRMLSegmentationNode:
    """A segmentation node on the voxels of `volumeNode`, one segment for each label found.

    Of slices that were corrected, on the even, upright grid that they were corrected to. It is a
    new node, or `into` with this content instead of its own.
    """
    from IODeepLib.results.colors import display_color

    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(slicer.mrmlScene.GenerateUniqueName(tame(model.card.title)))
    node.SetAttribute(DOCUMENT, json.dumps(document | {"overlapping": segmentation.overlapping}))
    node.SetAttribute(DIGEST, _digest(segmentation))
    place = _placeOf(volumeNode)
    shared = _labelmap(segmentation.array, place) if not segmentation.overlapping else None
    for index, label in enumerate(segmentation.labels):
        if label.name in document["missing"]:
            continue
        segment = slicer.vtkSegment()
        if shared is None:
            mask = _labelmap(segmentation.mask(label), place)
            segment.AddRepresentation("Binary labelmap", mask)
        else:
            segment.AddRepresentation("Binary labelmap", shared)
            segment.SetLabelValue(label.value)
        segment.SetName(tame(label.name))
        segment.SetColor(*(part / 255 for part in display_color(label, index)))
        _tag(segment, label, model)
        node.GetSegmentation().AddSegment(segment, f"IODeep_{label.value}")
    if into is None:
        # Complete: in the scene, all who watch it would look at every segment that is added.
        slicer.mrmlScene.AddNode(node)
    else:
        replaceContent(into, node)
        node = into
    node.CreateDefaultDisplayNodes()
    converter = slicer.vtkSegmentationConverter
    node.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(),
        converter.SerializeImageGeometry(place.geometry),
    )
    if not place.ofItsOwn:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.SetNodeReferenceID(IMAGE_ROLE, volumeNode.GetID())
    putUnder(volumeNode, node)
    return node


@dataclass(frozen=True)
class _Place:
    """Where the voxels of a result lie.

    Attributes:
        geometry: an image without values.
        ofItsOwn: whether that is in the patient as it is, and not where the image's node has it.
    """

    geometry: slicer.vtkOrientedImageData
    ofItsOwn: bool


def _placeOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> _Place:
    image = images.imageOf(volumeNode)
    geometry = slicer.vtkOrientedImageData()
    geometry.SetDimensions(*image.grid.shape[::-1])
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    if image.stack is not None:
        matrix = images.ijkToRAS(image.grid)
    geometry.SetGeometryFromImageToWorldMatrix(matrix)
    return _Place(geometry, image.stack is not None)


def _labelmap(array: np.ndarray, place: _Place) -> slicer.vtkOrientedImageData:
    import numpy as np
    from vtk.util.numpy_support import numpy_to_vtk

    labelmap = slicer.vtkOrientedImageData()
    labelmap.DeepCopy(place.geometry)
    largest = array.max(initial=0)
    kind = "uint8" if largest < 256 else "int16" if largest <= np.iinfo(np.int16).max else "int32"
    flat = np.ascontiguousarray(array, dtype=kind).ravel()
    scalars = numpy_to_vtk(flat, deep=True)
    # The name that VTK gives scalars itself: core's DICOM export looks for the voxels by it, and
    # the conversion to surfaces takes them away by it.
    scalars.SetName("ImageScalars")
    labelmap.GetPointData().SetScalars(scalars)
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
        if code is None:
            return "^^"
        # Slicer takes the whole apart at these two.
        parts = (
            tame(part).translate(_SEPARATORS) for part in (code.scheme, code.value, code.meaning)
        )
        return "^".join(parts)

    modifier = label.modifier
    if modifier is None and label.laterality is not None:
        modifier = LATERALITIES[label.laterality.value]
    return "~".join(
        (
            TERMINOLOGY,
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
    above = hierarchy.GetItemByDataNode(parent)
    if above:  # hidden nodes have no place there
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), above)


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
    """What the node holds now, as the library's labels on `grid`, that of the image.

    Raises:
        ImageError: it is not what the network found any more, or its image is gone.
    """
    import numpy as np

    from IODeepLib.errors import ImageError
    from IODeepLib.inference.segmentation import Segmentation

    shape = (len(labels), *grid.shape) if overlapping else grid.shape
    largest = 1 if overlapping else max(label.value for label in labels)
    array = np.zeros(shape, np.uint8 if largest < 256 else np.uint16)
    volumeNode = imageNodeOf(segmentationNode)
    if volumeNode is None:
        raise ImageError(
            "the image that was segmented is not in the scene",
            "the image, on whose voxels the segments lie",
            "load the image and run again",
        )
    place = _placeOf(volumeNode)
    places = {label.value: index for index, label in enumerate(labels)}
    for value, segmentId in segmentsByLabelValue(segmentationNode):
        mask = _mask(segmentationNode, segmentId, volumeNode, place)
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


def _mask(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segmentId: str,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    place: _Place,
) -> np.ndarray:
    """(k, j, i) on the voxels of the result: not 0 where the segment is."""
    from vtk.util.numpy_support import vtk_to_numpy

    if not place.ofItsOwn:
        return slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode)
    own, onGrid, toWorld = (
        slicer.vtkOrientedImageData(),
        slicer.vtkOrientedImageData(),
        vtk.vtkGeneralTransform(),
    )
    segmentationNode.GetBinaryLabelmapRepresentation(segmentId, own)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        segmentationNode.GetParentTransformNode(), None, toWorld
    )
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        own, place.geometry, onGrid, False, False, toWorld
    )
    shape = onGrid.GetDimensions()[::-1]
    return vtk_to_numpy(onGrid.GetPointData().GetScalars()).reshape(shape)


def _digest(segmentation: Segmentation) -> str:
    import numpy as np

    # With a type of our own: a scene may come back with another one.
    largest = max(label.value for label in segmentation.labels)
    kind = np.uint8 if largest < 256 else np.uint16
    content = np.ascontiguousarray(segmentation.array, dtype=kind)
    return hashlib.sha256(content.data).hexdigest()
