"""Where the voxels of a result lie, and what the node of a result holds there now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import slicer
import vtk

from IODeepSlicer.scene import images

if TYPE_CHECKING:
    import numpy as np

LABELMAP = "Binary labelmap"  # core's name of segments that are voxels
_SAME_VOXEL = 0.01  # of a voxel: what rounding moves it by


@dataclass(frozen=True)
class Place:
    """Where the voxels of a result lie.

    Attributes:
        geometry: an image without values.
        parent: the transform under which it lies: that of the image's node; None also for a result
            that lies in the patient as it is, and not where the image's node has it.
        ofItsOwn: whether it lies so.
    """

    geometry: slicer.vtkOrientedImageData
    parent: slicer.vtkMRMLTransformNode | None
    ofItsOwn: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        columns, rows, slices = self.geometry.GetDimensions()
        return slices, rows, columns


def placeOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Place:
    """Where the result on an image lies."""
    image = images.imageOf(volumeNode)
    geometry = slicer.vtkOrientedImageData()
    geometry.SetDimensions(*image.grid.shape[::-1])
    if image.stack is not None:
        geometry.SetGeometryFromImageToWorldMatrix(images.ijkToRAS(image.grid))
        return Place(geometry, None, True)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    geometry.SetGeometryFromImageToWorldMatrix(matrix)
    return Place(geometry, volumeNode.GetParentTransformNode(), False)


def placeWithoutImage(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Place:
    """Where a result lies whose image is gone: where its segments are edited."""
    converter = slicer.vtkSegmentationConverter
    text = segmentationNode.GetSegmentation().GetConversionParameter(
        converter.GetReferenceImageGeometryParameterName()
    )
    geometry = slicer.vtkOrientedImageData()
    converter.DeserializeImageGeometry(text, geometry, False)
    return Place(geometry, segmentationNode.GetParentTransformNode(), False)


@dataclass(frozen=True)
class Layer:
    """Segments that share their voxels.

    Attributes:
        array: (k, j, i) the node's own memory, not a copy: a segment's value, 0 for none.
        start: slice, row, column of the place at which the array begins; it may reach beyond it.
        values: of the segments, by their IDs.
    """

    array: np.ndarray
    start: tuple[int, int, int]
    values: dict[str, int]

    def within(self, place: Place) -> Layer:
        """What of it lies in `place`; itself if all does."""
        first = [max(-start, 0) for start in self.start]
        last = [size - start for size, start in zip(place.shape, self.start, strict=True)]
        k, j, i = (slice(a, max(b, a)) for a, b in zip(first, last, strict=True))
        array = self.array[k, j, i]
        if array.shape == self.array.shape:
            return self
        k0, j0, i0 = (max(start, 0) for start in self.start)
        return Layer(array, (k0, j0, i0), self.values)


def layersOf(segmentationNode: slicer.vtkMRMLSegmentationNode, place: Place) -> list[Layer]:
    """What the node holds, on the voxels of `place`; segments without voxels are in no layer.

    What lies on others is resampled by core, to the nearest voxel.

    Raises:
        ImageError: the segments are not voxels.
    """
    from vtk.util.numpy_support import vtk_to_numpy

    from IODeepLib.errors import ImageError

    segmentation = segmentationNode.GetSegmentation()
    if segmentation.GetNumberOfSegments() and not segmentation.ContainsRepresentation(LABELMAP):
        raise ImageError(
            f"the segments of {segmentationNode.GetName()!r} are no voxels",
            "segments as binary labelmaps",
            "create that representation in the module Segmentations",
        )
    shared: dict[slicer.vtkOrientedImageData, dict[str, int]] = {}
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        labelmap = segment.GetRepresentation(LABELMAP)
        if labelmap is not None and not labelmap.IsEmpty():
            shared.setdefault(labelmap, {})[segmentId] = segment.GetLabelValue()
    layers = []
    for labelmap, values in shared.items():
        first = _begins(labelmap, segmentationNode, place)
        if first is None:
            labelmap, first = _resampled(labelmap, segmentationNode, place), (0, 0, 0)
        shape = labelmap.GetDimensions()[::-1]
        array = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(shape)
        layers.append(Layer(array, first, values))
    return layers


def _begins(
    labelmap: slicer.vtkOrientedImageData,
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    place: Place,
) -> tuple[int, int, int] | None:
    """Slice, row, column of `place` at which the labelmap begins; None if it has other voxels."""
    import numpy as np

    if segmentationNode.GetParentTransformNode() is not place.parent:
        return None
    own, there = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(own)
    place.geometry.GetImageToWorldMatrix(there)
    there.Invert()
    vtk.vtkMatrix4x4.Multiply4x4(there, own, own)
    matrix = slicer.util.arrayFromVTKMatrix(own)
    extent = labelmap.GetExtent()
    corners = np.array([(*extent[::2], 1), (*extent[1::2], 1)])
    shift = np.rint(matrix[:3, 3]).astype(int)
    if np.abs((corners @ matrix.T - corners)[:, :3] - shift).max() > _SAME_VOXEL:
        return None
    i, j, k = np.array(extent[::2]) + shift
    return int(k), int(j), int(i)


def _resampled(
    labelmap: slicer.vtkOrientedImageData,
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    place: Place,
) -> slicer.vtkOrientedImageData:
    onPlace, moves = slicer.vtkOrientedImageData(), vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        segmentationNode.GetParentTransformNode(), place.parent, moves
    )
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        labelmap, place.geometry, onPlace, False, False, moves
    )
    return onPlace
