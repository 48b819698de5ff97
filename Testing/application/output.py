"""Where a result goes, what computed it, how it looks in 3D, and what people say of it, in the real
Slicer.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import answer, dialogs, finish, gaps, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _results() -> list[slicer.vtkMRMLSegmentationNode]:
    return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def _result() -> slicer.vtkMRMLSegmentationNode:
    return panel.logic().getParameterNode().result


def _apply() -> slicer.vtkMRMLSegmentationNode:
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)  # the result is chosen a moment after that is said
    return _result()


def _shown_in_3d(node: slicer.vtkMRMLSegmentationNode) -> bool:
    return node.GetSegmentation().ContainsRepresentation("Closed surface")


def _first() -> str:
    """A small result is shown in 3D by itself, beside Slicer's own work."""
    assert find("outputSelector").currentNode() is None
    with gaps() as found:
        node = _apply()
        panel.until(lambda: _shown_in_3d(node))
        wait(0.5)
    assert find("show3DButton").checked
    view = slicer.app.layoutManager().threeDWidget(0).threeDView()
    bounds = np.zeros(6)
    node.GetRASBounds(bounds)
    middle = bounds.reshape(3, 2).mean(axis=1)
    focus = np.array(view.cameraNode().GetCamera().GetFocalPoint())
    size = np.ptp(bounds.reshape(3, 2), axis=1).max()
    assert np.linalg.norm(focus - middle) < size / 4, (focus, middle)
    picture("in_3d")
    return f"the window stood still for {max(found):.2f} s at most"


def _second() -> str:
    """A new one hides the former one; both are there."""
    first = _result()
    second = _apply()
    assert second is not first and _results() == [first, second]
    assert [node.GetDisplayVisibility() for node in (first, second)] == [0, 1]
    panel.until(lambda: _shown_in_3d(second))
    picture("second_result")
    return f"{first.GetName()}, {second.GetName()}"


