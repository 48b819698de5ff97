"""Models of a PACS in the real Slicer, and results sent there, with Orthanc on this machine.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from pacs import servers  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import finish, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _published() -> str:
    from IODeepLib.sources.find import source_of
    from IODeepLib.sources.push import push

    model = panel.make_model(_work / "model")
    files = [model.card.path, *(part.path for part in model.weights())]
    return f"{len(push(files, source_of(_orthanc.source)).stored)} instances"


def _rows() -> list[list[str]]:
    table = find("modelTable")
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def _cards() -> list[Path]:
    return list((_work / "cache").rglob("*.dcm"))


def _from_a_scene() -> str:
    """A scene that names a server does not make Slicer ask it."""
    panel.logic().getParameterNode().modelSource = "pacs"
    wait(1)
    assert not _cards() and not _rows()
    message = contains(said("modelsLabel"), "pacs", "was not asked")
    panel.look_in("")
    return message


def _listed() -> str:
    names = [find("sourceComboBox").itemText(n) for n in range(find("sourceComboBox").count)]
    assert names == ["nobody", "pacs"], names
    panel.look_in("pacs")
    asking = said("modelsLabel")
    assert "Asking pacs" in asking, asking
    panel.until(_rows)
    ((fit, *_, source),) = _rows()
    assert (fit, source) == ("fits", "server")
    assert len(_cards()) == 1, "more than the card was fetched"
    assert not find("weightsFrame").visible
    assert find("applyButton").text.startswith("Fetch "), find("applyButton").text
    picture("server")
    return find("applyButton").text


def _run() -> str:
    done = contains(panel.apply_and_wait(), "Done")
    assert find("applyButton").text == "Apply"
    assert len(_cards()) == 2
    segmentation = panel.logic().getParameterNode().result
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2
    return done


def _again() -> str:
    panel.open_panel()
    assert [row[0] for row in _rows()] == ["fits"]
    return contains(panel.apply_and_wait(), "Done")


def _console() -> str:
    found = panel.logic().findModels("pacs")
    assert [model.missing_parts for model in found.models] == [()]
    return ", ".join(model.label for model in found.models)


def _nobody() -> str:
    panel.look_in("nobody")
    panel.until(lambda: "Asking" not in said("modelsLabel"))
    assert not _rows()
    return contains(said("modelsLabel"), "cannot be reached")


def _wrong() -> str:
    panel.look_in("nowhere")
    message = contains(said("modelsLabel"), "Nowhere is no folder")
    panel.look_in("dicomweb+http://me:secret@127.0.0.1/")
    message += " | " + contains(said("modelsLabel"), "A password in an address")
    assert panel.logic().getParameterNode().modelSource == "nobody"
    panel.look_in("pacs")
    panel.until(_rows)
    return message


def _send() -> str:
    """What was saved goes to Orthanc by Slicer's own sender."""
    find("saveButton").click()
    wait(0.5)
    assert find("sendButton").enabled, said("saveLabel")
    before = set(json.loads(_orthanc.get("/instances")))
    qt.QTimer.singleShot(500, _fill_dialog)
    find("sendButton").click()
    panel.until(lambda: len(json.loads(_orthanc.get("/instances"))) > len(before))
    (new,) = set(json.loads(_orthanc.get("/instances"))) - before
    tags = json.loads(_orthanc.get(f"/instances/{new}/simplified-tags"))
    assert tags["Modality"] == "SEG", tags
    (uid,) = (
        panel.logic().getParameterNode().result.GetAttribute("IODeep.SavedInstanceUIDs").split()
    )
    assert tags["SOPInstanceUID"] == uid
    return f"{tags['SeriesDescription']}, {tags['NumberOfFrames']} frames"


def _fill_dialog() -> None:
    dialog = slicer.app.activeModalWidget()
    dialog.findChildren(qt.QComboBox)[0].setCurrentText("DICOMweb")
    _title, address = dialog.findChildren(qt.QLineEdit)
    address.text = _orthanc.url
    picture("send", dialog)
    (buttons,) = dialog.findChildren(qt.QDialogButtonBox)
    buttons.button(qt.QDialogButtonBox.Ok).click()


def _steps() -> None:
    step("Published in Orthanc", _published)
    slicer.util.selectModule("IODeep")
    step("A scene that names a server", _from_a_scene)
    panel.load_image()
    panel.open_panel()
    step("Listed", _listed)
    step("Run", _run)
    step("Opened again, weights in the cache", _again)
    step("Console", _console)
    step("Nobody listens", _nobody)
    step("No source", _wrong)
    step("Sent", _send)


with ExitStack() as stack:
    _orthanc = stack.enter_context(servers.orthanc(_work / "orthanc"))
    with servers.socket.socket() as _closed:
        _closed.bind(("127.0.0.1", 0))
        (_work / "iodeep.toml").write_text(
            f'[servers.pacs]\nurl = "{_orthanc.source}"\n'
            f'[servers.nobody]\nurl = "dicomweb+http://127.0.0.1:{_closed.getsockname()[1]}"\n',
            "utf-8",
        )
        os.environ |= {
            "IODEEP_CONFIG": str(_work / "iodeep.toml"),
            "IODEEP_CACHE": str(_work / "cache"),
        }
        with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
            DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
            _steps()
shutil.rmtree(_work, ignore_errors=True)
finish()
