"""A segmentation gets the content of another one, and stays itself with all who watch it."""

from __future__ import annotations

import slicer

_OURS = "IODeep."  # how the names of our attributes and references begin
_ITS_OWN = ("IODeep.Measurements", "IODeep.Confidence")  # to nodes that are of one result alone


def replaceContent(
    node: slicer.vtkMRMLSegmentationNode, new: slicer.vtkMRMLSegmentationNode
) -> None:
    """Let `node` hold the segments of `new`, and what our attributes of it say.

    What was said of the former content goes: its document, what was saved, its measurements, how
    sure the network was.

    Args:
        node: in the scene.
        new: not in the scene; it is empty afterwards.
    """
    segmentation = node.GetSegmentation()
    node.CreateDefaultDisplayNodes()
    # Told of each segment, those who show them would look at all of them each time. How they are
    # shown is told last, when the lists of them are true again.
    with slicer.util.NodeModify(node.GetDisplayNode()), slicer.util.NodeModify(node):
        _empty(segmentation)
        segmentation.DeepCopy(new.GetSegmentation())
    _empty(new.GetSegmentation())
    ours = [name for name in node.GetAttributeNames() if name.startswith(_OURS)]
    for name in ours:
        node.RemoveAttribute(name)
    if ours:
        node.SetDescription("")  # what a person said of that result
    for name in new.GetAttributeNames():
        node.SetAttribute(name, new.GetAttribute(name))
    roles = map(node.GetNthNodeReferenceRole, range(node.GetNumberOfNodeReferenceRoles()))
    for role in [role for role in roles if role.startswith(_OURS)]:
        other = node.GetNodeReference(role)
        node.RemoveNodeReferenceIDs(role)
        if other is not None and role in _ITS_OWN:
            slicer.mrmlScene.RemoveNode(other)
    node.SetAndObserveTransformNodeID(None)
    node.SetDisplayVisibility(True)


def _empty(segmentation: slicer.vtkSegmentation) -> None:
    """Take the voxels from all segments.

    A segment that goes with voxels is erased from the labelmap that it shares with others, which
    takes a look at all of that.
    """
    for segmentId in segmentation.GetSegmentIDs():
        segmentation.GetSegment(segmentId).RemoveAllRepresentations()
