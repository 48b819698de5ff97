"""What a queue of runs does on nodes of the scene: single images, and the frames of sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.scene.sequences import frameNode, framesOf, keepResult
from IODeepSlicer.work.queue import Item, RunQueue
from IODeepSlicer.work.runner import Outcome, Run

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode

    from IODeepLib.model_object import Model


def itemsOf(
    pairs: Iterable[tuple[vtkMRMLScalarVolumeNode, Model]], *, allFrames: bool
) -> list[Item]:
    """One item for each image and model; with `allFrames`, for each frame of a sequence."""
    return [
        Item(volumeNode, model, frame)
        for volumeNode, model in pairs
        for frame in (allFrames and framesOf(volumeNode)) or (None,)
    ]


def queueOf(
    items: list[Item],
    start: Callable[[vtkMRMLScalarVolumeNode, Model], Run],
    createResult: Callable[[vtkMRMLScalarVolumeNode, Model, Outcome], vtkMRMLNode],
) -> RunQueue:
    """The queue of these items.

    Args:
        items: in their order.
        start: begins a run on a node.
        createResult: makes the node of its outcome.
    """

    def begin(item: Item) -> Run:
        _checkPresent(item.volumeNode)
        if item.frame is None:
            return start(item.volumeNode, item.model)
        with frameNode(item.volumeNode, item.frame) as node:
            return start(node, item.model)

    def take(item: Item, outcome: Outcome) -> Any:
        _checkPresent(item.volumeNode)
        if item.frame is None:
            return createResult(item.volumeNode, item.model, outcome)
        with frameNode(item.volumeNode, item.frame) as node:
            result = createResult(node, item.model, outcome)
            return keepResult(item.volumeNode, item.frame, result, _former(items, item))

    return RunQueue(items, begin, take)


def _former(items: list[Item], item: Item) -> vtkMRMLNode | None:
    """What shows the results of the same model on other frames, unless it was removed."""
    for other in items:
        isSame = other.volumeNode is item.volumeNode and other.model is item.model
        if isSame and other.result is not None and slicer.mrmlScene.IsNodePresent(other.result):
            return other.result
    return None


def _checkPresent(volumeNode: vtkMRMLScalarVolumeNode) -> None:
    from IODeepLib.errors import ImageError

    if not slicer.mrmlScene.IsNodePresent(volumeNode):
        raise ImageError(
            f"the image {volumeNode.GetName()!r} was removed from the scene",
            "the image, which the result lies on",
            "load it and run again",
        )
