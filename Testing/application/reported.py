"""What a result says in the real Slicer: warnings above all, how sure the network was, a report of
what is said of a whole image.

Needed beside IODeep's own packages: `onnx`, for a network. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pydicom
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from makers.recipes import label  # noqa: E402
from makers.summing_networks import model_of, sums  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import finish, gaps, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _module() -> Any:
    return slicer.modules.iodeep.widgetRepresentation()


def _result() -> slicer.vtkMRMLNode:
    return panel.logic().getParameterNode().result


def _trained_elsewhere(folder: Path) -> Any:
    """The demonstration network, as if it was trained on quite other images."""
    from msgspec.structs import replace

    from IODeepLib import read_recipe
    from IODeepLib.recipe import Range, TrainedOn

    trained = TrainedOn(
        pixel_spacing=Range(0.1, 0.2),
        slice_spacing=Range(0.1, 0.2),
        slices=Range(500, 600),
        field_of_view=Range(20, 30),
    )
    card = replace(read_recipe(panel.DEMO / "recipe.json").card, trained_on=trained)
    return panel.make_model(
        folder, name="elsewhere", title="Trained elsewhere", card=card, schema="iodeep-recipe/2"
    )


def _classifier(folder: Path) -> Any:
    """Bright or dark, by the highest value."""
    folder.mkdir()
    labels = [label(1, "Dark", channel=0), label(2, "Bright", channel=1)]
    return model_of(
        folder,
        sums([[0.0], [0.02]], 3, "peak", bias=[0.0, -2.0]),
        name="bright",
        title="Bright or dark",
        task="CLASSIFICATION",
        output={"channels": 2, "activation": "softmax", "labels": labels},
    )


def _warned() -> str:
    """What lies outside of the training is above the table, and the table as tall as before."""
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    panel.figures()
    text = said("warningLabel")
    assert text.startswith("⚠ Outside of what the network was trained on"), text
    assert text.endswith("⚠ and 1 more"), text
    assert find("warningLabel").geometry.bottom() < find("resultTable").geometry.top()
    assert "outside of" not in said("notesLabel"), said("notesLabel")
    table = find("resultTable")
    rows = table.verticalHeader().defaultSectionSize * table.rowCount
    assert table.viewport().height >= rows, (table.viewport().height, rows)
    needed = find("warningLabel").heightForWidth(find("warningLabel").width)
    assert find("warningLabel").height >= needed, "the warnings are cut off"
    picture("warned", _module())
    return text.splitlines()[0]


def _sure() -> str:
    """A volume that no view shows, until it is asked for."""
    from IODeepSlicer.scene import confidence

    assert not find("confidenceShownCheckBox").visible
    find("advancedGroupBox").checked = True
    find("confidenceCheckBox").click()
    picture("advanced", _module())
    find("advancedGroupBox").checked = False
    with gaps() as found:
        contains(panel.apply_and_wait(), "Done")
        wait(0.5)
    node = confidence.confidenceOf(_result())
    assert node is not None and node.GetDisplayNode().GetColorNode().GetName() == "Viridis"
    box = find("confidenceShownCheckBox")
    assert box.visible and not box.checked and not confidence.isShown(node)
    box.click()
    wait(0.5)
    assert confidence.isShown(node)
    picture("confidence")
    box.click()
    assert not confidence.isShown(node)
    low, high = slicer.util.arrayFromVolume(node).min(), slicer.util.arrayFromVolume(node).max()
    assert 0 <= low < high <= 100, (low, high)
    find("confidenceCheckBox").click()
    return f"{low} to {high} %; the window stood still for {max(found):.2f} s at most"


def _over_another_volume() -> str:
    """A volume that lies over the image stays there, and the panel says how to see the other."""
    from IODeepSlicer.scene import confidence, nodes

    node, box = confidence.confidenceOf(_result()), find("confidenceShownCheckBox")
    image = nodes.imageNodeOf(_result())
    pet = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, image, "PET")
    slicer.util.setSliceViewerLayers(foreground=pet, foregroundOpacity=0.4)
    box.click()
    wait(0.5)
    assert not box.checked and not confidence.isShown(node)
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {view.GetForegroundVolumeID() for view in views} == {pet.GetID()}
    assert {view.GetForegroundOpacity() for view in views} == {0.4}
    text = said("confidenceKeptLabel")
    assert "“PET”" in text and f"“{node.GetName()}”" in text, text
    picture("confidence beside another", _module())
    views[0].SetForegroundVolumeID(None)
    box.click()
    wait(0.5)
    assert box.checked and views[0].GetForegroundVolumeID() == node.GetID()
    assert views[1].GetForegroundVolumeID() == pet.GetID()
    box.click()
    assert said("confidenceKeptLabel") == "" and not find("confidenceKeptLabel").visible
    assert [view.GetForegroundVolumeID() for view in views[:2]] == [None, pet.GetID()]
    slicer.mrmlScene.RemoveNode(pet)
    return text


def _sure_in_report() -> str:
    contains(panel.save(), "Saved into the image's study")
    report = _saved()[1]
    text = str(report)
    assert "Probability" in text
    return f"{report.SOPClassUID.name}: {report.SeriesDescription}"


def _saved() -> list[pydicom.Dataset]:
    uids = _result().GetAttribute("IODeep.SavedInstanceUIDs").split()
    return [pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid)) for uid in uids]


def _judged() -> str:
    """A table of classes; its report goes into the study, and is offered for export."""
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    node = _result()
    assert node.IsA("vtkMRMLTableNode")
    assert not find("show3DButton").visible and not find("keepButton").visible
    contains(panel.save(), "Saved into the image's study")
    (report,) = _saved()
    assert report.Modality == "SR" and not find("saveButton").enabled
    picture("judged", _module())
    plugin = slicer.modules.dicomPlugins["DICOMIODeepPlugin"]()
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    exportables = plugin.examineForExport(hierarchy.GetItemByDataNode(node))
    exportables[0].directory = str(_work / "exported")
    assert plugin.export(exportables) == ""
    (file,) = (_work / "exported").iterdir()
    assert pydicom.dcmread(file).SOPInstanceUID == report.SOPInstanceUID
    return f"{exportables[0].name}: {report.SeriesDescription}"


def _confidence_is_not_offered() -> str:
    """Such a network says nothing of voxels; the box says why."""
    assert not find("confidenceCheckBox").enabled
    return find("confidenceCheckBox").toolTip


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        elsewhere, judge = _trained_elsewhere(_work / "model"), _classifier(_work / "judge")
        for folder in (_work / "model", _work / "judge" / "model", panel.DEMO / "mr_t1"):
            DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
        slicer.util.setSliceViewerLayers(background=panel.load_image(), fit=True)
        panel.open_panel()
        panel.choose(elsewhere)
        step("Warnings first", _warned)
        step("How sure it is", _sure)
        step("How sure it is, beside another volume", _over_another_volume)
        step("How sure it is, in the report", _sure_in_report)
        panel.choose(judge)
        step("No such question", _confidence_is_not_offered)
        step("A judgment and its report", _judged)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
