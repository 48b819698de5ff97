"""The panel: its sections, one below the other, and what of one matters to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from IODeepSlicer.panel.image_section import ImageSection
from IODeepSlicer.panel.models_section import ModelsSection
from IODeepSlicer.panel.packages_section import PackagesSection
from IODeepSlicer.panel.result_section import ResultSection
from IODeepSlicer.panel.run_section import RunSection
from IODeepSlicer.panel.service_row import ServiceRow

_SETTLE_MILLISECONDS = 200  # while a volume is loaded it changes many times


class Panel:
    """The panel without its parameter node: `parameters` is set and taken away by the widget.

    `installed` is called when Python packages have come that lacked.
    """

    def __init__(self, layout: qt.QVBoxLayout, logic: Any, installed: Callable[[], None]) -> None:
        self._parameters = None
        self._shownImage: tuple | None = None
        self._lastImageID = ""
        self.packages = PackagesSection(installed)
        layout.addWidget(self.packages.root)
        self.image = ImageSection(self.lookAgain)
        self.models = ModelsSection(logic, self._showChosen, self.refresh)
        self.run = RunSection(logic, self.models.fold, self._onResult, self._onFetched)
        self.result = ResultSection(logic, self.models)
        self._sections = (self.image, self.models, self.run, self.result)
        for section in self._sections:
            layout.addWidget(section.root)
        # Below Apply: unfolded, it would part that from the choice of the model.
        self.run.root.layout().addWidget(self.models.ui.cardGroupBox)
        self.service = ServiceRow(logic)
        self.run.root.layout().addWidget(self.service.root)
        self._settled = qt.QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MILLISECONDS)
        self._settled.connect("timeout()", self.lookAgain)

    @property
    def parameters(self) -> Any:
        """The parameter node, or None while the panel rests."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: Any) -> None:
        self._parameters = parameters
        for section in self._sections:
            section.parameters = parameters
        if parameters is None:
            self.result.rest()

    def refresh(self) -> None:
        """Look for models again, and at the image and the result: others may have loaded some."""
        self.models.forget()
        self.result.forget()
        self.lookAgain()

    def imageChanged(self) -> None:
        """The image has other voxels or lies elsewhere: look at it again, once it rests."""
        self._settled.start()

    def lookAgain(self) -> None:
        """Look at the image again."""
        self._shownImage = None
        self.update()

    def update(self) -> None:
        """Show what the parameter node says."""
        if self._parameters is None or not self._ready():
            return
        volumeNode = self._parameters.inputVolume
        shown = (volumeNode and volumeNode.GetID(), self._parameters.modelSource)
        if shown != self._shownImage:
            self._shownImage = shown
            with slicer.util.WaitCursor():
                self.image.show(volumeNode)
                self.models.select(volumeNode if self.image.usable else None)
            if volumeNode is not None:
                if self._lastImageID not in ("", volumeNode.GetID()):
                    self.models.forgetUnfitting()
                self._lastImageID = volumeNode.GetID()
        self.models.show()
        self._showChosen()
        self.service.show(volumeNode)
        self.result.show()

    def chooseModel(self, cardSOPInstanceUID: str) -> None:
        """Choose the model with this card, whether it fits or not."""
        self.models.forget()
        self._shownImage = None
        self.models.choose(cardSOPInstanceUID)
        self.update()

    def cancel(self) -> None:
        """Stop the run, if there is one."""
        self.run.cancel()

    def cleanup(self) -> None:
        """The panel goes."""
        self._settled.stop()
        self._settled.disconnect("timeout()", self.lookAgain)
        self.models.cleanup()
        self.run.cleanup()
        self.service.cleanup()
        self.result.cleanup()

    def _ready(self) -> bool:
        """Whether images and networks can be read; if not, that is all there is to see."""
        ready = self.packages.ready()
        for section in self._sections:
            section.root.enabled = ready
        return ready

    def _showChosen(self) -> None:
        self.run.show(self.models.chosen, self.models.server, self.models.selected)

    def _onFetched(self) -> None:
        self.models.forget()
        self.lookAgain()

    def _onResult(self, node: slicer.vtkMRMLNode) -> None:
        self.result.forget()
        self.result.take(node)
