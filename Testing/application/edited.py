"""A result that is edited in the real Slicer tells the truth at every station.

These are the table, core's exporter, the DICOM database, core's reader, and the scene that comes
back. Docs/testing.md says how to run this.

Slicer's own programs are the judges: Segment Statistics of the numbers, dcmqi of the DICOM objects.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import qt
import slicer
import vtk
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import finish, gaps, picture, step, wait  # noqa: E402

_WHITE, _GRAY = "White Matter", "Gray Matter"
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _result() -> slicer.vtkMRMLSegmentationNode:
    return panel.logic().getParameterNode().result


def _segment_id(name: str) -> str:
    return _result().GetSegmentation().GetSegmentIdBySegmentName(name)


def _table() -> dict[str, list[str]]:
    """The cells of each row of the panel's table, by what the first one says."""
    panel.until(lambda: find("resultTable").item(0, 1).text() != "…")
    table = find("resultTable")
    rows = [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]
    return {row[0]: row[1:] for row in rows}


def _milliliters(name: str) -> float:
    """What Slicer's own Segment Statistics says."""
    from SegmentStatistics import SegmentStatisticsLogic

    logic, node = SegmentStatisticsLogic(), _result()
    logic.getParameterNode().SetParameter("Segmentation", node.GetID())
    logic.getParameterNode().SetParameter("LabelmapSegmentStatisticsPlugin.enabled", "True")
    segment_id = _segment_id(name)
    logic.updateStatisticsForSegment(segment_id)
    found = logic.getStatistics()[segment_id, "LabelmapSegmentStatisticsPlugin.volume_cm3"]
    slicer.mrmlScene.RemoveNode(logic.getParameterNode())
    return found


def _says_what_is_there(*names: str) -> str:
    rows = _table()
    for name in names:
        shown, wanted = rows[name][0], _milliliters(name)
        assert shown == f"{wanted:.1f} mL", (name, shown, wanted)
    return "; ".join(f"{name} {', '.join(filter(None, cells))}" for name, cells in rows.items())


def _fresh() -> str:
    assert find("resultTable").columnCount == 2
    return _says_what_is_there(_WHITE, _GRAY)


def _exported_by_core(folder: str) -> dict[str, Any]:
    """The items of Segment Sequence, by label, in what core's exporter makes of the result."""
    import DICOMSegmentationPlugin

    plugin = DICOMSegmentationPlugin.DICOMSegmentationPluginClass()
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(_result())
    ours = slicer.modules.dicomPlugins["DICOMIODeepPlugin"]().examineForExport(item)
    (theirs,) = plugin.examineForExport(item)
    assert ours[0].confidence > theirs.confidence, "ours is not the default"
    theirs.directory = str(_work / folder)
    Path(theirs.directory).mkdir()
    error = plugin.export([theirs])
    assert not error, error
    (file,) = Path(theirs.directory).glob("*.dcm")
    return {one.SegmentLabel: one for one in pydicom.dcmread(file).SegmentSequence}


def _who(found: dict[str, Any]) -> dict[str, str]:
    return {
        name: " ".join(filter(None, (one.SegmentAlgorithmType, one.get("SegmentAlgorithmName"))))
        for name, one in found.items()
    }


def _core_exports_fresh() -> str:
    who = _who(_exported_by_core("fresh"))
    assert set(who.values()) == {"AUTOMATIC brain-tissue-t1-demo@1.1.0"}, who
    return str(who)


def _surfaces() -> str:
    """Exported to models: they have no voxels' values, and the size of the segments."""
    node, hierarchy = _result(), slicer.mrmlScene.GetSubjectHierarchyNode()
    node.CreateClosedSurfaceRepresentation()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "models")
    assert slicer.modules.segmentations.logic().ExportAllSegmentsToModels(node, folder)
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(folder, items)
    said_of = []
    for index in range(items.GetNumberOfIds()):
        model = hierarchy.GetItemDataNode(items.GetId(index))
        points = model.GetPolyData().GetPointData()
        arrays = [points.GetArrayName(n) for n in range(points.GetNumberOfArrays())]
        assert set(arrays) <= {"Normals"}, arrays
        triangles, mass = vtk.vtkTriangleFilter(), vtk.vtkMassProperties()
        triangles.SetInputData(model.GetPolyData())
        mass.SetInputConnection(triangles.GetOutputPort())
        milliliters, wanted = mass.GetVolume() / 1000, _milliliters(model.GetName())
        assert abs(milliliters / wanted - 1) < 0.1, (model.GetName(), milliliters, wanted)
        said_of.append(f"{model.GetName()} {milliliters:.0f} mL of {wanted:.0f}")
    hierarchy.RemoveItem(folder)
    assert len(said_of) == 2, said_of
    return "; ".join(said_of)


