"""Questions and messages in windows of their own, whose text stays text."""

from __future__ import annotations

import qt
import slicer

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines

_TITLE = "IODeep"


def confirmed(text: str, more: str, yes: str) -> bool:
    """Whether a person presses the button `yes`; the other one is *Cancel*.

    Args:
        text: the question.
        more: what to know before one answers.
        yes: what the button says.
    """
    box = _box(qt.QMessageBox.Question, text, more)
    button = box.addButton(yes, qt.QMessageBox.AcceptRole)
    # A key that was meant for something else changes nothing.
    box.setDefaultButton(box.addButton(_("Cancel"), qt.QMessageBox.RejectRole))
    box.exec_()
    return box.clickedButton() == button


def warn(text: str) -> None:
    """Say what went wrong."""
    box = _box(qt.QMessageBox.Warning, text, "")
    box.addButton(_("OK"), qt.QMessageBox.AcceptRole)
    box.exec_()


def _box(icon: int, text: str, more: str) -> qt.QMessageBox:
    box = qt.QMessageBox(slicer.util.mainWindow())
    box.icon = icon
    box.textFormat = qt.Qt.PlainText
    box.windowTitle = _TITLE
    box.text, box.informativeText = inLines(text), inLines(more)
    return box
