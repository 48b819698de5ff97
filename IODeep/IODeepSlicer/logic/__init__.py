"""Everything that the module does, for its panel and for scripts."""

from __future__ import annotations

import logging
from typing import Any

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.util import VTKObservationMixin

from IODeepSlicer.logic.results import Results
from IODeepSlicer.logic.runs import Runs
from IODeepSlicer.logic.services import Services
from IODeepSlicer.scene.parameters import IODeepParameterNode


class IODeepLogic(Runs, Results, Services, ScriptedLoadableModuleLogic, VTKObservationMixin):
    """What scripts call: it raises, and opens no dialog."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        VTKObservationMixin.__init__(self)
        Runs.__init__(self)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onStartClose)

    def getParameterNode(self) -> Any:
        """The choices of the panel: an IODeepParameterNode."""
        wrapped: Any = IODeepParameterNode
        return wrapped(super().getParameterNode())

    def cleanup(self) -> None:
        """End all runs and let go of the scene."""
        self.cancelAll()
        self.removeObservers()

    def _onStartClose(self, caller: Any = None, event: Any = None) -> None:
        if self._runs:
            logging.info("The scene is closed: runs of networks are canceled")
        self.cancelAll()
