"""The panel by the keyboard alone, in the real Slicer. Docs/testing.md says how to run this."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find  # noqa: E402
from steps import dialogs, finish, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _root() -> qt.QWidget:
    return slicer.modules.iodeep.widgetRepresentation()


def _press(key: int, modifiers: int, widget: qt.QWidget) -> None:
    """A key, as the window system sends it."""
    for kind in (qt.QEvent.ShortcutOverride, qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
        slicer.app.notify(widget, qt.QKeyEvent(kind, key, modifiers))


def _chain() -> Iterator[qt.QWidget]:
    """What the tab key reaches in the panel, in its order."""
    root = _root()
    widget = root.nextInFocusChain()
    while widget is not None and widget != root:
        reached = widget.focusPolicy & qt.Qt.TabFocus
        if root.isAncestorOf(widget) and reached and widget.visible and widget.enabled:
            yield widget
        widget = widget.nextInFocusChain()


def _order() -> str:
    """From top to bottom, and in a row from left to right."""
    places = []
    for widget in _chain():
        top = widget.mapTo(_root(), qt.QPoint(0, 0))
        places.append((top.y() + widget.height // 2, top.x(), widget.name))
    assert len(places) > 10, places
    for (y, x, name), (next_y, next_x, next_name) in itertools.pairwise(places):
        below = next_y > y + 8
        beside = abs(next_y - y) <= 8 and next_x >= x
        inside = not name or not next_name  # parts of one widget, such as a combo box's line
        assert below or beside or inside, f"{next_name} comes after {name}"
    return f"{len(places)} widgets, from top to bottom"


def _tooltips() -> str:
    buttons = [
        each
        for kind in ("QPushButton", "QToolButton", "QCheckBox")
        for each in slicer.util.findChildren(_root(), className=kind)
        if each.visible and each.text and not each.name.startswith("qt_")
    ]
    assert len(buttons) > 5
    without = [each.text for each in buttons if not each.toolTip]
    assert not without, without
    assert "Return" in find("applyButton").toolTip, find("applyButton").toolTip
    return f"{len(buttons)} buttons"


def _applied() -> str:
    """Ctrl+Return applies, wherever the focus is."""
    find("searchBox").setFocus()
    wait(0.2)
    shortcuts = slicer.util.findChildren(_root(), className="QShortcut")
    assert len([each for each in shortcuts if each.key.toString() == "Ctrl+Return"]) == 1
    focus = slicer.app.focusWidget() or find("searchBox")
    _press(qt.Qt.Key_Return, qt.Qt.ControlModifier, focus)
    wait(0.2)
    assert panel.is_running(), panel.said()
    return contains(panel.wait_for_end(), "Done")


def _steps() -> None:
    panel.load_image()
    panel.open_panel()
    step("Tab order", _order)
    step("Tooltips", _tooltips)
    step("Ctrl+Return", _applied)
    step("Tab order with a result", _order)
    step("Tooltips with a result", _tooltips)
    step("Dialogs", dialogs)


panel.make_model(_work / "model")
with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
    for folder in (_work / "model", panel.DEMO / "mr_t1"):
        DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
    _steps()
shutil.rmtree(_work, ignore_errors=True)
finish()
