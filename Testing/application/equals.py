"""Networks that fit an image equally well, in the real Slicer: a person chooses, and nobody else.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_NAMES = ("first", "second", "third")
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _chosen() -> int:
    """The selected row; -1 for none."""
    table = find("modelTable")
    return table.currentRow() if table.selectedItems() else -1


def _import(folder: Path) -> None:
    DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)


def _one_is_preselected() -> str:
    _import(_work / _NAMES[0])
    panel.open_panel()
    assert _chosen() == 0 and find("applyButton").enabled, said()
    assert "equally well" not in said("modelsLabel")
    return find("modelTable").item(0, 1).text()


def _none_of_three() -> str:
    for name in _NAMES[1:]:
        _import(_work / name)
    panel.open_panel()
    assert find("modelTable").rowCount == len(_NAMES)
    assert _chosen() == -1 and not find("applyButton").enabled
    assert not find("cardGroupBox").visible
    assert said() == "Choose a model first.", said()
    picture("equals", slicer.modules.iodeep.widgetRepresentation())
    return contains(said("modelsLabel"), "3 models fit this image equally well: choose one")


def _a_person_chooses() -> str:
    find("modelTable").selectRow(2)
    wait(0.3)
    assert _chosen() == 2 and find("applyButton").enabled, said()
    assert "equally well" not in said("modelsLabel"), said("modelsLabel")
    return contains(panel.apply_and_wait(), "Done")


def _scripts_are_told() -> str:
    from IODeepLib import UsageError

    logic, volume = panel.logic(), panel.logic().getParameterNode().inputVolume
    try:
        logic.run(volume)
    except UsageError as error:
        return contains(str(error), "3 models fit", "logic.select(volume).equals")
    raise AssertionError("it was run")


for name in _NAMES:
    panel.make_model(_work / name, name=name)
with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
    _import(panel.DEMO / "mr_t1")
    panel.load_image()
    step("One is preselected", _one_is_preselected)
    step("None of three", _none_of_three)
    step("A person chooses", _a_person_chooses)
    step("Scripts are told", _scripts_are_told)
    step("Dialogs", dialogs)
shutil.rmtree(_work, ignore_errors=True)
finish()
