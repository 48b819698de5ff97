"""How sure a network was, voxel by voxel: a volume beside the result, shown when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene import images, nodes
from IODeepSlicer.scene.places import placeOf
from IODeepSlicer.text.i18n import tr as _

if TYPE_CHECKING:
    import numpy as np

# From a segmentation node to the volume with its confidence.
CONFIDENCE_ROLE = "IODeep.Confidence"
_COLORS = "Viridis"
_OPACITY = 0.5  # over the image


def createConfidenceVolume(
    segmentationNode: slicer.vtkMRMLSegmentationNode, percent: np.ndarray
) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume on the voxels of a result, which no view shows yet.

    Args:
        segmentationNode: the result, whose image is in the scene.
        percent: (k, j, i) the probability of what was decided; 0 where the network did not look.
    """
    import vtk

    place = placeOf(nodes.presentImageOf(segmentationNode))
    matrix = vtk.vtkMatrix4x4()
    place.geometry.GetImageToWorldMatrix(matrix)
    name = _("{name} confidence").format(name=segmentationNode.GetName())
    volume = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name)
    )
    volume.SetIJKToRASMatrix(matrix)
    if place.parent is not None:
        volume.SetAndObserveTransformNodeID(place.parent.GetID())
    unit = slicer.vtkCodedEntry()
    unit.SetValueSchemeMeaning("%", "UCUM", "percent")
    volume.SetVoxelValueUnits(unit)
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    colors = slicer.util.getFirstNodeByClassByName("vtkMRMLColorNode", _COLORS)
    if colors is not None:
        display.SetAndObserveColorNodeID(colors.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 100)
    display.SetApplyThreshold(True)
    display.SetThreshold(1, 100)  # where the network did not look, nothing is known
    # Now that nobody looks for a window that suits it, which would take a look at all voxels.
    slicer.util.updateVolumeFromArray(volume, percent)
    segmentationNode.SetNodeReferenceID(CONFIDENCE_ROLE, volume.GetID())
    volume.SetNodeReferenceID(images.CONFIDENCE_OF_ROLE, segmentationNode.GetID())
    nodes.putUnder(segmentationNode, volume)
    return volume


def confidenceOf(node: slicer.vtkMRMLNode | None) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume with the confidence of a result, if there is one in the scene."""
    return None if node is None else node.GetNodeReference(CONFIDENCE_ROLE)


def isShown(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether a slice view shows it over the image."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return any(each.GetForegroundVolumeID() == volume.GetID() for each in composites)


def show(volume: slicer.vtkMRMLScalarVolumeNode, shown: bool) -> None:
    """Show it over the image in all slice views, or no longer."""
    if shown:
        slicer.util.setSliceViewerLayers(foreground=volume, foregroundOpacity=_OPACITY)
    elif isShown(volume):
        slicer.util.setSliceViewerLayers(foreground=None, foregroundOpacity=0)
