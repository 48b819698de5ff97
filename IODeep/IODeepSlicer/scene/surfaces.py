"""Segments as surfaces in the 3D views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import slicer
import vtk

if TYPE_CHECKING:
    import numpy as np

_LABELMAP, _SURFACE = "Binary labelmap", "Closed surface"


@dataclass(frozen=True)
class Layer:
    """A labelmap that one or more segments share.

    Attributes:
        array: (k, j, i) label values.
        first: the i, j, k of its first voxel.
        ijkToRAS: (4, 4), row by row.
        values: from segment ID to label value.
    """

    array: np.ndarray
    first: tuple[int, int, int]
    ijkToRAS: tuple[float, ...]
    values: Mapping[str, int]


def parametersOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> dict[str, str]:
    """How surfaces of its segments are made, by the names that Slicer has for it."""
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule
    names = (
        rule.GetSmoothingFactorParameterName(),
        rule.GetDecimationFactorParameterName(),
        rule.GetComputeSurfaceNormalsParameterName(),
        rule.GetConversionMethodParameterName(),
        rule.GetSurfaceNetInternalSmoothingParameterName(),
    )
    segmentation = segmentationNode.GetSegmentation()
    return {name: segmentation.GetConversionParameter(name) for name in names}


def layersOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> list[Layer]:
    """Its labelmaps; their voxels are the node's own memory, not a copy."""
    from vtk.util.numpy_support import vtk_to_numpy

    segmentation = segmentationNode.GetSegmentation()
    values: dict[Any, dict[str, int]] = {}
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        labelmap = segment.GetRepresentation(_LABELMAP)
        if labelmap is not None and labelmap.GetPointData().GetScalars() is not None:
            values.setdefault(labelmap, {})[segmentId] = segment.GetLabelValue()
    layers = []
    for labelmap, its in values.items():
        matrix = vtk.vtkMatrix4x4()
        labelmap.GetImageToWorldMatrix(matrix)
        i, _, j, _, k, _ = labelmap.GetExtent()
        array = vtk_to_numpy(labelmap.GetPointData().GetScalars())
        layers.append(
            Layer(
                array.reshape(labelmap.GetDimensions()[::-1]),
                (i, j, k),
                tuple(slicer.util.arrayFromVTKMatrix(matrix).ravel().tolist()),
                its,
            )
        )
    return layers


def takeSurfaces(
    segmentationNode: slicer.vtkMRMLSegmentationNode, surfaces: Mapping[str, vtk.vtkPolyData]
) -> None:
    """Show these surfaces of the segments in the 3D views."""
    segmentation, display = segmentationNode.GetSegmentation(), segmentationNode.GetDisplayNode()
    with slicer.util.NodeModify(segmentationNode):  # all at once: the views look at all each time
        for segmentId, surface in surfaces.items():
            segment = segmentation.GetSegment(segmentId)
            if segment is not None:
                segment.AddRepresentation(_SURFACE, surface)
        segmentation.InvokeEvent(slicer.vtkSegmentation.ContainedRepresentationNamesModified)
        if display is not None:
            display.SetPreferredDisplayRepresentationName3D(_SURFACE)
            display.SetVisibility3D(True)


def hasSurfaces(segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether its surfaces are there already."""
    return bool(segmentationNode.GetSegmentation().ContainsRepresentation(_SURFACE))


def voxelStamp(segmentationNode: slicer.vtkMRMLSegmentationNode) -> tuple[object, ...]:
    """What is another one once the voxels of a segment are others."""
    segmentation = segmentationNode.GetSegmentation()
    stamp: list[object] = []
    for segmentId in segmentation.GetSegmentIDs():
        labelmap = segmentation.GetSegment(segmentId).GetRepresentation(_LABELMAP)
        stamp += [segmentId, labelmap, labelmap and labelmap.GetMTime()]
    return tuple(stamp)
