"""What Qt needs several steps for, and that knows nothing of networks."""

from __future__ import annotations

import qt
import slicer


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
