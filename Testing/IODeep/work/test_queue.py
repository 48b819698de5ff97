"""Several runs, one after the other: on several images, with several models, on all frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer_application
from IODeepSlicer.scene import images, nodes, segments
from IODeepSlicer.scene.sequences import frameCount
from IODeepSlicer.scene.targets import Scope, volumesIn
from IODeepSlicer.work.queue import RunQueue
from IODeepSlicer.work.runner import State

from IODeep import IODeepLogic
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.publish import pack

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def other(network: Model, tmp_path: Path) -> Model:
    """The same network under another name."""
    from msgspec.structs import replace

    onnx = network.card.path.parents[1] / "three.onnx"
    recipe = replace(network.card.recipe, name="other", title="Another one")
    return pack(onnx, recipe, tmp_path / "other")


def volume(name: str, seed: int, modality: str = "CT") -> slicer.vtkMRMLScalarVolumeNode:
    voxels = np.random.default_rng(seed).integers(-1000, 500, (10, 12, 14), np.int16)
    node = slicer.util.addVolumeFromArray(voxels, name=name)
    node.SetAttribute(images.SAID["Modality"], modality)
    return node


def sequence(count: int) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume that shows the first of `count` frames."""
    frames = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    frames.SetIndexName("time")
    frames.SetIndexUnit("s")
    for index in range(count):
        node = volume(f"frame {index}", index)
        frames.SetDataNodeAtValue(node, str(index * 0.5))
        slicer.mrmlScene.RemoveNode(node)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return browser.GetProxyNode(frames)


def browser() -> slicer.vtkMRMLSequenceBrowserNode:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")


def show(frame: int) -> None:
    browser().SetSelectedItemNumber(frame)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser())


def labels(node: slicer.vtkMRMLSegmentationNode) -> np.ndarray:
    """The labels where the image of `node` is shown; nobody has edited them."""
    assert {one.origin for one in segments.now(node)} == {segments.Origin.FOUND}
    image = nodes.imageNodeOf(node)
    found = np.zeros(slicer.util.arrayFromVolume(image).shape, np.uint8)
    for value, mask in slicer_application.labels_of(node, image).items():
        found[mask] = value
    return found


def expected(node: slicer.vtkMRMLScalarVolumeNode, model: Model) -> np.ndarray:
    return run(images.imageOf(node), model).segmentation.array


def until_over(queue: RunQueue) -> None:
    while queue.poll() is State.RUNNING:
        pass


def test_one_that_fails_does_not_stop_the_others(
    logic: IODeepLogic, network: Model, other: Model
) -> None:
    first, second, gone = volume("first", 1), volume("second", 2, "MR"), volume("gone", 3)
    queue = logic.startQueue([(first, network), (second, network), (gone, other), (first, other)])
    slicer.mrmlScene.RemoveNode(gone)
    fractions = []
    while queue.poll() is State.RUNNING:
        assert sum(item.state is State.RUNNING for item in queue.items) <= 1
        fractions.append(queue.fraction)
    assert fractions == sorted(fractions) and queue.fraction == 1 and queue.over == 4
    states = [item.state for item in queue.items]
    assert states == [State.DONE, State.FAILED, State.FAILED, State.DONE]
    unfit, removed = queue.problems
    assert unfit.startswith(f"{network.card.title} on second: ") and "does not fit" in unfit
    assert removed.startswith("Another one on gone: ") and "was removed from the scene" in removed
    (one, two) = queue.results
    np.testing.assert_array_equal(labels(one), expected(first, network))
    assert nodes.documentOf(two)["provenance"]["name"] == "other"


def test_one_is_cancelled_or_all(logic: IODeepLogic, network: Model) -> None:
    node = volume("image", 1)
    queue = logic.startQueue([(node, network)] * 4)
    assert queue.poll() is State.RUNNING and queue.current is queue.items[0]
    begun = queue.items[0].run
    queue.cancel(queue.items[0])
    queue.cancel(queue.items[1])
    assert begun is not None and begun.poll() is State.CANCELLED
    while queue.items[2].state is not State.DONE:
        assert queue.poll() is State.RUNNING
    queue.poll()
    assert queue.current is queue.items[3]
    queue.cancel()
    assert queue.poll() is State.DONE
    states = [item.state for item in queue.items]
    assert states == [State.CANCELLED, State.CANCELLED, State.DONE, State.CANCELLED]
    assert queue.problems == () and len(queue.results) == 1
    assert {item.run for item in queue.items} == {None}, "what they gave lies in memory"