def _added() -> str:
    """A segment of one's own, in the white matter."""
    node, image = _result(), panel.logic().getParameterNode().inputVolume
    white = slicer.util.arrayFromSegmentBinaryLabelmap(node, _segment_id(_WHITE), image)
    mask = white.copy()
    mask[: len(mask) // 2] = 0
    segment_id = node.GetSegmentation().AddEmptySegment("", "Lesion", (0.0, 0.0, 1.0))
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment_id, image)
    panel.until(lambda: "Lesion" in _table())
    assert [cells[1] for cells in _table().values()] == ["", "", "added"], _table()
    return _says_what_is_there(_WHITE, _GRAY, "Lesion")


def _subtracted() -> str:
    """In the Segment Editor, with its Logical operators: what is lesion is no white matter."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    editor.setSegmentationNode(_result())
    editor.setSourceVolumeNode(panel.logic().getParameterNode().inputVolume)
    editor.setCurrentSegmentID(_segment_id(_WHITE))
    editor.setActiveEffectByName("Logical operators")
    effect = editor.activeEffect()
    effect.setParameter("Operation", "SUBTRACT")
    effect.setParameter("ModifierSegmentID", _segment_id("Lesion"))
    before = _milliliters(_WHITE)
    effect.self().onApply()
    editor.setActiveEffectByName("")
    after = _milliliters(_WHITE)
    assert after < 0.9 * before, (before, after)
    panel.open_panel()
    text = _says_what_is_there(_WHITE, _GRAY, "Lesion")
    assert [cells[1] for cells in _table().values()] == ["", "edited", "added"], _table()
    picture("edited")
    return f"{before:.1f} mL became {after:.1f} mL; {text}"


def _edit_while_it_is_shown() -> str:
    """The panel is open, as when a script edits, or a dialog of another extension."""
    node, image = _result(), panel.logic().getParameterNode().inputVolume
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, _segment_id(_GRAY), image)
    mask[: len(mask) // 2] = 0
    with gaps() as found:
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, _segment_id(_GRAY), image)
        changed = max(found, default=0)  # core's own part
        panel.until(lambda: find("resultTable").item(0, 1).text() == "…")
        text = _says_what_is_there(_WHITE, _GRAY)
    assert _table()[_GRAY][1] == "edited"
    return f"{text}. The window stood still for {max(found):.2f} s at most ({changed:.2f} core's)."


def _renamed_and_recolored() -> str:
    segment = _result().GetSegmentation().GetSegment(_segment_id(_GRAY))
    segment.SetName("Cortex")
    segment.SetColor(1.0, 0.0, 0.0)
    panel.until(lambda: "Cortex" in _table())
    row = list(_table()).index("Cortex")
    icon = find("resultTable").item(row, 0).icon().pixmap(14, 14).toImage()
    color = qt.QColor(icon.pixel(7, 7))
    assert (color.red(), color.green(), color.blue()) == (255, 0, 0), color.name()
    return _says_what_is_there(_WHITE, "Cortex")


def _statistics() -> str:
    with gaps() as found:
        find("measureButton").click()
        panel.until(lambda: find("measureButton").enabled and find("resultTable").columnCount > 4)
    shown = {name: cells[0] for name, cells in _table().items()}
    for name, text in shown.items():
        wanted = _milliliters(name)
        assert abs(float(text) / wanted - 1) < 1e-3, (name, text, wanted)
    find("copyButton").click()
    copied = slicer.app.clipboard().text()
    assert all(name in copied and text in copied for name, text in shown.items()), copied
    picture("edited_statistics")
    return f"{shown}; the window stood still for {max(found):.2f} s at most"


def _saved() -> str:
    with gaps() as found:
        message = contains(panel.save(), "Saved into the image's study")
    dataset = _in_database()
    who = _who({one.SegmentLabel: one for one in dataset.SegmentSequence})
    assert who["Lesion"] == "MANUAL", who
    assert who[_WHITE].startswith("SEMIAUTOMATIC ") and who[_WHITE].endswith(", edited by hand")
    assert who["Cortex"].startswith("SEMIAUTOMATIC "), who
    assert dataset.SeriesDescription.endswith(", edited"), dataset.SeriesDescription
    assert not find("saveButton").enabled, "what is saved is offered to be saved again"
    return f"{message} {who}; the window stood still for {max(found):.2f} s at most"


def _in_database() -> pydicom.Dataset:
    uid = _result().GetAttribute("IODeep.SavedInstanceUIDs")
    return pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid))


def _masks(node: slicer.vtkMRMLSegmentationNode) -> dict[str, np.ndarray]:
    image, segmentation = panel.logic().getParameterNode().inputVolume, node.GetSegmentation()
    return {
        segmentation.GetSegment(i).GetName(): slicer.util.arrayFromSegmentBinaryLabelmap(
            node, i, image
        )
        != 0
        for i in segmentation.GetSegmentIDs()
    }


def _read_by_core() -> str:
    """Core's reader of DICOM SEG gives back voxels, names, colors, and who made them."""
    before = set(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
    DICOMUtils.loadSeriesByUID([_in_database().SeriesInstanceUID])
    (node,) = set(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) - before
    back, wanted = _masks(node), _masks(_result())
    assert back.keys() == wanted.keys(), (back.keys(), wanted.keys())
    for name, mask in wanted.items():
        assert np.array_equal(back[name], mask), name
    segmentation, own = node.GetSegmentation(), _result().GetSegmentation()
    for name in wanted:
        one = segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(name))
        color = own.GetSegment(own.GetSegmentIdBySegmentName(name)).GetColor()
        assert np.abs(np.subtract(one.GetColor(), color)).max() < 0.02, (name, one.GetColor())
    slicer.mrmlScene.RemoveNode(node)
    panel.open_panel()
    return ", ".join(f"{name}: {int(mask.sum())} voxels" for name, mask in wanted.items())


