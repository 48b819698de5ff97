"""More than one, in the real Slicer: models on one image, images, the frames of a sequence.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from panel import caption, find, said  # noqa: E402
from steps import dialogs, finish, gaps, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _results() -> list[slicer.vtkMRMLSegmentationNode]:
    return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def _forget_results() -> None:
    for node in (*_results(), *slicer.util.getNodesByClass("vtkMRMLTableNode")):
        slicer.mrmlScene.RemoveNode(node)
    wait(0.5)


def _states() -> list[str]:
    table = find("queueTable")
    return [table.item(row, 1).text() for row in range(table.rowCount)]


def _until_over() -> str:
    panel.until(lambda: not panel.is_running())
    wait(0.5)
    assert find("queueTable").visible
    assert find("closeQueueButton").visible and not find("queueProgressBar").visible
    return said("queueLabel")


def _choose_scope(words: str) -> None:
    box = find("scopeComboBox")
    names = [box.itemText(index) for index in range(box.count)]
    (index,) = (i for i, name in enumerate(names) if words in name)
    box.currentIndex = index


def _select(*rows: int) -> None:
    table = find("modelTable")
    table.clearSelection()
    model = table.model()
    table.setCurrentCell(rows[0], 1)
    for row in rows[1:]:
        flags = qt.QItemSelectionModel.Select | qt.QItemSelectionModel.Rows
        table.selectionModel().select(model.index(row, 0), flags)
    wait(0.2)


def _one_image_needs_no_list() -> str:
    assert not find("scopeComboBox").visible and not find("queueTable").visible
    done = panel.apply_and_wait()
    assert "Done" in done and not find("queueTable").visible
    _forget_results()
    return done


def _two_models() -> str:
    _select(0, 1)
    assert caption("applyButton") == "Apply 2 models", caption("applyButton")
    with gaps() as found:
        panel.apply()
        panel.until(lambda: "%" in "".join(_states()))
        assert find("cancelAllButton").visible and not find("closeQueueButton").visible
        picture("several_models")
        text = _until_over()
    assert text == "Done: 2 of 2." and _states() == ["done", "done"], (text, _states())
    made = [node.GetName() for node in _results()]
    assert len(made) == 2, made
    find("closeQueueButton").click()
    assert not find("queueTable").visible
    _forget_results()
    return f"{text} {made}; the window stood still for {max(found):.2f} s at most"


def _all_loaded() -> str:
    """One of them is no image for this model: the others are run on, and the reason is said."""
    _select(0)
    other = slicer.modules.volumes.logic().CloneVolume(_image, "second")
    ct = slicer.modules.volumes.logic().CloneVolume(_image, "third")
    for node, modality in ((other, "MR"), (ct, "CT")):
        node.SetAttribute("DICOM.instanceUIDs", None)
        node.SetAttribute("IODeep.Modality", modality)
        node.SetAttribute("IODeep.BodyPartExamined", "BRAIN")
    panel.until(lambda: find("scopeComboBox").visible)
    _choose_scope("all 3 loaded images")
    panel.apply()
    text = _until_over()
    picture("several_images")
    first, *problems = text.splitlines()
    assert first == "Done: 2 of 3." and len(problems) == 1, text
    assert "third" in problems[0] and "does not fit" in problems[0], text
    assert len(_results()) == 2
    _forget_results()
    for node in (other, ct):
        slicer.mrmlScene.RemoveNode(node)
    panel.until(lambda: not find("scopeComboBox").visible)
    return text


def _canceled() -> str:
    """One, and then all."""
    copies = [slicer.modules.volumes.logic().CloneVolume(_image, f"copy {i}") for i in range(2)]
    for node in copies:
        node.SetAttribute("IODeep.Modality", "MR")
    panel.choose(_slow)
    panel.until(lambda: find("scopeComboBox").visible)
    _choose_scope("loaded")
    panel.apply()
    panel.until(lambda: "%" in _states()[0])
    find("queueTable").selectRow(1)
    find("cancelSelectedButton").click()
    wait(0.2)
    assert _states()[1:] == ["canceled", "waits"], _states()
    find("cancelAllButton").click()
    text = _until_over()
    assert text == "Done: 0 of 3." and set(_states()) == {"canceled"}, (text, _states())
    assert not _results()
    for node in copies:
        slicer.mrmlScene.RemoveNode(node)
    wait(0.5)
    return text


def _sequence() -> slicer.vtkMRMLScalarVolumeNode:
    """Three frames: the image, shifted a little from one to the next."""
    frames = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    frames.SetIndexName("time")
    frames.SetIndexUnit("s")
    voxels = slicer.util.arrayFromVolume(_image)
    for index in range(3):
        node = slicer.modules.volumes.logic().CloneVolume(_image, "frame")
        slicer.util.updateVolumeFromArray(node, np.roll(voxels, 3 * index, axis=2))
        node.SetAttribute("DICOM.instanceUIDs", None)
        frames.SetDataNodeAtValue(node, str(index))
        slicer.mrmlScene.RemoveNode(node)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
    slicer.modules.sequences.showSequenceBrowser(browser)
    proxy = browser.GetProxyNode(frames)
    proxy.SetName("cine")
    proxy.SetAttribute("IODeep.Modality", "MR")
    proxy.SetAttribute("IODeep.BodyPartExamined", "BRAIN")
    return proxy


def _mask(node: slicer.vtkMRMLSegmentationNode, volume: object) -> np.ndarray:
    name = node.GetSegmentation().GetNthSegmentID(0)
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, name, volume)


def _all_frames() -> str:
    """Each frame gets its own segments, shown with it; they lie where those of the image do."""
    proxy = _sequence()
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    browser.SetSelectedItemNumber(1)
    find("inputSelector").setCurrentNode(proxy)
    slicer.util.setSliceViewerLayers(background=proxy, fit=True)
    panel.choose(_model)
    panel.until(lambda: find("scopeComboBox").visible)
    _choose_scope("all 3 frames")
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    with gaps() as found:
        panel.apply()
        text = _until_over()
    assert text == "Done: 3 of 3.", text
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == volumes
    assert len(_results()) == 1, [(node.GetID(), node.GetName()) for node in _results()]
    (result,) = _results()
    assert browser.GetSequenceNode(result).GetNumberOfDataNodes() == 3
    counts, masks = [], []
    for frame in (0, 1, 2):
        browser.SetSelectedItemNumber(frame)
        wait(0.5)
        masks.append(_mask(result, proxy) != 0)
        counts.append(int(masks[-1].sum()))
        picture(f"several_frames_{frame}")
        assert find("resultSelector").currentNode() == result
        assert find("resultTable").visible and find("resultTable").rowCount == 2
    assert min(counts) > 1000 and not (masks[0] == masks[2]).all(), counts
    rolled = np.roll(masks[0], 6, axis=2)
    overlap = 2 * (rolled & masks[2]).sum() / (rolled.sum() + masks[2].sum())
    assert overlap > 0.9, overlap
    return f"{text} {counts} voxels; the window stood still for {max(found):.2f} s at most"


def _a_frame_without_result() -> str:
    """A frame that was canceled shows nothing, and not what was found on another one."""
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    (former,) = _results()
    slicer.mrmlScene.RemoveNode(browser.GetSequenceNode(former))
    _forget_results()
    browser.SetSelectedItemNumber(0)
    _choose_scope("all 3 frames")
    panel.apply()
    find("queueTable").selectRow(1)
    find("cancelSelectedButton").click()
    text = _until_over()
    assert text == "Done: 2 of 3." and _states() == ["done", "canceled", "done"], (text, _states())
    (result,) = _results()
    counts = []
    for frame in (0, 1, 2):
        browser.SetSelectedItemNumber(frame)
        wait(0.5)
        counts.append(result.GetSegmentation().GetNumberOfSegments())
        assert find("resultSelector").currentNode() == result
        assert find("resultTable").visible == (frame != 1)
        assert not find("saveButton").enabled, "the frames are not from DICOM"
        picture(f"several_without_{frame}")
    assert counts == [2, 0, 2], counts
    return f"{text} {counts} segments"


def _kept_with_the_scene() -> str:
    """The sequence of results comes back with the scene, frame by frame."""
    (result,) = _results()
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    wanted = []
    for frame in (0, 2):
        browser.SetSelectedItemNumber(frame)
        wait(0.2)
        wanted.append(int(_mask(result, None).sum()))
    path = str(_work / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(path)
    wait(1)
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    (result,) = _results()
    found = []
    for frame in (0, 2):
        browser.SetSelectedItemNumber(frame)
        wait(0.2)
        found.append(int(_mask(result, None).sum()))
        assert result.GetAttribute("IODeep.Document")
    assert found == wanted, (found, wanted)
    return str(found)


def _steps() -> None:
    step("One image and one model", _one_image_needs_no_list)
    step("Two models on one image", _two_models)
    step("All loaded images", _all_loaded)
    step("Canceled", _canceled)
    step("All frames of a sequence", _all_frames)
    step("A frame without result", _a_frame_without_result)
    step("Saved with the scene", _kept_with_the_scene)
    step("Dialogs", dialogs)


window = slicer.util.mainWindow()
window.showNormal()
window.resize(1500, 1000)
with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
    _model = panel.make_model(_work / "model")
    panel.make_model(_work / "other", name="other", title="Another brain")
    _slow = panel.make_slow_model(_work / "slow")
    for name in ("model", "other", "slow"):
        DICOMUtils.importDicom(str(_work / name), slicer.dicomDatabase, copyFiles=True)
    DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
    _image = panel.load_image()
    panel.open_panel()
    panel.choose(_model)
    _steps()
shutil.rmtree(_work, ignore_errors=True)
finish()
