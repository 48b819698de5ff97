"""What Qt needs several steps for, and that knows nothing of networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qt
import slicer

_UI_FOLDER = Path(__file__).resolve().parent.parent / "Resources" / "UI"


def loadUI(name: str) -> tuple[qt.QWidget, Any]:
    """(root, its named widgets as attributes) of the .ui file of this name."""
    root = slicer.util.loadUI(str(_UI_FOLDER / f"{name}.ui"))
    return root, slicer.util.childWidgetVariables(root)


@contextmanager
def silent(widget: qt.QWidget) -> Iterator[None]:
    """While it is filled, `widget` tells nobody that it changes."""
    before = widget.blockSignals(True)
    try:
        yield
    finally:
        widget.blockSignals(before)


def offer(box: qt.QComboBox, names: Sequence[str], chosen: str) -> None:
    """Let a person choose one of `names`, or type another one."""
    with silent(box):
        if list(names) != [box.itemText(index) for index in range(box.count)]:
            box.clear()
            box.addItems(names)
        box.setEditText(chosen)


def say(label: qt.QLabel, text: str, colour: str = "") -> None:
    """Show `text`; without one, the label takes no room."""
    label.styleSheet = f"color: {colour}" if colour else ""
    label.text = text
    label.visible = bool(text)


def scrollTo(widget: qt.QWidget) -> None:
    """Bring `widget`, which may lie below the edge of its scroll area, into sight."""
    slicer.app.processEvents()  # it may just have appeared and have no place yet
    parent = widget.parent()
    while parent is not None and parent.className() != "QScrollArea":
        parent = parent.parent()
    if parent is not None:
        parent.ensureWidgetVisible(widget)


def textWindow(title: str, text: str) -> qt.QDialog:
    """A window with a long text, which does not block."""
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.setAttribute(qt.Qt.WA_DeleteOnClose)
    dialog.windowTitle = title
    layout = qt.QVBoxLayout(dialog)
    browser = qt.QPlainTextEdit(text)
    browser.readOnly = True
    layout.addWidget(browser)
    dialog.resize(700, 400)
    return dialog
