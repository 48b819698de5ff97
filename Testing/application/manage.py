"""Models that come and go, in the real Slicer: the window *Manage…*, folders and ZIP files dropped
onto Slicer's window, a PACS; the context menu of an image; links.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import qt
import slicer

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
import served  # noqa: E402
from panel import find, said  # noqa: E402
from steps import answer, dialogs, finish, picture, step, wait  # noqa: E402

_READER = "IODeep models, into the DICOM database"
_LINK = "slicer://iodeep/?studyUID={}"


def _window() -> qt.QWidget:
    """The window *Manage…*."""
    return slicer.modules.iodeep.widgetRepresentation().self().panel.models._window.root


def _in_window(name: str) -> qt.QWidget:
    return slicer.util.findChild(_window(), name)


def _rows() -> list[list[str]]:
    table = _in_window("manageTable")
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def _labels() -> list[str]:
    return sorted(model.label for model in panel.logic().findModels().models)


def _context_menu() -> str:
    handler = slicer.qSlicerSubjectHierarchyPluginHandler.instance()
    plugin = handler.pluginByName("IODeep")
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    (action,) = plugin.itemContextMenuActions()
    found = []
    other = slicer.modules.volumes.logic().CloneVolume(_image, "other")
    label_map = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    for node in (label_map, other):
        item = hierarchy.GetItemByDataNode(node)
        handler.setCurrentItem(item)
        plugin.showContextMenuActionsForItem(item)
        found.append(action.visible)
    assert found == [False, True], found
    slicer.util.selectModule("Data")
    wait(0.5)
    action.trigger()
    wait(0.5)
    assert slicer.util.selectedModule() == "IODeep"
    assert find("inputSelector").currentNode() == other
    slicer.mrmlScene.RemoveNode(label_map)
    slicer.mrmlScene.RemoveNode(other)
    find("inputSelector").setCurrentNode(_image)
    wait(0.5)
    return action.text


def _drop(*paths: Path) -> list[str]:
    """Drop files onto the window; the readers that Slicer offers, of which ours is taken."""
    data = qt.QMimeData()
    data.setUrls([qt.QUrl.fromLocalFile(str(path)) for path in paths])
    offered: list[str] = []

    def choose() -> None:
        dialog = slicer.app.activeModalWidget()
        if dialog is not None and dialog.inherits("QInputDialog"):
            offered.extend(dialog.comboBoxItems())
            picture("drop", dialog)
            if _READER in offered:
                dialog.setTextValue(_READER)
                dialog.accept()
            else:
                dialog.reject()

    timer = qt.QTimer()
    timer.setInterval(300)
    timer.connect("timeout()", choose)
    timer.start()
    how = (qt.Qt.CopyAction, data, qt.Qt.LeftButton, qt.Qt.NoModifier)
    window = slicer.util.mainWindow()
    qt.QCoreApplication.sendEvent(window, qt.QDragEnterEvent(qt.QPoint(10, 10), *how))
    qt.QCoreApplication.sendEvent(window, qt.QDropEvent(qt.QPointF(10, 10), *how))
    timer.stop()
    return offered


def _dropped_folder() -> str:
    before = _labels()
    offered = _drop(served.WORK / "other")
    assert _READER in offered, offered
    panel.until(lambda: len(_labels()) == len(before) + 1)
    wait(1)
    assert find("modelTable").selectionModel().selectedRows()
    return f"{offered}; {_labels()}"


def _dropped_zip() -> str:
    before = _labels()
    path = served.WORK / "third.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (served.WORK / "third").iterdir():
            archive.write(file, f"../../{file.name}")
    offered = _drop(path)
    assert _READER in offered, offered
    panel.until(lambda: len(_labels()) == len(before) + 1)
    wait(1)
    return str(_labels())


def _dropped_something_else() -> str:
    """Images, and what is no ZIP file, are left to Slicer's own readers."""
    from IODeepSlicer.sources.dropped import pathsWithModels

    odd = served.WORK / "odd.zip"
    odd.write_bytes(b"PK\x03\x04 nothing of the kind")
    assert _READER not in _drop(panel.DEMO / "mr_t1")
    assert not pathsWithModels([str(odd), str(served.WORK / "nothing"), ""])
    return "left to others"


