"""What a run says while it runs, and the command that does the same, to read and to copy."""

from __future__ import annotations

from typing import Any

import slicer

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines
from IODeepSlicer.work.runner import Run


class LogBox:
    """Fills the fold-out text below Apply; what it shows stays until the next run."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._text = ""
        ui.copyLogButton.connect("clicked()", self._copy)

    def show(self, run: Run) -> None:
        """Show what this run has said so far."""
        command = run.command or _(
            "(No command does the same: the image is not from the DICOM database.)"
        )
        text = inLines(f"{command}\n\n{run.log}")
        if text == self._text:
            return
        self._text = text
        self._ui.logText.setPlainText(text)
        bar = self._ui.logText.verticalScrollBar()
        bar.setValue(bar.maximum)
        self._ui.copyLogButton.enabled = True

    def _copy(self) -> None:
        slicer.app.clipboard().setText(self._text)
