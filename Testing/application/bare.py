"""A Slicer that lacks IODeep's packages, from its first start to a result.

They come from the internet into a folder of their own; Slicer's Python stays as it is. In a Slicer
that has them already, that is said and nothing is done. Docs/testing.md says how to run this.
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
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from IODeepSlicer import requirements  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import answer, dialogs, finish, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_lacking = requirements.missingRequirements()


def _opened() -> str:
    """Slicer has started and the module is open: nothing was asked, nothing went wrong."""
    panel.open_panel()
    assert not dialogs()
    text = contains(said("packagesLabel"), *(item.partition(">")[0] for item in _lacking))
    assert not find("applyButton").enabled
    picture("bare", slicer.modules.iodeep.widgetRepresentation())
    return text


def _demo() -> None:
    (source,) = slicer.modules.sampleDataSources["IODeep"]
    source.customDownloader(source)
    wait(0.5)


def _demo_declined() -> str:
    answer("Cancel")
    _demo()
    (asked,) = dialogs()
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode") is None
    return asked


def _installed() -> str:
    before = requirements.installedVersions()
    target = _work / "installed"
    target.mkdir()
    os.environ["PIP_TARGET"] = str(target)
    os.environ["PYTHONPATH"] = os.pathsep.join((str(target), os.environ.get("PYTHONPATH", "")))
    sys.path.append(str(target))  # behind all that Slicer has
    answer("OK")
    find("installButton").click()
    panel.until(lambda: not find("PackagesSection").visible)
    assert len(found := dialogs()) == 1, found  # the question
    assert requirements.missingRequirements() == []
    after = requirements.installedVersions()
    assert before.items() <= after.items(), "something was replaced"
    return ", ".join(sorted(after.keys() - before.keys()))


def _run() -> str:
    _demo()
    panel.open_panel()
    assert not (found := dialogs()), found
    return contains(panel.apply_and_wait(), "Done")


def _steps() -> None:
    step("Opened", _opened)
    step("Demonstration, declined", _demo_declined)
    step("Installed", _installed)
    step("Demonstration", _run)
    step("Dialogs", dialogs)


if _lacking:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        _steps()
else:
    print("Nothing lacks: run this in a Slicer that has not yet installed IODeep's packages")
shutil.rmtree(_work, ignore_errors=True)
finish()
