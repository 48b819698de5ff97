"""What the segments of a result are now: as the network found them, or changed by hand.

A segment that a network found has a fingerprint of its voxels in a tag, so that it is known again
after edits, in a scene that comes back, and as a copy in another segmentation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import slicer
import vtk

from IODeepSlicer.scene import images, nodes
from IODeepSlicer.scene.nodes import tagOf
from IODeepSlicer.scene.places import LABELMAP, Layer, Place, layersOf, placeOf, placeWithoutImage

if TYPE_CHECKING:
    from IODeepLib.voxels.label_tally import LabelTally

ALGORITHM_TYPE, ALGORITHM_NAME = "DICOM.SegmentAlgorithmType", "DICOM.SegmentAlgorithmName"


class Origin(Enum):
    """Whose a segment is."""

    FOUND = "found"
    EDITED = "edited"
    ADDED = "added"


@dataclass(frozen=True)
class SegmentNow:
    """A segment as it is.

    Attributes:
        id, name, color, entry: color as red, green, blue, 0 to 255; the terminology as its tag.
        origin: the network's, the network's with other voxels, or somebody else's.
        value: of the network's label; None of what was added.
        voxels, fingerprint: how many it has, and which, see `LabelTally`.
        milliliters: None where it is not known how large a voxel is.
    """

    id: str
    name: str
    color: tuple[int, int, int]
    entry: str
    origin: Origin
    value: int | None
    voxels: int
    fingerprint: str
    milliliters: float | None


def look(segmentationNode: slicer.vtkMRMLNode) -> Generator[None, None, list[SegmentNow]]:
    """Look at all segments, a slice at each step; where a step finds them changed, begin again.

    A result that is a table has none.

    Raises:
        ImageError: the segments are no voxels.
    """
    if not isinstance(segmentationNode, slicer.vtkMRMLSegmentationNode):
        return []
    while True:
        stamp = stampOf(segmentationNode)
        found: dict[str, tuple[int, str]] = {}
        place = _placeOf(segmentationNode)
        for layer in layersOf(segmentationNode, place):
            tally = yield from _tally(layer, place)
            for segmentId, value in layer.values.items():
                found[segmentId] = tally.voxels(value), tally.fingerprint(value)
        if stampOf(segmentationNode) == stamp:
            return [*_asTheyAre(segmentationNode, found)]


def now(segmentationNode: slicer.vtkMRMLNode) -> list[SegmentNow]:
    """The same at once."""
    looking = look(segmentationNode)
    while True:
        try:
            next(looking)
        except StopIteration as end:
            return end.value


def stampOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> tuple[object, ...]:
    """What is another one once voxels, names, colors or tags of the segments are others."""
    segmentation = segmentationNode.GetSegmentation()
    stamp: list[object] = [segmentationNode.GetParentTransformNode()]
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        labelmap = segment.GetRepresentation(LABELMAP)
        voxels = (labelmap, labelmap.GetMTime()) if labelmap is not None else ()
        tags = [tagOf(segment, name) for name in (nodes.FINGERPRINT, _terminology(segment))]
        stamp += [segmentId, segment.GetName(), colorOf(segment), *tags, *voxels]
    return tuple(stamp)


def colorOf(segment: slicer.vtkSegment) -> tuple[int, int, int]:
    """Red, green, blue, 0 to 255; a scene may hold any numbers."""
    red, green, blue = (round(255 * min(1.0, max(0.0, part))) for part in segment.GetColor())
    return red, green, blue


def tellCore(segmentationNode: slicer.vtkMRMLSegmentationNode, segments: list[SegmentNow]) -> None:
    """Say in the tags of core, whose DICOM export reads them, who made the segments."""
    from IODeepLib.results.edit import by_hand

    segmentation = segmentationNode.GetSegmentation()
    for each in segments:
        segment = segmentation.GetSegment(each.id)
        if segment is None or each.origin is Origin.ADDED:
            continue
        kind, name = tagOf(segment, nodes.FOUND_AS).partition(" ")[::2]
        if each.origin is Origin.EDITED:
            kind, name = "SEMIAUTOMATIC", by_hand(name)
        for tag, text in ((ALGORITHM_TYPE, kind), (ALGORITHM_NAME, name)):
            if kind and tagOf(segment, tag) != text:
                segment.SetTag(tag, text)


def _terminology(segment: slicer.vtkSegment) -> str:
    return segment.GetTerminologyEntryTagName()


def _placeOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Place:
    volumeNode = nodes.imageNodeOf(segmentationNode)
    return placeWithoutImage(segmentationNode) if volumeNode is None else placeOf(volumeNode)


def _tally(layer: Layer, place: Place) -> Generator[None, None, LabelTally]:
    from IODeepLib.voxels.label_tally import LabelTally

    tally = LabelTally(place.shape[2])
    first, row, column = layer.start
    for k, plane in enumerate(layer.array, first):
        tally.add(k, plane, (row, column))
        yield
    return tally


def _asTheyAre(
    segmentationNode: slicer.vtkMRMLSegmentationNode, found: dict[str, tuple[int, str]]
) -> Iterator[SegmentNow]:
    segmentation = segmentationNode.GetSegmentation()
    run, size = segmentationNode.GetAttribute(nodes.RUN), _voxelSize(segmentationNode)
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        voxels, fingerprint = found.get(segmentId, (0, ""))
        origin, value = Origin.ADDED, nodes.labelValueOf(segment)
        if value is not None and run and tagOf(segment, nodes.RUN) == run:
            same = fingerprint == tagOf(segment, nodes.FINGERPRINT)
            origin = Origin.FOUND if same else Origin.EDITED
        yield SegmentNow(
            segmentId,
            segment.GetName(),
            colorOf(segment),
            tagOf(segment, _terminology(segment)),
            origin,
            value if origin is not Origin.ADDED else None,
            voxels,
            fingerprint,
            None if size is None else voxels * size,
        )


def _voxelSize(segmentationNode: slicer.vtkMRMLSegmentationNode) -> float | None:
    """Milliliters of a voxel; None where it is not known."""
    volumeNode = nodes.imageNodeOf(segmentationNode)
    if volumeNode is not None:
        image = images.imageOf(volumeNode)
        return image.grid.voxel_volume / 1000 if image.has_voxel_size else None
    document = nodes.documentOf(segmentationNode) or {}
    if None in document.get("volumes_ml", {}).values():
        return None
    matrix = vtk.vtkMatrix4x4()
    placeWithoutImage(segmentationNode).geometry.GetImageToWorldMatrix(matrix)
    return abs(matrix.Determinant()) / 1000
