"""Results that were there before: what becomes of them when another one comes."""

from __future__ import annotations

from collections.abc import Collection

import slicer

from IODeepSlicer.scene import confidence, nodes, segments
from IODeepSlicer.scene.segments import Origin


def hideFormer(node: slicer.vtkMRMLNode, together: Collection[slicer.vtkMRMLNode] = ()) -> None:
    """Hide former results on the image of this new one: their colors would mix with its own.

    Args:
        node: the new result.
        together: results that came together with it, which stay as they are.
    """
    image = nodes.imageNodeOf(node)
    if image is None or not node.IsA("vtkMRMLSegmentationNode"):
        return
    for each in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if each is not node and each not in together and nodes.imageNodeOf(each) is image:
            each.SetDisplayVisibility(False)
            volume = confidence.confidenceOf(each)
            if volume is not None:
                confidence.hide(volume)


def isNetworksAlone(node: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether nobody's work is lost with its content: it has none, or all is as it was found."""
    if node.GetSegmentation().GetNumberOfSegments() == 0:
        return True
    if nodes.documentOf(node) is None:
        return False
    return all(each.origin is Origin.FOUND for each in segments.now(node))
