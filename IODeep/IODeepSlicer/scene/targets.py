"""Which images a person means: the chosen one, its frames, all that are loaded, its study."""

from __future__ import annotations

from enum import Enum

import slicer
import vtk

from IODeepSlicer.scene import images


class Scope(Enum):
    """What a model is run on."""

    VOLUME = "volume"
    FRAMES = "frames"
    LOADED = "loaded"
    STUDY = "study"


def volumesIn(
    scope: Scope, volumeNode: slicer.vtkMRMLScalarVolumeNode
) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The images that are meant, `volumeNode` first; itself alone for its frames."""
    if scope is Scope.LOADED:
        return [volumeNode, *_shown(images.otherVolumes(volumeNode))]
    if scope is Scope.STUDY:
        below = _inStudy(volumeNode)
        return [volumeNode, *(n for n in _shown(images.otherVolumes(volumeNode)) if n in below)]
    return [volumeNode]


def _shown(
    volumes: list[slicer.vtkMRMLScalarVolumeNode],
) -> list[slicer.vtkMRMLScalarVolumeNode]:
    return [node for node in volumes if not node.GetHideFromEditors()]


def _inStudy(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> set[slicer.vtkMRMLNode]:
    """The volumes of the same study in the subject hierarchy; none where there is no study."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy()
    item = hierarchy.GetItemByDataNode(volumeNode)
    study = hierarchy.GetItemAncestorAtLevel(item, level) if item else 0
    if not study:
        return set()
    found = vtk.vtkCollection()
    hierarchy.GetDataNodesInBranch(study, found, "vtkMRMLScalarVolumeNode")
    return {found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())}
