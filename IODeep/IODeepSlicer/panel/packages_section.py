"""What is there instead of the panel while Python packages lack: which, and how they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer

from IODeepSlicer.panel.widgets import loadUI, say
from IODeepSlicer.requirements import (
    RequirementsError,
    checkReading,
    ensureRequirements,
    outdatedRequirements,
)
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText


class PackagesSection:
    """`installed` is called once all is there. Nothing is asked before a button is pressed.

    ONNX Runtime alone is no reason to show this: without it everything can be looked at, and
    *Apply* asks for it.
    """

    def __init__(self, installed: Callable[[], None]) -> None:
        self.root, self.ui = loadUI("Packages")
        self._installed = installed
        self.ui.installButton.connect("clicked()", self.install)
        self.ui.installFromFolderButton.connect("clicked()", self._installFromFolder)

    def ready(self) -> bool:
        """Whether images and networks can be read; if not, say what lacks."""
        try:
            checkReading()
        except RequirementsError as error:
            self._say(errorText(error) if outdatedRequirements() else f"{error.found}.")
            return False
        self.root.visible = False
        return True

    def install(self, wheelFolder: Path | None = None) -> None:
        """Install what lacks: after a question, or from a folder with wheels."""
        try:
            ensureRequirements(wheelFolder=wheelFolder)
        except RequirementsError as error:
            self._say(errorText(error))
        else:
            self._installed()

    def _installFromFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder with wheels")
        )
        if folder:
            self.install(Path(folder))

    def _say(self, text: str) -> None:
        say(self.ui.packagesLabel, text, RED)
        # What is too old belongs to Slicer or to another extension.
        for button in (self.ui.installButton, self.ui.installFromFolderButton):
            button.enabled = not outdatedRequirements()
        self.root.visible = True
