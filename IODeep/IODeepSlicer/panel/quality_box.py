"""Under *Advanced*: how much of a recipe is computed."""

from __future__ import annotations

from typing import Any

from IODeepSlicer.panel.widgets import silent
from IODeepSlicer.text.i18n import tr as _


class QualityBox:
    """What is chosen, the parameter node keeps. The panel sets `parameters` and takes it away."""

    def __init__(self, box: Any) -> None:
        self.parameters: Any = None
        self._box = box
        for text, quality in (
            (_("fast: patches overlap less, no mirror images"), "fast"),
            (_("as the model says"), "default"),
            (_("best: patches overlap more"), "best"),
        ):
            box.addItem(text, quality)
        box.currentIndex = box.findData("default")
        box.connect("activated(int)", self._onChosen)

    def show(self) -> None:
        """Show what is chosen."""
        with silent(self._box):
            self._box.currentIndex = self._box.findData(self.parameters.quality)

    def _onChosen(self, index: int) -> None:
        self.parameters.quality = self._box.itemData(index)
