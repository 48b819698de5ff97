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


def _measured(name: str) -> dict[str, float]:
    """What Slicer's own Segment Statistics says, by the titles of our columns."""
    from SegmentStatistics import SegmentStatisticsLogic

    logic, node = SegmentStatisticsLogic(), _result()
    image = panel.logic().getParameterNode().inputVolume
    logic.getParameterNode().SetParameter("Segmentation", node.GetID())
    logic.getParameterNode().SetParameter("ScalarVolume", image.GetID())
    for plugin in ("Labelmap", "ScalarVolume"):
        logic.getParameterNode().SetParameter(f"{plugin}SegmentStatisticsPlugin.enabled", "True")
    segment_id = _segment_id(name)
    logic.updateStatisticsForSegment(segment_id)
    found = logic.getStatistics()
    slicer.mrmlScene.RemoveNode(logic.getParameterNode())
    return {
        title: found[segment_id, f"{plugin}SegmentStatisticsPlugin.{key}"]
        for title, plugin, key in (
            ("Volume [mL]", "Labelmap", "volume_cm3"),
            ("Voxel count", "Labelmap", "voxel_count"),
            ("Mean", "ScalarVolume", "mean"),
            ("Standard Deviation", "ScalarVolume", "stdev"),
            ("Minimum", "ScalarVolume", "min"),
            ("Median", "ScalarVolume", "median"),
            ("Maximum", "ScalarVolume", "max"),
        )
    }


def _milliliters(name: str) -> float:
    return _measured(name)["Volume [mL]"]


def _says_what_is_there(*names: str) -> str:
    rows = panel.figures()
    for name in names:
        for title, wanted in _measured(name).items():
            shown = float(rows[name][title])
            # Slicer's median comes from a histogram.
            part = 2e-3 if title == "Median" else 1e-4
            assert abs(shown - wanted) <= part * abs(wanted), (name, title, shown, wanted)
    return "; ".join(f"{name} {', '.join(cells.values())}" for name, cells in rows.items())


def _by_hand() -> list[str]:
    return [cells["By hand"] for cells in panel.figures().values()]


def _fresh() -> str:
    """All that the run measured is there at once: no process measures again."""
    shown = panel.figures()[_WHITE]
    assert {"Longest axial diameter [mm]", "Surface area [mm²]"} <= shown.keys(), shown
    assert "By hand" not in shown
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
    panel.until(lambda: "Lesion" in panel.figures())
    assert _by_hand() == ["", "", "added"], _by_hand()
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
    assert _by_hand() == ["", "edited", "added"], _by_hand()
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
    assert panel.figures()[_GRAY]["By hand"] == "edited"
    return f"{text}. The window stood still for {max(found):.2f} s at most ({changed:.2f} core's)."


def _renamed_and_recolored() -> str:
    segment = _result().GetSegmentation().GetSegment(_segment_id(_GRAY))
    segment.SetName("Cortex")
    segment.SetColor(1.0, 0.0, 0.0)
    panel.until(lambda: "Cortex" in panel.figures())
    row = list(panel.figures()).index("Cortex")
    icon = find("resultTable").item(row, 0).icon().pixmap(14, 14).toImage()
    color = qt.QColor(icon.pixel(7, 7))
    assert (color.red(), color.green(), color.blue()) == (255, 0, 0), color.name()
    return _says_what_is_there(_WHITE, "Cortex")


def _kept() -> str:
    """The table goes to the clipboard, and into the scene, where it follows an edit."""
    from IODeepSlicer.scene.segment_table import tableOf

    shown = {name: cells["Volume [mL]"] for name, cells in panel.figures().items()}
    find("copyButton").click()
    copied = slicer.app.clipboard().text()
    assert all(name in copied and text in copied for name, text in shown.items()), copied
    assert tableOf(_result()) is None
    find("keepButton").click()
    picture("edited_table")
    return f"{tableOf(_result()).GetName()}: {shown}"


def _statistics() -> str:
    """Slicer's own module, with this segmentation and its image."""
    find("statisticsButton").click()
    wait(0.5)
    assert slicer.util.selectedModule() == "SegmentStatistics"
    widget = slicer.modules.segmentstatistics.widgetRepresentation().self()
    assert widget.segmentationSelector.currentNode() is _result()
    assert widget.scalarSelector.currentNode() is panel.logic().getParameterNode().inputVolume
    picture("segment_statistics")
    panel.open_panel()
    return widget.segmentationSelector.currentNode().GetName()


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


def _saved_uids() -> list[str]:
    return _result().GetAttribute("IODeep.SavedInstanceUIDs").split()


def _report_is_of_what_is_there() -> str:
    """Core's reader of reports makes a table of it: what Slicer's Segment Statistics measures."""
    if "DICOMTID1500Plugin" not in slicer.modules.dicomPlugins:
        return "this Slicer has no reader of reports"
    before = set(slicer.util.getNodesByClass("vtkMRMLNode"))
    layout = slicer.app.layoutManager().layout
    dataset = pydicom.dcmread(slicer.dicomDatabase.fileForInstance(_saved_uids()[1]))
    DICOMUtils.loadSeriesByUID([dataset.SeriesInstanceUID])
    new = set(slicer.util.getNodesByClass("vtkMRMLNode")) - before
    (table,) = (node for node in new if node.IsA("vtkMRMLTableNode"))
    picture("report")
    content, said = table.GetTable(), {}
    for row in range(content.GetNumberOfRows()):
        name = content.GetValueByName(row, "Tracking Identifier").ToString()
        said[name] = content.GetValueByName(row, "Volume [ml]").ToDouble()
        wanted = _milliliters(name)
        assert abs(said[name] / wanted - 1) < 1e-4, (name, said, wanted)
    for node in new:
        if node.IsA("vtkMRMLTableNode") or node.IsA("vtkMRMLSegmentationNode"):
            slicer.mrmlScene.RemoveNode(node)
    slicer.app.layoutManager().setLayout(layout)
    panel.open_panel()
    assert said.keys() == panel.figures().keys(), said
    return f"{table.GetName()}: {said}"


def _in_database() -> pydicom.Dataset:
    uid, _report = _saved_uids()
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
    before, masks = panel.figures(), _masks(_result())
    bundle = str(_work / "scene.mrb")
    assert slicer.util.saveScene(bundle)
    slicer.mrmlScene.Clear()
    wait(0.5)
    with gaps() as found:
        slicer.util.loadScene(bundle)
        loading = max(found, default=0)
        panel.open_panel()
        panel.until(lambda: find("resultTable").rowCount == len(before))
        after = panel.figures()
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
    panel.until(lambda: "Lesion" not in panel.figures() and find("saveButton").enabled)
    from IODeepSlicer.scene.segment_table import tableOf

    assert tableOf(_result()).GetNumberOfRows() == 2, "the table in the scene did not follow"
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
        step("The table is copied and kept", _kept)
        step("Slicer's own statistics", _statistics)
        step("Saved to DICOM", _saved)
        step("Its report", _report_is_of_what_is_there)
        step("Core's reader takes it", _read_by_core)
        step("Core's exporter, after the edits", partial(_core_exports, "edited"))
        step("The scene comes back", _scene_comes_back)
        step("Core's exporter, after the scene", partial(_core_exports, "reloaded"))
        step("Edited and saved again", _taken_back)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