def _managed() -> str:
    find("manageButton").click()
    wait(0.5)
    rows = _rows()
    assert len(rows) == len(_labels()), rows
    assert {row[2] for row in rows} == {"DICOM database"}, rows
    assert all(row[3].endswith("MB") and "complete" in row[4] for row in rows), rows
    picture("manage", _window())
    return str(rows)


def _imported(button: str, path: Path) -> str:
    """By a button of the window, and the dialog that it opens."""
    before = _labels()
    with panel.chosen_in_dialog(path):
        _in_window(button).click()
    panel.until(lambda: len(_labels()) == len(before) + 1)
    wait(1)
    assert len(_rows()) == len(_labels()), _rows()
    return str(_labels())


def _newer() -> str:
    """Who has chosen an older version is told that there is a newer one, here and in the window."""
    _imported("importFolderButton", served.WORK / "newer")
    (old,) = (m for m in panel.logic().findModels().models if m.label == "other@1.1.0")
    panel.choose(old)
    said_so = said("modelsLabel")
    assert "2.0.0" in said_so, said_so
    row = next(row for row in _rows() if row[:2] == ["Other", "1.1.0"])
    assert "2.0.0" in row[4], row
    picture("manage_newer", _window())
    return said_so


def _row_of(title: str) -> int:
    return next(index for index, row in enumerate(_rows()) if row[0] == title)


def _removed() -> str:
    before = _labels()
    _in_window("manageTable").selectRow(_row_of("Third"))
    wait(0.2)
    files = set(Path(slicer.dicomDatabase.databaseDirectory).rglob("*.dcm"))
    answer("Cancel")
    _in_window("removeButton").click()
    assert _labels() == before
    answer("Remove")
    _in_window("removeButton").click()
    wait(0.5)
    gone = files - set(Path(slicer.dicomDatabase.databaseDirectory).rglob("*.dcm"))
    assert len(_labels()) == len(before) - 1 and "third" not in " ".join(_labels())
    assert len(gone) == len(list((served.WORK / "third").iterdir())), gone
    assert len(_rows()) == len(_labels())
    return " | ".join(dialogs())


def _removed_while_it_runs() -> str:
    panel.choose(_slow)
    panel.apply()
    _in_window("manageTable").selectRow(_row_of("Slow"))
    wait(0.2)
    answer("Remove")
    _in_window("removeButton").click()
    wait(0.2)
    message = _in_window("manageLabel").text
    assert "runs, or waits to" in message, message
    find("cancelButton").click()
    wait(0.5)
    return message


def _got() -> str:
    """A model that a PACS has comes into the database."""
    served.look_in("pacs")
    _in_window("manageTable").selectRow(_row_of("On the server"))
    wait(0.2)
    row = _rows()[_row_of("On the server")]
    assert row[2] == "pacs" and "on the server" in row[4], row
    assert _in_window("getButton").enabled
    picture("manage_server", _window())
    _in_window("getButton").click()
    panel.until(lambda: _rows()[_row_of("On the server")][2] == "DICOM database")
    row = _rows()[_row_of("On the server")]
    assert row[2] == "DICOM database" and "complete" in row[4], row
    panel.look_in("")
    return str(row)


def _recent() -> str:
    """The address that was asked last is in the list the next time."""
    served.look_in(_orthanc.source)
    panel.look_in("")
    panel.open_panel()
    names = served.names("sourceComboBox")
    assert names[-1] == _orthanc.source, names
    return str(names)


