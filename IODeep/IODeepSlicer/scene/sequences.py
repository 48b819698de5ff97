"""The frames of a sequence as images, and what was found on them as a sequence beside it.

A volume of a sequence is a node that shows one frame at a time ("proxy node"), chosen in the
sequence browser. What is found on the frames becomes a sequence of the same browser, so that both
change together, see
https://slicer.readthedocs.io/en/latest/user_guide/modules/sequences.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer

from IODeepSlicer.scene import images, nodes

# From the sequence of results to the sequence of images.
_IMAGES_ROLE = "IODeep.Images"


def frameCount(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> int:
    """How many frames there are; 0 for a volume that belongs to no sequence."""
    found = _sequenceOf(volumeNode)
    return 0 if found is None else found[1].GetNumberOfDataNodes()


def framesOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[int]:
    """The numbers of its frames, from 0: the one that is shown first; none without a sequence."""
    found = _sequenceOf(volumeNode)
    if found is None:
        return []
    shown = found[0].GetSelectedItemNumber()
    return sorted(range(frameCount(volumeNode)), key=lambda frame: (frame != shown, frame))


def _sequenceOf(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> tuple[slicer.vtkMRMLSequenceBrowserNode, slicer.vtkMRMLSequenceNode] | None:
    """The first browser in which this volume shows the frames of a sequence, and that sequence."""
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        sequence = browser.GetSequenceNode(volumeNode)
        if sequence is not None:
            return browser, sequence
    return None


@contextmanager
def frameNode(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, frame: int
) -> Iterator[slicer.vtkMRMLScalarVolumeNode]:
    """A hidden node with one frame, where `volumeNode` would show it; in the scene for the block.

    The voxels are those of the sequence, not a copy.

    Args:
        volumeNode: what shows the frames.
        frame: which one, from 0.

    Raises:
        ImageError: there is no such frame any more.
    """
    from IODeepLib.errors import ImageError

    found, count = _sequenceOf(volumeNode), frameCount(volumeNode)
    if found is None or frame >= count:
        raise ImageError(
            f"frame {frame + 1} of the {count} frames of {volumeNode.GetName()!r}",
            "a frame of a sequence",
            "load the sequence again, and run again",
        )
    content = found[1].GetNthDataNode(frame)
    node = slicer.mrmlScene.CreateNodeByClass(content.GetClassName())
    node.UnRegister(None)  # it came with a reference that nobody holds
    node.CopyContent(content, False)
    node.SetName(f"{volumeNode.GetName()} [{frame + 1}]")
    node.SetHideFromEditors(True)
    # What a person said of the image is said of each of its frames.
    for name in images.SAID.values():
        node.SetAttribute(name, volumeNode.GetAttribute(name))
    slicer.mrmlScene.AddNode(node)
    try:
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        node.SetNodeReferenceID(images.FRAME_ROLE, volumeNode.GetID())
        yield node
    finally:
        slicer.mrmlScene.RemoveNode(node)


def keepResult(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    frame: int,
    result: slicer.vtkMRMLNode,
    into: slicer.vtkMRMLNode | None,
) -> slicer.vtkMRMLNode:
    """Put what was found on one frame into the sequence of results; `result` itself may go.

    Args:
        volumeNode: what shows the frames.
        frame: which one, from 0.
        result: what was found on it.
        into: the node that shows the results of other frames; None for the first one.

    Returns:
        The node that shows the results.

    Raises:
        ImageError: the sequence is gone.
    """
    from IODeepLib.errors import ImageError

    found = _sequenceOf(volumeNode)
    if found is None:
        raise ImageError(
            f"{volumeNode.GetName()!r} shows no sequence any more",
            "the sequence that it showed when the run began",
            "load the sequence again, and run again",
        )
    browser, frames = found
    known = browser.GetSequenceNode(into) if into is not None else None
    results = known or _newSequence(frames, result)
    results.SetDataNodeAtValue(result, frames.GetNthIndexValue(frame))
    if known is None or into is None:
        into = _show(result, browser, results, volumeNode)
    else:
        slicer.mrmlScene.RemoveNode(result)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    browser.SetSaveChanges(results, True)  # what is edited on a frame stays with it
    return into


def _show(
    result: slicer.vtkMRMLNode,
    browser: slicer.vtkMRMLSequenceBrowserNode,
    results: slicer.vtkMRMLSequenceNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> slicer.vtkMRMLNode:
    """From now on, `result` shows the results, frame by frame."""
    before = browser.StartModify()  # or a node that it makes itself shows them, too
    browser.AddProxyNode(result, results, False)
    browser.EndModify(before)
    geometry = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    for role in (nodes.IMAGE_ROLE, geometry):
        if result.GetNodeReference(role) is not None:
            result.SetNodeReferenceID(role, volumeNode.GetID())
    nodes.putUnder(volumeNode, result)
    return result


def _newSequence(
    of: slicer.vtkMRMLSequenceNode, result: slicer.vtkMRMLNode
) -> slicer.vtkMRMLSequenceNode:
    """As many items as there are images, which say nothing before these are run on, or if it fails.

    Without one, the browser would show what was found on another image.
    """
    sequence = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSequenceNode", slicer.mrmlScene.GenerateUniqueName(result.GetName())
    )
    nothing = slicer.mrmlScene.CreateNodeByClass(result.GetClassName())
    nothing.UnRegister(None)  # it came with a reference that nobody holds
    nothing.SetName(result.GetName())
    nothing.SetAttribute(nodes.DOCUMENT, nodes.NO_DOCUMENT)
    sequence.SetIndexName(of.GetIndexName())
    sequence.SetIndexUnit(of.GetIndexUnit())
    sequence.SetIndexType(of.GetIndexType())
    sequence.SetNodeReferenceID(_IMAGES_ROLE, of.GetID())
    for frame in range(of.GetNumberOfDataNodes()):
        sequence.SetDataNodeAtValue(nothing, of.GetNthIndexValue(frame))
    return sequence