def test_closing_the_scene_ends_what_waits(logic: IODeepLogic, network: Model) -> None:
    queue = logic.startQueue([(volume("image", 1), network)] * 2)
    queue.poll()
    slicer.mrmlScene.Clear(0)
    assert queue.poll() is State.DONE
    assert {item.state for item in queue.items} == {State.CANCELLED}


def test_all_frames_of_a_sequence_give_a_sequence(
    logic: IODeepLogic, network: Model, other: Model
) -> None:
    proxy = sequence(3)
    assert frameCount(proxy) == 3 and frameCount(volume("single", 0)) == 0
    show(1)
    before = set(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    queue = logic.runQueue([(proxy, network), (proxy, other)], allFrames=True)
    assert queue.problems == () and len(queue.items) == 6
    assert [item.frame for item in queue.items[:3]] == [1, 0, 2], "the one that is shown first"
    assert queue.items[0].name.endswith("frame 2")
    assert set(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == before
    result, second = queue.results
    found = browser().GetSequenceNode(result)
    assert found is not browser().GetSequenceNode(second)
    assert [found.GetNthIndexValue(i) for i in range(3)] == ["0.0", "0.5", "1.0"]
    assert (found.GetIndexName(), found.GetIndexUnit()) == ("time", "s")
    assert nodes.imageNodeOf(result) is proxy
    seen = []
    for frame in (1, 0, 2):
        show(frame)
        seen.append(labels(result))
        np.testing.assert_array_equal(seen[-1], expected(proxy, network))
    assert not np.array_equal(seen[0], seen[1])


def test_a_frame_that_fails_shows_nothing(logic: IODeepLogic, network: Model) -> None:
    proxy = sequence(3)
    queue = logic.startQueue([(proxy, network)], allFrames=True)
    queue.cancel(queue.items[1])
    until_over(queue)
    (result,) = queue.results
    assert browser().GetSequenceNode(result).GetNumberOfDataNodes() == 3
    show(1)
    assert result.GetSegmentation().GetNumberOfSegments() == 0 and segments.now(result) == []
    assert nodes.documentOf(result) is None
    show(2)
    np.testing.assert_array_equal(labels(result), expected(proxy, network))


def test_a_frame_is_no_second_channel_of_itself() -> None:
    proxy, single = sequence(2), volume("single", 5)
    from IODeepSlicer.scene.sequences import frameNode

    with frameNode(proxy, 1) as node:
        assert images.otherVolumes(node) == [single]
        assert images.otherVolumes(proxy) == [single]


def test_what_all_loaded_and_the_study_are() -> None:
    first, second, alone = volume("first", 1), volume("second", 2), volume("alone", 3)
    hidden = volume("hidden", 4)
    hidden.SetHideFromEditors(True)
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    for node in (first, second):
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), study)
    assert volumesIn(Scope.VOLUME, first) == volumesIn(Scope.FRAMES, first) == [first]
    assert set(volumesIn(Scope.LOADED, first)) == {first, second, alone}
    assert volumesIn(Scope.STUDY, second) == [second, first]
    assert volumesIn(Scope.STUDY, alone) == [alone]


def test_only_the_labels_that_are_wanted(logic: IODeepLogic, network: Model) -> None:
    names = [label.name for label in network.card.recipe.output.labels]
    pairs = [(volume("image", 1), network)]
    queue = logic.runQueue(pairs, labels={network.label: names[:1]})
    (result,) = queue.results
    assert nodes.documentOf(result)["left_out"] == names[1:]
    queue = logic.runQueue(pairs, labels={network.label: ["Liver"]})
    assert "no label 'Liver'" in queue.problems[0]
