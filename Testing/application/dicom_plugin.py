"""The DICOM browser's plugin in the real Slicer. Docs/testing.md says how to run this."""

from __future__ import annotations

import importlib
import os
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
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_DEMO = _HERE.parents[1] / "IODeepLib" / "demo_data"
_COUNT = 200
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _data() -> str:
    from IODeepLib import pack, read_recipe

    recipe = read_recipe(_DEMO / "recipe.json")
    pack(_DEMO / "demo_network.onnx", recipe, _work / "data" / "model")
    shutil.copytree(_DEMO / "mr_t1", _work / "data" / "mr")
    return f"{sum(path.is_file() for path in (_work / 'data').rglob('*'))} files"


def _registered() -> str:
    assert "DICOMIODeepPlugin" in slicer.modules.dicomPlugins
    assert "0008,9123" in slicer.dicomDatabase.tagsToPrecache
    before = dict(sys.modules)
    for name in before:
        if name.partition(".")[0] in ("DICOMIODeepPlugin", "IODeepSlicer", "IODeepLib"):
            del sys.modules[name]
    start = time.perf_counter()
    importlib.import_module("DICOMIODeepPlugin")
    milliseconds = 1000 * (time.perf_counter() - start)
    new = {name.partition(".")[0] for name in sys.modules} - {n.partition(".")[0] for n in before}
    sys.modules.update(before)
    assert not new, new
    return f"imported in {milliseconds:.1f} ms, and nothing from third parties with it"


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
        if database.fieldForSeries("SeriesNumber", uid) == "2"
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
    assert "The weights are missing. Retrieve" in tooltip, tooltip
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


def _newer_card() -> str:
    """A card of a format to come is claimed, and its warning says what to do."""
    import pydicom
    from pydicom.uid import generate_uid

    card = pydicom.dcmread(_work / "data" / "model" / "card.dcm")
    card[0x0017, 0x0010].value = "IODEEP 2"
    card.CreatorVersionUID = generate_uid()
    card.SOPInstanceUID = card.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    card.SeriesInstanceUID = generate_uid()
    folder = _work / "newer"
    folder.mkdir()
    card.save_as(folder / "card.dcm")
    DICOMUtils.importDicom(str(folder))
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(_file_lists())
    warnings = [l.warning for p in by_plugin for l in by_plugin[p] if l.confidence == 0.95]  # noqa: E741
    found = [warning for warning in warnings if "update IODeep" in warning]
    assert len(found) == 1, warnings
    return found[0]


def _first_generation() -> str:
    """An object as the first IODeep program wrote it is named, and not taken for an image."""
    from makers.first_generation import NAME, write

    folder = _work / "first"
    folder.mkdir()
    uid = write(folder / "net.dcm")
    DICOMUtils.importDicom(str(folder))
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists([slicer.dicomDatabase.filesForSeries(uid)])
    DICOMUtils.selectHighestConfidenceLoadables(by_plugin)
    (chosen,) = (l for p in by_plugin for l in by_plugin[p] if l.selected)  # noqa: E741
    wanted = f"{NAME} (first-generation IODeep network)"
    assert chosen.name == wanted, chosen.name
    assert not DICOMUtils.loadSeriesByUID([uid])
    return f"{chosen.name}: {chosen.warning}"


def _weights_without_card() -> str:
    """Weights that came alone give nothing: no node, no message."""
    slicer.mrmlScene.Clear()
    away = next((_work / "data" / "model").glob("*.away"))
    folder = _work / "alone"
    folder.mkdir()
    shutil.copy(away, folder / "weights.dcm")
    messages: list[str] = []
    with DICOMUtils.TemporaryDICOMDatabase() as database:
        DICOMUtils.importDicom(str(folder), database)
        DICOMUtils.loadSeriesByUID(DICOMUtils.allSeriesUIDsInDatabase(database), messages=messages)
    assert not messages, messages
    assert not slicer.util.getNodesByClass("vtkMRMLVolumeNode")
    return "no node, no message"


def _many_cards() -> str:
    """Time to examine cards and image series: with the plugin and without it."""
    import pydicom
    from pydicom.uid import generate_uid

    many = _work / "many"
    many.mkdir()
    card = pydicom.dcmread(_work / "data" / "model" / "card.dcm")
    image = pydicom.dcmread(next(p for p in (_work / "data" / "mr").rglob("*") if p.is_file()))
    for _ in range(_COUNT):
        for dataset in (card, image):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.SeriesInstanceUID = generate_uid()
            dataset.StudyInstanceUID = generate_uid()
            dataset.save_as(many / f"{dataset.SOPInstanceUID}.dcm")
    start = time.perf_counter()
    DICOMUtils.importDicom(str(many))
    imported = time.perf_counter() - start
    lists = _file_lists()
    others = [name for name in slicer.modules.dicomPlugins if name != "DICOMIODeepPlugin"]
    times = {}
    for name, plugins in (("other plugins", others), ("IODeep", ["DICOMIODeepPlugin"])):
        for turn in ("first", "again"):
            start, computed = time.perf_counter(), time.process_time()
            by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(lists, plugins)
            times[f"{name}, {turn}"] = round(time.perf_counter() - start, 2)
            times[f"{name}, {turn}, processor"] = round(time.process_time() - computed, 2)
    found = sum(len(loadables) for loadables in by_plugin.values())
    assert found >= _COUNT, found
    return f"{len(lists)} series, imported in {imported:.1f} s; examined in seconds: {times}"


def _run() -> None:
    os.chdir(_work)  # where Slicer, left without a database, opens one
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
        step("Card of a newer format", _newer_card)
        step("First-generation network", _first_generation)
        step(f"{_COUNT} cards, {_COUNT} images", _many_cards)
    step("Weights without card", _weights_without_card)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
