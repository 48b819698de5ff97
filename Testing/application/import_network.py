"""A trained network of another program, in the real Slicer: the section *Import a trained network*.

Its network is there as ONNX, so that PyTorch is not needed. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from panel import find, said  # noqa: E402
from steps import finish, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_BUNDLE = _work / "small"


def _over() -> str:
    panel.until(lambda: not find("cancelImportButton").enabled and find("lookButton").enabled)
    wait(0.3)
    return said("importStatusLabel")


def _opened() -> str:
    for button in slicer.util.findChildren(
        slicer.modules.iodeep.widgetRepresentation(), className="ctkCollapsibleButton"
    ):
        button.collapsed = button.name != "importCollapsibleButton"
    assert not find("lookButton").enabled and not find("convertButton").enabled
    find("importPathLineEdit").currentPath = _BUNDLE.name  # the pictures show no folder
    wait(0.2)
    assert find("lookButton").enabled and not find("convertButton").enabled
    return "only looking is possible"


def _looked() -> str:
    find("lookButton").click()
    text = _over()
    table = find("answersTable")
    assert text.startswith("A network of MONAI."), text
    assert table.visible and table.rowCount == 1 and not find("convertButton").enabled
    find("importRecipeGroupBox").collapsed = False
    wait(0.3)
    picture("import_network", find("importCollapsibleButton"))
    return text


def _answered() -> str:
    find("answersTable").item(0, 1).setText("no part of the body")
    wait(0.2)
    find("convertButton").click()
    wrong = _over()
    assert "no part of the body" in wrong and "Traceback" not in wrong, wrong
    assert not panel.logic().findModels().models
    find("answersTable").item(0, 1).setText("Brain")
    wait(0.2)
    find("convertButton").click()
    text = _over()
    assert text.startswith("In the DICOM database"), text
    picture("import_network_done")
    (model,) = panel.logic().findModels().models
    chosen = panel.logic().getParameterNode().cardSOPInstanceUID
    assert chosen == model.card.sop_instance_uid
    return f"{wrong} | {text}"


def _runs() -> str:
    slicer.modules.iodeep.widgetRepresentation().self().panel.run.root.visible = True
    return panel.apply_and_wait()


def _canceled() -> str:
    find("lookButton").click()
    find("cancelImportButton").click()
    text = _over()
    assert "Canceled" in text, text
    return text


def _nothing_known() -> str:
    (_work / "photographs").mkdir()
    find("importPathLineEdit").currentPath = str(_work / "photographs")
    wait(0.2)
    find("lookButton").click()
    return panel.contains(_over(), "no trained network that is known", "nnU-Net", "MONAI")


def _run() -> None:
    from makers import bundles, networks

    os.chdir(_work)
    bundles.write(_BUNDLE, bundles.config())
    networks.save(networks.conv(3, channels=3, layers=1), _BUNDLE / "models" / "model.onnx")
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
        panel.load_image()
        panel.open_panel()
        step("Opened", _opened)
        step("Looked into", _looked)
        step("Answered", _answered)
        step("It runs", _runs)
        step("Canceled", _canceled)
        step("Nothing that is known", _nothing_known)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
