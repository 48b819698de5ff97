"""A row of the section *Models*: weights that are missing, and where they may be looked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import qt
import slicer

from IODeepSlicer.panel.widgets import say
from IODeepSlicer.sources.models import DATABASE, FoundModels
from IODeepSlicer.text import card_text
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.model_object import Model


class WeightsRow:
    """It takes no room where nothing is missing.

    Args:
        ui: the widgets of the section.
        lookIn: called with a folder in which models are to be looked for.
        refresh: called when models shall be looked for again.
    """

    def __init__(self, ui: Any, lookIn: Callable[[str], None], refresh: Callable[[], None]) -> None:
        self._ui, self._lookIn, self._refresh = ui, lookIn, refresh
        ui.weightsFolderButton.connect("clicked()", self._onFolder)
        ui.weightsImportButton.connect("clicked()", self._onImport)

    def show(self, model: Model | None, found: FoundModels) -> None:
        """Say what this model lacks; None where nobody needs to look for it."""
        text = ""
        if model is not None:
            missing = card_text.missingWeights(len(model.parts), model.missing_parts)
            if missing:
                text = _("{missing} Where shall they be looked for?").format(missing=missing)
        say(self._ui.weightsLabel, text, RED)
        self._ui.weightsFrame.visible = bool(text)
        if text and model is not None:  # another folder than the card's own would take that away
            source = found.sources[model.card.sop_instance_uid]
            self._ui.weightsFolderButton.visible = source == DATABASE

    def _onFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder with the weights")
        )
        if folder:
            self._lookIn(folder)

    def _onImport(self) -> None:
        from DICOMLib import DICOMUtils

        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder with DICOM files to import")
        )
        if folder:
            with slicer.util.tryWithErrorDisplay(_("The folder was not imported.")):
                DICOMUtils.importDicom(folder, slicer.dicomDatabase, copyFiles=True)
            self._refresh()
