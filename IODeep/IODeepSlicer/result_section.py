"""The section *Result*: what was found, and where it goes."""

from __future__ import annotations

import logging
from typing import Any

import slicer
from slicer.i18n import tr as _

from IODeepSlicer import nodes, saving
from IODeepSlicer.fit_text import RED
from IODeepSlicer.messages import errorText
from IODeepSlicer.models_section import ModelsSection
from IODeepSlicer.result_table import showResult
from IODeepSlicer.widgets import loadUI, say, scrollTo


class ResultSection:
    """`parameters` is set and taken away by the panel; `models` knows the models at hand."""

    def __init__(self, logic: Any, models: ModelsSection) -> None:
        self.root, self.ui = loadUI("Result")
        self.parameters = None
        self._logic, self._models = logic, models
        self._shown: str | None = None
        self.ui.resultSelector.setMRMLScene(slicer.mrmlScene)
        self.ui.saveButton.connect("clicked()", self.save)

    def forget(self) -> None:
        """The result may have changed: look at it again."""
        self._shown = None

    def take(self, node: slicer.vtkMRMLNode) -> None:
        """Show a new result."""
        self._logic.getParameterNode().result = node
        scrollTo(self.ui.saveButton)

    def show(self) -> None:
        """Show the chosen result."""
        ui, node = self.ui, self.parameters.result
        nodeId = node.GetID() if node is not None else ""
        if nodeId == self._shown:
            return
        self._shown = nodeId
        document = nodes.documentOf(node) if node is not None else None
        ui.resultTable.visible = document is not None
        if document is not None:
            showResult(ui.resultTable, node, document)
        say(ui.notesLabel, "\n".join(document["notes"]) if document is not None else "")
        why = _("Nothing was found yet.") if node is None else saving.whyNot(node)
        ui.saveButton.enabled = not why
        ui.saveButton.toolTip = why or _("Save as DICOM segmentation in the image's study")
        say(ui.saveLabel, why if node is not None else "")

    def save(self) -> None:
        """Write the result into the DICOM database."""
        try:
            with slicer.util.WaitCursor():
                self._logic.saveToDICOM(self.parameters.result, self._models.models)
        except Exception as error:
            logging.exception("IODeep: saving to DICOM failed")
            say(self.ui.saveLabel, errorText(error), RED)
        else:
            say(self.ui.saveLabel, _("Saved into the image's study in the DICOM database."))
            self.ui.saveButton.enabled = False
