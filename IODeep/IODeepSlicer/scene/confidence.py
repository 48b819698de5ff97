"""How sure a network was, voxel by voxel: a volume beside the result, shown when asked for.

What a person has put over the image, such as a PET, stays there.
"""

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
    return any(each.GetForegroundVolumeID() == volume.GetID() for each in _views())


def show(volume: slicer.vtkMRMLScalarVolumeNode) -> list[str]:
    """Show it over the image in the slice views, but where another volume lies over it.

    :return: the names of those volumes, which stay.
    """
    kept: dict[str, None] = {}
    for view in _views():
        over = slicer.mrmlScene.GetNodeByID(view.GetForegroundVolumeID() or "")
        if over is None or over.GetNodeReference(images.CONFIDENCE_OF_ROLE) is not None:
            view.SetForegroundVolumeID(volume.GetID())
            view.SetForegroundOpacity(_OPACITY)
        else:
            kept[over.GetName()] = None
    return list(kept)


def hide(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Take it out of the slice views, and nothing else."""
    for view in _views():
        if view.GetForegroundVolumeID() == volume.GetID():
            view.SetForegroundVolumeID(None)
            view.SetForegroundOpacity(0)


def _views() -> list[slicer.vtkMRMLSliceCompositeNode]:
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
