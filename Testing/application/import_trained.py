"""Trained networks of four programs, in the real Slicer: from what a stranger has to a result.

The Python that reads them, which has PyTorch, is named by IODEEP_AUTHOR_PYTHON, and in the panel by
its path. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from panel import find, said  # noqa: E402
from steps import finish, picture, step, wait  # noqa: E402

_PYTHON = os.environ["IODEEP_AUTHOR_PYTHON"]
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
# By their places in the recipe.
_ANSWERS = {
    "card.publisher": "Nobody",
    "card.intended_use": "Tests",
    "card.licence": "MIT",
    "input.orientation": "LPS",
    "applies_to.anatomic_regions": "Brain",
    "applies_to.modalities": "MR",
}
# How the panel calls them, by the names of their folders.
_PROGRAMS = {
    "nnunet": "nnU-Net",
    "kaapana": "Kaapana",
    "monai": "MONAI",
    "first-generation": "the first IODeep program",
}


def _over() -> str:
    panel.until(lambda: not find("cancelImportButton").enabled and find("lookButton").enabled)
    wait(0.3)
    return said("importStatusLabel")


def _made() -> str:
    """By the other Python, whose modules are not Slicer's."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    script = _HERE.parent / "makers" / "trained_networks.py"
    subprocess.run([_PYTHON, str(script), str(_work)], check=True, env=environment)
    for button in slicer.util.findChildren(
        slicer.modules.iodeep.widgetRepresentation(), className="ctkCollapsibleButton"
    ):
        button.collapsed = button.name != "importCollapsibleButton"
    find("pythonPathLineEdit").currentPath = _PYTHON
    wait(0.2)
    assert not find("installTorchButton").enabled  # another Python has it
    return "made"


def _imported(name: str) -> str:
    find("importPathLineEdit").currentPath = str(_work / name)
    find("importLabelsLineEdit").text = "brain" if name == "first-generation" else ""
    wait(0.2)
    find("lookButton").click()
    text = _over()
    assert text.startswith(f"A network of {_PROGRAMS[name]}."), text
    table = find("answersTable")
    for row in range(table.rowCount):
        tip = table.item(row, 0).toolTip()  # it says where the answer goes
        (answer,) = (answer for place, answer in _ANSWERS.items() if f">{place}<" in tip)
        table.item(row, 1).setText(answer)
    wait(0.2)
    find("convertButton").click()
    text = _over()
    assert text.startswith("In the DICOM database"), text
    picture(f"import_{name}")
    return f"{table.rowCount} answers; {text}"


def _runs() -> str:
    """The one of the first program: it was imported last, and is chosen."""
    slicer.modules.iodeep.widgetRepresentation().self().panel.run.root.visible = True
    return panel.contains(panel.apply_and_wait(), "Done")


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
        panel.load_image()
        panel.open_panel()
        step("Networks of four programs", _made)
        for name in _PROGRAMS:
            step(f"Imported from {name}", partial(_imported, name))
        step("It runs", _runs)
        find("pythonPathLineEdit").currentPath = ""  # which Slicer's settings keep
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
