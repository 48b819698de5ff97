"""Pictures of the panel in several sizes and in both styles, before and after a run: look at them.

What a program can see is asserted: what belongs together is in sight together, and nothing is
scrolled sideways. `looks_scaled` of run_all.py does the same on a screen of 150 %. Docs/testing.md
says how to run this.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find, in_sight  # noqa: E402
from steps import finish, picture, step, wait  # noqa: E402

_SCALED = float(os.environ.get("QT_SCALE_FACTOR", "1")) > 1
_SIZES = ((1280, 720),) if _SCALED else ((1280, 720), (1920, 1080))
_STYLES = ("Light Slicer", "Dark Slicer")
_NOBODY = "dicomweb+http://127.0.0.1:9/nobody-listens-at-this-port-of-this-computer"
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _before(look: str) -> str:
    picture(f"{look}-before")
    return in_sight("modelTable", "applyButton")


def _after(look: str) -> str:
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    found = panel.logic().getParameterNode().result.GetSegmentation()
    panel.until(lambda: found.ContainsRepresentation("Closed surface"))
    wait(1)
    picture(f"{look}-after")
    return in_sight("modelTable", "applyButton", "resultTable")


def _figures(look: str) -> str:
    """What was measured fits the panel, without scrolling sideways."""
    panel.figures()
    picture(f"{look}-figures")
    table = find("resultTable")
    shown = [c for c in range(table.columnCount) if not table.isColumnHidden(c)]
    needed, there = sum(map(table.columnWidth, shown)), table.viewport().width
    assert needed <= there and len(shown) > 3, (needed, there, shown)
    return f"{len(shown)} of {table.columnCount} columns in {there} pixels"


def _error(look: str) -> str:
    """A long message takes no room from the tables."""
    said = partial(panel.said, "modelsLabel")
    before = [find(name).height for name in ("modelTable", "resultTable")]
    panel.look_in(_NOBODY)
    panel.until(lambda: "127.0.0.1" in said() and "Asking" not in said())
    wait(1)
    picture(f"{look}-error")
    text = said()
    after = [find(name).height for name in ("modelTable", "resultTable")]
    panel.look_in("")
    # Rows may be taller: they are laid out anew.
    assert all(now >= then for then, now in zip(before, after, strict=True)), (before, after)
    return text


def _queue(look: str) -> str:
    """Two models on one image: the list of runs, and the window of models beside."""
    table = find("modelTable")
    table.clearSelection()
    table.setCurrentCell(0, 1)
    flags = qt.QItemSelectionModel.Select | qt.QItemSelectionModel.Rows
    table.selectionModel().select(table.model().index(1, 0), flags)
    wait(0.5)
    panel.apply()
    panel.until(lambda: not panel.is_running())
    wait(1)
    picture(f"{look}-queue")
    found = in_sight("applyButton", "queueTable", "resultTable")
    find("closeQueueButton").click()
    find("manageButton").click()
    wait(0.5)
    window = slicer.modules.iodeep.widgetRepresentation().self().panel.models._window.root
    picture(f"{look}-manage", window)
    window.window().close()
    return found


_STEPS = (
    ("before", _before),
    ("after", _after),
    ("figures", _figures),
    ("an error", _error),
    ("a queue", _queue),
)


def _look(width: int, height: int, style: str, model: Any) -> None:
    slicer.mrmlScene.Clear()
    slicer.app.setStyle(style)
    slicer.app.setPalette(slicer.app.style().standardPalette())
    slicer.util.mainWindow().setGeometry(0, 0, width, height)
    panel.load_image()
    panel.open_panel()
    panel.choose(model)
    wait(1)
    scale = "-scaled" if _SCALED else ""
    look = f"{width}x{height}-{style.split()[0].lower()}{scale}"
    for name, action in _STEPS:
        step(f"{look}, {name}", lambda action=action: action(look))


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        model = panel.make_model(_work / "demo")
        panel.make_model(_work / "other", name="other", title="Another model")
        for folder in (_work / "demo", _work / "other", panel.DEMO / "mr_t1"):
            DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
        for width, height in _SIZES:
            for style in _STYLES:
                _look(width, height, style, model)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
