"""What the library found as nodes of Slicer, and what they hold as the library's labels."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import slicer
import vtk

from IODeepSlicer.scene.places import LABELMAP, Place, placeOf
from IODeepSlicer.scene.replacing import replaceContent
from IODeepSlicer.scene.terminology import terminologyEntry
from IODeepSlicer.text.plain_text import tame

if TYPE_CHECKING:
    import numpy as np

    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label

# On the node of a result: everything about the run, as JSON.
DOCUMENT = "IODeep.Document"
# What a frame of a sequence has there that was not run on.
NO_DOCUMENT = "null"
# On a segmentation node, and on the segments that were found in that run.
RUN = "IODeep.Run"
# On such a segment: the label's value in the recipe, which voxels were found, and how and by whom.
LABEL_VALUE, FINGERPRINT, FOUND_AS = "IODeep.LabelValue", "IODeep.Fingerprint", "IODeep.FoundAs"
# From the node of a result to the volume that it is about.
IMAGE_ROLE = "IODeep.Image"


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
    said = {key: value for key, value in document.items() if key != "fingerprints"}
    said["labels"] = {str(label.value): label.name for label in segmentation.labels}
    node.SetAttribute(DOCUMENT, json.dumps(said))
    run = uuid.uuid4().hex
    node.SetAttribute(RUN, run)
    marks = document.get("fingerprints") or segmentation.fingerprints()
    place = placeOf(volumeNode)
    shared = _labelmap(segmentation.array, place) if not segmentation.overlapping else None
    for index, label in enumerate(segmentation.labels):
        if label.name in document["missing"]:
            continue
        segment = slicer.vtkSegment()
        if shared is None:
            mask = _labelmap(segmentation.mask(label), place)
            segment.AddRepresentation(LABELMAP, mask)
        else:
            segment.AddRepresentation(LABELMAP, shared)
            segment.SetLabelValue(label.value)
        segment.SetName(tame(label.name))
        segment.SetColor(*(part / 255 for part in display_color(label, index)))
        tagFound(segment, label, model, run, marks[label.name])
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


def _labelmap(array: np.ndarray, place: Place) -> slicer.vtkOrientedImageData:
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


def tagFound(segment: slicer.vtkSegment, label: Label, model: Model, run: str, mark: str) -> None:
    """What core's exporters and the terminology navigator know a segment by, and what we do."""
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminologyEntry(label))
    segment.SetTag("DICOM.SegmentAlgorithmType", label.algorithm_type.value)
    segment.SetTag("DICOM.SegmentAlgorithmName", model.label)
    segment.SetTag(FOUND_AS, f"{label.algorithm_type.value} {model.label}")
    segment.SetTag(LABEL_VALUE, str(label.value))
    segment.SetTag(RUN, run)
    segment.SetTag(FINGERPRINT, mark)


def putUnder(parent: slicer.vtkMRMLNode, node: slicer.vtkMRMLNode) -> None:
    """Show `node` below `parent` in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    above = hierarchy.GetItemByDataNode(parent)
    if above:  # hidden nodes have no place there
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), above)


def imageNodeOf(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume that a result of IODeep is about, if it is still in the scene."""
    return node.GetNodeReference(IMAGE_ROLE)


def presentImageOf(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLScalarVolumeNode:
    """The same, which must be there.

    Raises:
        ImageError: it is not.
    """
    from IODeepLib.errors import ImageError

    volumeNode = imageNodeOf(node)
    if volumeNode is None:
        raise ImageError(
            "the image of the result is not in the scene",
            "the image, which is measured and which DICOM objects refer to",
            "load the image and run again",
        )
    return volumeNode


def documentOf(node: slicer.vtkMRMLNode) -> dict[str, Any] | None:
    """Everything about the run that made the node; None for one that IODeep did not make."""
    try:
        document = json.loads(node.GetAttribute(DOCUMENT) or "null")
    except ValueError:  # a scene comes from anywhere
        return None
    return document if isinstance(document, dict) else None


def textsOf(document: dict[str, Any], key: str) -> list[str]:
    """A list of texts in a document; what is none in a scene from elsewhere is passed over."""
    found = document.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def tagOf(segment: slicer.vtkSegment, name: str) -> str:
    """The text of a tag; "" where there is none."""
    text = vtk.mutable("")
    return str(text) if segment.GetTag(name, text) else ""


def labelValueOf(segment: slicer.vtkSegment) -> int | None:
    """The value of the network's label that the segment was made for; None if there is none."""
    text = tagOf(segment, LABEL_VALUE)
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None


def segmentsByLabelValue(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
) -> Iterator[tuple[int, str]]:
    """(label value, segment ID) of the segments that a network found."""
    segmentation = segmentationNode.GetSegmentation()
    for segmentId in segmentation.GetSegmentIDs():
        value = labelValueOf(segmentation.GetSegment(segmentId))
        if value is not None:
            yield value, segmentId
