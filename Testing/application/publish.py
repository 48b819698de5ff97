"""Publishing a network in the real Slicer. Docs/testing.md says how to run this."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
from steps import finish, picture, step, wait  # noqa: E402

_DEMO = _HERE.parents[1] / "IODeepLib" / "demo_data"
_LONGEST = 120  # seconds that publishing may take here
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_recipe = _work / "brain.json"


def _widget() -> Any:
    return slicer.modules.iodeep.widgetRepresentation().self()


def _section() -> Any:
    return _widget().publishing


def _over() -> str:
    """Wait for what was started; what the section says then."""
    section = _section()
    until = time.perf_counter() + _LONGEST
    while section.ui.cancelPublishButton.enabled or not section.ui.checkButton.enabled:
        assert time.perf_counter() < until
        wait(0.05)
    return section.ui.publishStatusLabel.text


def _in_database() -> list[str]:
    return [model.label for model in _widget().logic.findModels().models]


def _opened() -> str:
    slicer.util.selectModule("IODeep")
    wait(1)
    for button in slicer.util.findChildren(_widget().parent, className="ctkCollapsibleButton"):
        button.collapsed = button.name != "publishCollapsibleButton"
    ui = _section().ui
    assert not ui.publishButton.enabled
    ui.recipeFormGroupBox.collapsed = False
    return "no button can be pressed yet"


def _form() -> str:
    """A recipe comes from the form; what is missing is said."""
    ui, form = _section().ui, _section()._form
    ui.saveRecipeButton.click()
    assert "label 1" in ui.recipeFormLabel.text.lower(), ui.recipeFormLabel.text
    said = ui.recipeFormLabel.text
    for line, text in (
        (ui.nameLineEdit, "brain-tissue"),
        (ui.titleLineEdit, "Gray and white matter on T1"),
        (ui.publisherLineEdit, "Example Hospital"),
        (ui.licenseLineEdit, "MIT"),
        (ui.intendedUseLineEdit, "Research: volumetry. Not for patients."),
        (ui.spacingLineEdit, "2"),
        (ui.patchLineEdit, "64"),
    ):
        line.text = text
    for box, text in (
        (ui.publishModalityComboBox, "MR"),
        (ui.publishRegionComboBox, "Brain"),
        (ui.intensityComboBox, "Percentiles 0.5 to 99.5, to 0 to 1"),
    ):
        box.setCurrentIndex(box.findText(text))
    ui.labelTable.cellWidget(0, 0).text = "Gray Matter"
    form.addLabel("White Matter")
    assert ui.labelTable.cellWidget(1, 1).text == "White Matter"
    form.save(_recipe.name)  # the pictures show no folder
    assert ui.recipePathLineEdit.currentPath == _recipe.name
    assert not ui.recipeFormLabel.visible
    shutil.copy(_DEMO / "demo_network.onnx", _work)
    ui.onnxPathLineEdit.currentPath = "demo_network.onnx"
    wait(0.5)
    return said


def _pictures() -> str:
    """The form in both of Slicer's styles."""
    for style in ("Dark Slicer", "Light Slicer"):
        slicer.app.setStyle(style)
        slicer.app.setPalette(slicer.app.style().standardPalette())
        wait(0.5)
        picture(f"publish-{style.split()[0].lower()}", _section().root)
    return "look at them"


def _check() -> str:
    _section().ui.checkButton.click()
    said = _over()
    assert "agree" in said, said
    assert _in_database() == []
    return said


def _publish() -> str:
    """It is chosen in the table; no stall of the event loop above 200 ms."""
    gaps, last = [0.0], [time.perf_counter()]
    timer = qt.QTimer()
    timer.setInterval(5)

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    timer.connect("timeout()", tick)
    _section().ui.publishButton.click()
    last[0] = time.perf_counter()
    timer.start()
    said = _over()
    timer.stop()
    assert "In the DICOM database" in said, said
    (model,) = _widget().logic.findModels().models
    chosen = _widget().logic.getParameterNode().cardSOPInstanceUID
    assert chosen == model.card.sop_instance_uid
    picture("published", _section().root)
    return f"{said} Longest stall {1000 * max(gaps):.0f} ms."


def _refused() -> str:
    """The same version with another recipe, and a recipe that contradicts the network."""
    ui, said = _section().ui, []
    recipe = json.loads(_recipe.read_text(encoding="utf-8"))
    for change in ({"title": "Something else"}, {"output": recipe["output"] | {"channels": 4}}):
        path = _work / "changed.json"
        path.write_text(json.dumps(recipe | change), encoding="utf-8")
        ui.recipePathLineEdit.currentPath = str(path)
        ui.publishButton.click()
        said.append(_over())
        ui.recipePathLineEdit.currentPath = str(_recipe)
    assert "already in the DICOM database" in said[0], said
    assert "$.output.channels" in said[1], said
    assert len(_in_database()) == 1
    return " | ".join(said)


def _cancelled() -> str:
    folder = Path(slicer.dicomDatabase.databaseDirectory)
    before = sorted(folder.iterdir())
    ui = _section().ui
    ui.publishButton.click()
    wait(0.3)
    ui.cancelPublishButton.click()
    assert "Canceled" in ui.publishStatusLabel.text
    assert sorted(folder.iterdir()) == before
    return ui.publishStatusLabel.text


def _closed() -> str:
    slicer.dicomDatabase.closeDatabase()
    _section().ui.publishButton.click()
    said = _over()
    assert "closed" in said, said
    return said


def _run() -> None:
    os.chdir(_work)
    window = slicer.util.mainWindow()
    window.showNormal()
    window.resize(1280, 1000)
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        step("Opened", _opened)
        step("Recipe from the form", _form)
        step("Pictures", _pictures)
        step("Checked", _check)
        step("Published", _publish)
        step("Refused", _refused)
        step("Canceled", _cancelled)
        step("Database closed", _closed)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