def _link() -> str:
    """It asks, loads the images of the study, and chooses the model."""
    study = _study()
    slicer.mrmlScene.Clear()
    slicer.util.selectModule("Data")
    answer("Cancel")
    slicer.app.urlReceived(_LINK.format(study) + "&model=other@1.1.0")
    wait(0.5)
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    answer("Open")
    slicer.app.urlReceived(_LINK.format(study) + "&model=other@1.1.0")
    panel.until(lambda: slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    wait(1)
    assert slicer.util.selectedModule() == "IODeep"
    chosen = slicer.modules.iodeep.widgetRepresentation().self().panel.models.chosen
    assert chosen.model.label == "other@1.1.0", chosen.model.label
    picture("link")
    return " | ".join(dialogs())


def _link_to_a_server() -> str:
    """The study is not here: it comes from the PACS that the link names, and so does the model."""
    study = _study()
    from IODeepLib import source_of

    source_of(_orthanc.source).store(list((panel.DEMO / "mr_t1").glob("*.dcm")))
    slicer.mrmlScene.Clear()
    slicer.dicomDatabase.removeStudy(study)
    answer("Open")
    slicer.app.urlReceived(_LINK.format(study) + "&model=remote&source=pacs")
    panel.until(lambda: slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))
    panel.until(lambda: "Asking" not in said("modelsLabel"))
    wait(1)
    chosen = slicer.modules.iodeep.widgetRepresentation().self().panel.models.chosen
    assert chosen.model.label == "remote@1.1.0", chosen.model.label
    return " | ".join(dialogs())


def _links_that_are_refused() -> str:
    nodes = panel.scene()
    for query in (
        "studyUID=1..2",
        "studyUID=1.2.3",
        "studyUID=1.2.3&source=dicomweb%2Bhttp://127.0.0.1:1",
        "studyUID=1.2.3&model=<img src=x>",
    ):
        slicer.app.urlReceived(f"slicer://iodeep/?{query}")
        wait(0.2)
    slicer.app.urlReceived("slicer://viewer/?studyUID=1.2.3")
    texts = dialogs()
    assert len(texts) == 4 and panel.scene() == nodes, texts
    return " | ".join(texts)


def _study() -> str:
    from IODeepLib import find_series

    (series,) = find_series(panel.DEMO / "mr_t1")
    return series.study_instance_uid


def _steps() -> None:
    step("Context menu", _context_menu)
    step("A folder is dropped", _dropped_folder)
    step("A ZIP file is dropped", _dropped_zip)
    step("Something else is dropped", _dropped_something_else)
    step("Managed", _managed)
    step("Imported from a folder", lambda: _imported("importFolderButton", served.WORK / "fourth"))
    step(
        "Imported from a ZIP file", lambda: _imported("importZipButton", served.WORK / "fifth.zip")
    )
    step("A newer version", _newer)
    step("Removed", _removed)
    step("Removed while it runs", _removed_while_it_runs)
    step("Got from a server", _got)
    step("Recent servers", _recent)
    step("A link", _link)
    step("A link to a server", _link_to_a_server)
    step("Links that are refused", _links_that_are_refused)
    step("Dialogs", dialogs)


slicer.util.mainWindow().showNormal()
slicer.util.mainWindow().resize(1500, 1000)
with served.orthanc() as (_orthanc, _model):
    from DICOMLib import DICOMUtils

    served.name_servers({"pacs": _orthanc.source})
    _orthanc.clear()
    served.publish(
        _orthanc,
        panel.make_large_model(served.WORK / "remote", 2**22, name="remote", title="On the server"),
    )
    panel.make_model(served.WORK / "other", name="other", title="Other")
    panel.make_model(served.WORK / "third", name="third", title="Third")
    panel.make_model(served.WORK / "newer", name="other", version="2.0.0", title="Other")
    for name in ("fourth", "fifth"):
        panel.make_model(served.WORK / name, name=name, title=name.capitalize())
    shutil.make_archive(str(served.WORK / "fifth"), "zip", served.WORK / "fifth")
    _slow = panel.make_slow_model(served.WORK / "slow")
    for name in ("model", "slow"):
        DICOMUtils.importDicom(str(served.WORK / name), slicer.dicomDatabase, copyFiles=True)
    _image = panel.load_image()
    panel.open_panel()
    _steps()
shutil.rmtree(served.WORK, ignore_errors=True)
finish()
