"""A card without its weights in the real Slicer: the two buttons that find them, clicked.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _choose(folder: Path | None) -> None:
    """Give this folder to the file dialog that is open; None closes it."""
    dialog = slicer.app.activeModalWidget()
    if not dialog.inherits("QFileDialog"):
        raise AssertionError(dialog.className())
    if folder is None:
        dialog.reject()
        return
    slicer.util.findChild(dialog, "fileNameEdit").text = str(folder)
    dialog.accept()


def _click(button: str, folder: Path | None) -> None:
    qt.QTimer.singleShot(500, lambda: _choose(folder))
    find(button).click()
    wait(0.5)


def _offered() -> str:
    assert not find("applyButton").enabled
    picture("missing_weights", slicer.modules.iodeep.widgetRepresentation())
    return contains(said("weightsLabel"), "weights are missing")


def _dismissed() -> str:
    for button in ("weightsFolderButton", "weightsImportButton"):
        _click(button, None)
        assert not find("applyButton").enabled
    return said("weightsLabel")


def _wrong_folder() -> str:
    _click("weightsFolderButton", _work / "empty")
    return contains(said("weightsLabel"), "weights are missing")


def _folder() -> str:
    _click("weightsFolderButton", _work / "weights")
    assert not find("weightsFrame").visible, said("weightsLabel")
    assert panel.logic().getParameterNode().modelSource == str(_work / "weights")
    done = contains(panel.apply_and_wait(), "Done")
    panel.look_in("")
    assert find("weightsFrame").visible
    return done


def _imported() -> str:
    _click("weightsImportButton", _work / "weights")
    assert not find("weightsFrame").visible, said("weightsLabel")
    return contains(panel.apply_and_wait(), "Done")


def _steps() -> None:
    panel.load_image()
    panel.open_panel()
    step("Offered", _offered)
    step("Dialogs dismissed", _dismissed)
    step("A folder without them", _wrong_folder)
    step("Looked for in a folder", _folder)
    step("Imported", _imported)
    step("Dialogs", dialogs)


panel.make_model(_work / "card")
for name in ("weights", "empty"):
    (_work / name).mkdir()
for path in (_work / "card").glob("weights*"):
    path.rename(_work / "weights" / path.name)
with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
    for folder in (_work / "card", panel.DEMO / "mr_t1"):
        DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
    _steps()
shutil.rmtree(_work, ignore_errors=True)
finish()
