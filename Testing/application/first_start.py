"""Installing what lacks, in the real Slicer. Docs/testing.md says how to run this.

It installs wheels that hold nothing into a folder of its own; Slicer's Python stays as it is.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import slicer

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
from IODeepSlicer import requirements  # noqa: E402
from panel import DEMO, find, open_panel, said, until  # noqa: E402
from steps import answer, dialogs, finish, picture, step  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_wheels = _work / "folder with wheels"


def _make_wheel(name: str, needs: str = "") -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(_wheels / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        wheel.writestr(
            f"{info}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else "")
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def _prepare() -> str:
    _wheels.mkdir()
    _make_wheel("iodeep_probe")
    _make_wheel("iodeep_replacer", needs="pydicom>=99")
    target = _work / "installed"
    target.mkdir()
    os.environ["PIP_TARGET"] = str(target)
    sys.path.append(str(target))
    return f"Slicer {slicer.app.applicationVersion}, missing: {requirements.missingRequirements()}"


def _need(*names: str) -> None:
    requirements.checkReading.cache_clear()
    requirements.REQUIREMENTS = (*_bundled, *names)
    requirements.READING = tuple(n for n in requirements.REQUIREMENTS if "onnxruntime" not in n)


def _declined() -> str:
    """The question appears once, and Cancel is taken for an answer."""
    _need("iodeep-probe>=1")
    answer("Cancel")
    try:
        requirements.ensureRequirements()
    except requirements.RequirementsError as error:
        assert len(dialogs()) == 1
        return str(error)
    raise AssertionError("nothing was raised")


def _installed() -> str:
    _need("iodeep-probe>=1")
    requirements.ensureRequirements(wheelFolder=_wheels)
    assert requirements.missingRequirements() == []
    assert "PIP_NO_INDEX" not in os.environ
    return f"iodeep-probe {requirements.installedVersions()['iodeep-probe']}, without internet"


def _replacer() -> str:
    _need("iodeep-replacer>=1")
    before = requirements.installedVersions()
    try:
        requirements.ensureRequirements(wheelFolder=_wheels)
    except requirements.RequirementsError as error:
        assert requirements.installedVersions() == before
        return str(error)
    raise AssertionError("nothing was raised")


def _panel() -> str:
    """Opening the module asks nothing: what lacks stands there with buttons."""
    _need("iodeep-probe>=1")
    open_panel()
    assert not dialogs()
    text = said("packagesLabel")
    assert "iodeep-probe" in text
    assert not find("applyButton").enabled and not find("sourceComboBox").enabled
    picture("packages", slicer.modules.iodeep.widgetRepresentation())
    return text


def _button_declined() -> str:
    """One question, and no second popup that says what was just chosen."""
    answer("Cancel")
    find("installButton").click()
    (asked,) = dialogs()
    assert "iodeep-probe" in asked, asked
    text = said("packagesLabel")
    assert "as you chose" in text and find("installButton").enabled, text
    return text


def _button_installs() -> str:
    panel = slicer.modules.iodeep.widgetRepresentation().self().panel
    panel.packages.install(_wheels)  # what the second button does with a folder
    until(lambda: not find("PackagesSection").visible)
    until(lambda: find("sourceComboBox").enabled)
    assert requirements.missingRequirements() == []
    return "the panel is there"


def _without_onnx_runtime() -> str:
    """All can be looked at; only what runs a network asks."""
    _need("onnxruntime-none>=1")  # taken for the module: its name begins like it
    open_panel()
    assert not dialogs() and not find("PackagesSection").visible
    answer("Cancel")
    ui = slicer.modules.iodeep.widgetRepresentation().self().publishing.ui
    ui.onnxPathLineEdit.currentPath = str(DEMO / "demo_network.onnx")
    ui.recipePathLineEdit.currentPath = str(DEMO / "recipe.json")
    ui.checkButton.click()
    (asked,) = dialogs()
    assert "onnxruntime-none" in asked
    text = ui.publishStatusLabel.text
    assert "as you chose" in text, text
    return text


_lacking = requirements.missingRequirements()
_bundled = tuple(item for item in requirements.REQUIREMENTS if item not in _lacking)
step("Prepared", _prepare)
step("Declined", _declined)
step("Panel without them", _panel)
step("Button, declined", _button_declined)
step("Button, from a folder", _button_installs)
step("Without ONNX Runtime", _without_onnx_runtime)
step("Installed from a folder", _installed)
step("What would replace a package", _replacer)
shutil.rmtree(_work, ignore_errors=True)
finish()