def _core_exports(folder: str) -> str:
    found = _exported_by_core(folder)
    who = _who(found)
    assert who["Lesion"] == "MANUAL", who
    for name in (_WHITE, "Cortex"):
        assert who[name] == "SEMIAUTOMATIC brain-tissue-t1-demo@1.1.0, edited by hand", who
    return str(who)


def _scene_comes_back() -> str:
    before, masks = _table(), _masks(_result())
    bundle = str(_work / "scene.mrb")
    assert slicer.util.saveScene(bundle)
    slicer.mrmlScene.Clear()
    wait(0.5)
    with gaps() as found:
        slicer.util.loadScene(bundle)
        loading = max(found, default=0)
        panel.open_panel()
        panel.until(lambda: find("resultTable").rowCount == len(before))
        after = _table()
    assert after == before, (before, after)
    back = _masks(_result())
    assert all(np.array_equal(back[name], mask) for name, mask in masks.items())
    contains(said("saveLabel"), "Saved into the image's study")
    assert not find("saveButton").enabled
    return f"the window stood still for {max(found):.2f} s at most, {loading:.2f} s for the scene"


def _taken_back() -> str:
    """The lesion goes: what was saved is not what is there any more, and names what it corrects."""
    former = _in_database().SOPInstanceUID
    _result().GetSegmentation().RemoveSegment(_segment_id("Lesion"))
    panel.until(lambda: "Lesion" not in _table() and find("saveButton").enabled)
    assert not find("sendButton").enabled
    contains(panel.save(), "Saved into the image's study")
    corrected = _in_database().SourceImageSequence[-1]
    assert corrected.ReferencedSOPInstanceUID == former
    return corrected.PurposeOfReferenceCodeSequence[0].CodeMeaning


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        panel.make_model(_work / "model")
        for folder in (_work / "model", panel.DEMO / "mr_t1"):
            DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
        image = panel.load_image()
        slicer.util.setSliceViewerLayers(background=image, fit=True)
        panel.open_panel()
        step("A result", panel.apply_and_wait)
        step("Its table", _fresh)
        step("Core's exporter takes it", _core_exports_fresh)
        step("Surfaces as models", _surfaces)
        step("A segment is added", _added)
        step("Edited in the Segment Editor", _subtracted)
        step("Edited while it is shown", _edit_while_it_is_shown)
        step("Renamed and recolored", _renamed_and_recolored)
        step("Statistics", _statistics)
        step("Saved to DICOM", _saved)
        step("Core's reader takes it", _read_by_core)
        step("Core's exporter, after the edits", partial(_core_exports, "edited"))
        step("The scene comes back", _scene_comes_back)
        step("Core's exporter, after the scene", partial(_core_exports, "reloaded"))
        step("Edited and saved again", _taken_back)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
