"""The DICOM browser's plugin in the real Slicer. Docs/testing.md says how to run this."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import ctk
import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_DEMO = _HERE.parents[1] / "IODeepLib" / "demo_data"
_COUNT = 200
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _data() -> str:
    from IODeepLib.publish import publish
    from IODeepLib.recipe import read_recipe

    recipe = read_recipe(_DEMO / "recipe.json")
    publish(_DEMO / "demo_network.onnx", recipe, _work / "data" / "model")
    shutil.copytree(_DEMO / "mr_t1", _work / "data" / "mr")
    return f"{sum(path.is_file() for path in (_work / 'data').rglob('*'))} files"


def _registered() -> str:
    assert "DICOMIODeepPlugin" in slicer.modules.dicomPlugins
    heavy = {"pydicom", "highdicom", "onnxruntime"} & set(sys.modules)
    assert "0008,9123" in slicer.dicomDatabase.tagsToPrecache
    return f"third-party modules imported at start, by whichever module: {sorted(heavy)}"


def _file_lists() -> list[tuple[str, ...]]:
    database = slicer.dicomDatabase
    return [database.filesForSeries(uid) for uid in DICOMUtils.allSeriesUIDsInDatabase(database)]


def _selected() -> str:
    """The loadable that Slicer selects for each series comes from the right plugin."""
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(_file_lists())
    DICOMUtils.selectHighestConfidenceLoadables(by_plugin)
    chosen = [
        (plugin.loadType, loadable.name)
        for plugin, loadables in by_plugin.items()
        for loadable in loadables
        if loadable.selected
    ]
    assert sorted(kind for kind, _ in chosen) == ["IODeep network"] * 2 + ["Scalar Volume"], chosen
    tooltip = next(l.tooltip for p in by_plugin for l in by_plugin[p] if getattr(l, "card", None))  # noqa: E741
    print(tooltip)
    assert "Weights: present" in tooltip
    assert "Fits by modality and anatomy: MR" in tooltip
    return str(chosen)


def _browser() -> object:
    slicer.util.selectModule("DICOM")
    wait(1)
    return slicer.modules.dicom.widgetRepresentation().self().browserWidget


def _examine_in_browser() -> str:
    browser = _browser()
    browser.advancedViewButton.checked = True
    table, database = browser.loadableTable, slicer.dicomDatabase
    table.setMinimumHeight(260)
    models = [uid for uid in database.patients() if "IODeep" in database.nameForPatient(uid)]
    browser.dicomBrowser.setSelectedItems(ctk.ctkDICOMModel.PatientType, models)
    wait(1)
    browser.fileLists = _file_lists()
    browser.examineForLoading()
    table.setColumnWidth(0, 420)
    picture("dicom_browser")
    rows = [
        (
            table.item(row, 0).text(),
            table.item(row, 1).text(),
            table.item(row, 0).checkState() == qt.Qt.Checked,
        )
        for row in range(table.rowCount)
    ]
    assert sum(checked for *_, checked in rows) == 3, rows
    return str(rows)


def _load_in_browser() -> str:
    browser = _browser()
    browser.loadCheckedLoadables()
    wait(2)
    said = dialogs()
    assert not said, said
    nodes = slicer.util.getNodesByClass("vtkMRMLTextNode")
    models = [node for node in nodes if node.GetAttribute("IODeep.CardSOPInstanceUID")]
    assert len(models) == 1, [node.GetName() for node in nodes]
    volumes = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
    assert len(volumes) == 1, volumes
    picture("model_loaded")
    slicer.util.selectModule("Data")
    wait(1)
    picture("subject_hierarchy")
    return f"{models[0].GetName()} in the scene, and {volumes[0]}"


def _hierarchy(node) -> list[str]:
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(node)
    uid = hierarchy.GetItemUID(item, "DICOM")
    names = []
    while item != hierarchy.GetSceneItemID():
        names.insert(0, hierarchy.GetItemName(item))
        item = hierarchy.GetItemParent(item)
    assert uid
    return names


def _model() -> object:
    nodes = slicer.util.getNodesByClass("vtkMRMLTextNode")
    return next(node for node in nodes if node.GetAttribute("IODeep.CardSOPInstanceUID"))


def _save_and_load() -> str:
    before = _model()
    attributes = {name: before.GetAttribute(name) for name in before.GetAttributeNames()}
    text, where = before.GetText(), _hierarchy(before)
    path = str(_work / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(path)
    after = _model()
    assert {name: after.GetAttribute(name) for name in after.GetAttributeNames()} == attributes
    assert after.GetText() == text
    assert _hierarchy(after) == where
    return " / ".join(where)


def _weights_only() -> str:
    slicer.mrmlScene.Clear()
    database, messages = slicer.dicomDatabase, []
    weights = [
        uid
        for uid in DICOMUtils.allSeriesUIDsInDatabase(database)
        if database.fieldForSeries("Modality", uid) == "OT"
    ]
    DICOMUtils.loadSeriesByUID(weights, messages=messages)
    wait(1)
    assert not messages, messages
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return f"gives {_model().GetName()}"


def _lost_weights() -> str:
    database = slicer.dicomDatabase
    for path in (_work / "data" / "model").glob("weights*"):
        path.rename(path.with_suffix(".away"))
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(_file_lists())
    tooltip = next(l.tooltip for p in by_plugin for l in by_plugin[p] if getattr(l, "card", None))  # noqa: E741
    assert "Weights: missing" in tooltip, tooltip
    assert database.isOpen
    return "said in the tooltip"


def _damaged_card() -> str:
    path = _work / "data" / "model" / "card.dcm"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(_file_lists())
    warnings = [l.warning for p in by_plugin for l in by_plugin[p] if l.confidence == 0.95]  # noqa: E741
    path.write_bytes(content)
    assert any(warnings), warnings
    return next(filter(None, warnings))


def _many_cards() -> str:
    """Time to examine cards and image series: with the plugin and without it."""
    import pydicom
    from pydicom.uid import generate_uid

    many = _work / "many"
    many.mkdir()
    card = pydicom.dcmread(_work / "data" / "model" / "card.dcm")
    image = pydicom.dcmread(next(p for p in (_work / "data" / "mr").rglob("*") if p.is_file()))
    for number in range(_COUNT):
        for dataset in (card, image):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.SeriesInstanceUID = generate_uid()
            dataset.StudyInstanceUID = generate_uid()
            dataset.save_as(many / f"{dataset.SOPInstanceUID}.dcm")
        del number
    start = time.perf_counter()
    DICOMUtils.importDicom(str(many))
    imported = time.perf_counter() - start
    lists = _file_lists()
    others = [name for name in slicer.modules.dicomPlugins if name != "DICOMIODeepPlugin"]
    times = {}
    for name, plugins in (("other plugins", others), ("IODeep", ["DICOMIODeepPlugin"])):
        for turn in ("first", "again"):
            start = time.perf_counter()
            by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(lists, plugins)
            times[f"{name}, {turn}"] = round(time.perf_counter() - start, 2)
    found = sum(len(loadables) for loadables in by_plugin.values())
    assert found >= _COUNT, found
    return f"{len(lists)} series, imported in {imported:.1f} s; examined in seconds: {times}"


def _run() -> None:
    window = slicer.util.mainWindow()
    window.showNormal()
    window.resize(1280, 860)
    step("Plugin registered", _registered)
    step("Data made", _data)
    with DICOMUtils.TemporaryDICOMDatabase():
        step("Import", lambda: DICOMUtils.importDicom(str(_work / "data")))
        step("Selected", _selected)
        step("Browser", _examine_in_browser)
        step("Load", _load_in_browser)
        step("Place in the hierarchy", lambda: " / ".join(_hierarchy(_model())))
        step("Scene saved and loaded", _save_and_load)
        step("Weights alone", _weights_only)
        step("Damaged card", _damaged_card)
        step("Weights moved away", _lost_weights)
        step(f"{_COUNT} cards, {_COUNT} images", _many_cards)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
