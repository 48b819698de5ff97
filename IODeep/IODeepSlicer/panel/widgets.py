"""What Qt needs several steps for, and that knows nothing of networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import qt
import slicer

from IODeepSlicer.text.plain_text import inLines, shown

_MARGIN = 4  # pixels
_UI_FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "UI"


def loadUI(name: str) -> tuple[qt.QWidget, Any]:
    """(root, its named widgets as attributes) of the .ui file of this name.

    No label of it takes text for HTML, unless the file says so.
    """
    root = slicer.util.loadUI(str(_UI_FOLDER / f"{name}.ui"))
    root.setMRMLScene(slicer.mrmlScene)  # and so of the widgets that the file connects
    for label in slicer.util.findChildren(root, className="QLabel"):
        if label.textFormat == qt.Qt.AutoText:
            label.textFormat = qt.Qt.PlainText
    return root, slicer.util.childWidgetVariables(root)


def tableOfRows(table: qt.QTableWidget, titles: Sequence[str]) -> None:
    """Give `table` these columns; whole rows are chosen, and nothing in them is edited."""
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.verticalHeader().hide()
    table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setShowGrid(False)


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


def say(label: qt.QLabel, text: str, color: str = "") -> None:
    """Show `text`, as text; without one, the label takes no room."""
    label.styleSheet = f"color: {color}" if color else ""
    label.textFormat = qt.Qt.PlainText
    label.text = inLines(text)
    label.visible = bool(text)


def sayHtml(label: qt.QLabel, html: str) -> None:
    """Show HTML of our own, in which what others wrote is escaped (`plain_text.html`)."""
    say(label, "")
    label.textFormat = qt.Qt.RichText
    label.text = html
    label.visible = True


def setTip(target: qt.QWidget | qt.QTableWidgetItem, text: str) -> None:
    """Give `target` this text as tooltip."""
    target.setToolTip(shown(text))


def setHtmlTip(target: qt.QWidget | qt.QTableWidgetItem, html: str) -> None:
    """Give `target` HTML of our own, in which what others wrote is escaped, as tooltip."""
    target.setToolTip(html)


def scrollTo(widget: qt.QWidget) -> None:
    """Bring `widget`, which may lie below the edge of its scroll area, into sight."""
    slicer.app.processEvents()  # it may just have appeared and have no place yet
    parent = widget.parent()
    while parent is not None and parent.className() != "QScrollArea":
        parent = parent.parent()
    if parent is not None:
        parent.ensureWidgetVisible(widget, 0, _MARGIN)


def tabInOrder(layout: qt.QLayout) -> None:
    """Let the tab key go through what is in `layout` as it lies there, and not as it was made."""
    for first, second in pairwise(_reachable(layout)):
        qt.QWidget.setTabOrder(first, second)


def _reachable(layout: Any) -> Iterator[qt.QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        widget = item.widget()
        if widget is not None and widget.focusPolicy & qt.Qt.TabFocus:
            yield widget
        inner = widget.layout() if widget is not None else item.layout()
        if inner is not None:
            yield from _reachable(inner)
