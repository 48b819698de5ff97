"""A window of its own beside the panel, which does not block."""

from __future__ import annotations

import qt
import slicer

from IODeepSlicer.panel.widgets import loadUI


class Window:
    """What is in it stands in a .ui file; subclasses fill it.

    Args:
        name: of the .ui file.
        title: what stands above it.
        width, height: in pixels, at first.
    """

    def __init__(self, name: str, title: str, width: int, height: int) -> None:
        self._dialog = qt.QDialog(slicer.util.mainWindow())
        self._dialog.windowTitle = title
        self.root, self.ui = loadUI(name)
        layout = qt.QVBoxLayout(self._dialog)
        layout.addWidget(self.root)
        self._dialog.resize(width, height)

    @property
    def isShown(self) -> bool:
        """Whether a person sees it."""
        return bool(self._dialog.visible)

    def open(self) -> None:
        """Bring it to the front."""
        self._dialog.show()
        self._dialog.raise_()

    def cleanup(self) -> None:
        """The panel goes."""
        self._dialog.close()
        self._dialog.deleteLater()