def _listed(node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """The segments below the node in the module Data."""
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    children: list[int] = []
    hierarchy.GetItemChildren(hierarchy.GetItemByDataNode(node), children)
    return [hierarchy.GetItemName(child) for child in children]


def _in_place() -> str:
    """A result takes the place of another one, and Slicer's own lists follow."""
    first, second = _results()
    first.SetAttribute("IODeep.SavedInstanceUIDs", "1.2.3")
    first.SetName("mine")
    find("outputSelector").setCurrentNode(first)
    assert _apply() is first and _results() == [first, second]
    assert [node.GetDisplayVisibility() for node in (first, second)] == [1, 0]
    assert first.GetAttribute("IODeep.SavedInstanceUIDs") is None
    assert first.GetName() == "mine"
    assert len(_listed(first)) == first.GetSegmentation().GetNumberOfSegments() == 2
    panel.until(lambda: _shown_in_3d(first))
    find("outputSelector").setCurrentNode(None)
    return first.GetName()


def _drawn() -> str:
    """Before somebody's own segments go, they are asked."""
    drawn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    drawn.CreateDefaultDisplayNodes()
    drawn.GetSegmentation().AddEmptySegment("by_hand")
    find("outputSelector").setCurrentNode(drawn)
    before = panel.scene()
    answer("Cancel")
    panel.apply()
    (question,) = dialogs()
    assert not panel.is_running() and panel.scene() == before
    assert drawn.GetSegmentation().GetSegmentIDs() == ("by_hand",)
    answer("Replace")
    panel.apply()
    contains(panel.wait_for_end(), "Done")
    wait(0.5)
    dialogs()
    assert _result() is drawn and drawn.GetSegmentation().GetSegment("by_hand") is None
    assert sorted(_listed(drawn)) == ["Gray Matter", "White Matter"], _listed(drawn)
    find("outputSelector").setCurrentNode(None)
    return contains(question, "drawn", "by hand")


def _device() -> str:
    """What computed stands under the result; Advanced lists what could."""
    ran = contains(said("ranLabel"), "processor", "onnxruntime")
    find("advancedGroupBox").checked = True
    box = find("deviceComboBox")
    panel.until(lambda: box.count > 1 and said("deviceLabel"))
    picture("devices", slicer.modules.iodeep.widgetRepresentation())
    find("advancedGroupBox").checked = False
    assert box.itemData(0) == "auto" and box.findData("cpu") > 0
    return f"{ran} | {contains(said('deviceLabel') or box.itemText(1), '')}"


def _log() -> str:
    """The log grows while the network computes, and says which command does the same."""
    (slow,) = (one for one in panel.logic().findModels().models if one.card.name == "slow")
    fast = panel.logic().getParameterNode().cardSOPInstanceUID
    panel.choose(slow)
    find("logButton").checked = True
    run = panel.start_and_wait_for_network()
    panel.until(lambda: "threads" in find("logText").toPlainText())
    assert panel.is_running()
    text = find("logText").toPlainText()
    picture("log_of_a_run", slicer.modules.iodeep.widgetRepresentation())
    find("copyLogButton").click()
    copied = slicer.app.clipboard().text()
    assert copied.startswith(run.command)
    assert f"--model {slow.label} " in run.command
    find("cancelButton").click()
    wait(0.2)
    find("logButton").checked = False
    panel.logic().getParameterNode().cardSOPInstanceUID = fast
    wait(0.2)
    return text.splitlines()[0]


def _review() -> str:
    """What is said stands under the result, and in the node's description."""
    node = _result()
    panel.until(lambda: find("rejectButton").enabled)  # its segments were looked at
    assert said("reviewLabel") == "Not reviewed yet."
    find("rejectButton").click()
    contains(said("reviewLabel"), "without a reason")
    find("reasonLineEdit").text = "the rim is too wide"
    find("rejectButton").click()
    rejected = contains(said("reviewLabel"), "Rejected by", "the rim is too wide")
    find("acceptButton").click()
    contains(said("reviewLabel"), "Accepted by")
    assert node.GetDescription() == said("reviewLabel")
    picture("reviewed", slicer.modules.iodeep.widgetRepresentation())
    return rejected


def _amend() -> str:
    """It is saved, and opened in the Segment Editor, on its image."""
    node = _result()
    find("reasonLineEdit").text = "one more slice"
    find("amendButton").click()
    panel.until(lambda: slicer.util.selectedModule() == "SegmentEditor")
    assert node.GetAttribute("IODeep.SavedInstanceUIDs")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    assert editor.segmentationNode() is node
    assert editor.sourceVolumeNode() is panel.logic().getParameterNode().inputVolume
    picture("amend")
    slicer.util.selectModule("IODeep")
    wait(0.3)
    return contains(said("reviewLabel"), "Amended by", "one more slice")


def _another_image() -> str:
    """With no fitting model, the one of the previous image is not chosen any more."""
    assert panel.logic().getParameterNode().cardSOPInstanceUID
    other = slicer.util.addVolumeFromArray(np.zeros((8, 9, 10), np.int16), name="other")
    other.SetAttribute("IODeep.Modality", "CT")
    find("inputSelector").setCurrentNode(other)
    wait(0.5)
    assert panel.logic().getParameterNode().cardSOPInstanceUID == ""
    assert find("modelTable").rowCount == 0 and not find("cardGroupBox").visible
    assert not find("applyButton").enabled
    return said("modelsLabel")


def _let_go() -> str:
    """What runs found goes with their nodes, however many megabytes of labels that are."""

    from IODeepLib.inference.segmentation import Segmentation

    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        slicer.mrmlScene.RemoveNode(node)
    wait(0.5)
    kept = [each for each in gc.get_objects() if isinstance(each, Segmentation)]
    assert not kept, kept
    return "yes"


_STEPS = (
    ("First result", _first),
    ("Second result", _second),
    ("In the place of a result", _in_place),
    ("In the place of drawn segments", _drawn),
    ("Device", _device),
    ("Log", _log),
    ("Review", _review),
    ("Amend", _amend),
    ("Another image", _another_image),
    ("Results are let go", _let_go),
)


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        model = panel.make_model(_work / "demo")
        panel.make_slow_model(_work / "slow")
        for folder in (_work / "demo", _work / "slow", panel.DEMO / "mr_t1"):
            DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
        panel.load_image()
        panel.open_panel()
        panel.choose(model)
        for name, action in _STEPS:
            step(name, action)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
