"""The panel by the keyboard alone, in the real Slicer. Docs/testing.md says how to run this."""

from __future__ import annotations

import ctypes
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

_CONTROL, _RETURN, _TAB = 0xFFE3, 0xFF0D, 0xFF09  # X11/keysymdef.h

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _root() -> qt.QWidget:
    return slicer.modules.iodeep.widgetRepresentation()


def _press(*symbols: int) -> None:
    """Keys, pressed one after the other and let go in turn, as a keyboard does it: through X11."""
    x11, xtst = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    codes = [x11.XKeysymToKeycode(display, ctypes.c_ulong(one)) for one in symbols]
    for down, code in [*((1, c) for c in codes), *((0, c) for c in reversed(codes))]:
        xtst.XTestFakeKeyEvent(display, code, down, ctypes.c_ulong(0))
    x11.XSync(display, 0)
    x11.XCloseDisplay(display)
    wait(0.5)


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
        places.append((top.y() + widget.height // 2, top.x(), widget))
    assert len(places) > 10, places
    for y, x, one in places:
        print("  ", y, x, one.className(), one.name)
    for (y, x, one), (next_y, next_x, following) in itertools.pairwise(places):
        below = next_y > y + 8
        beside = abs(next_y - y) <= 8 and next_x >= x
        # A section and what is in it; a combo box and its line.
        inside = one.isAncestorOf(following) or following.isAncestorOf(one)
        assert below or beside or inside, f"{following.name} comes after {one.name}"
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
    slicer.util.mainWindow().activateWindow()
    find("searchBox").setFocus()
    wait(0.5)
    _press(_CONTROL, _RETURN)
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
