"""The section *Result*: what was found, and where it goes."""

from __future__ import annotations

import logging
from typing import Any

import slicer

from IODeepSlicer.panel.models_section import ModelsSection
from IODeepSlicer.panel.result_table import copyTable, showTable, showVolumes
from IODeepSlicer.panel.review_row import ReviewRow
from IODeepSlicer.panel.send_row import SendRow
from IODeepSlicer.panel.show_3d import Show3D
from IODeepSlicer.panel.widgets import loadUI, say, scrollTo, setTip
from IODeepSlicer.scene import nodes, saving, segment_table
from IODeepSlicer.text.device_text import ranOn
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.text.plain_text import shown


class ResultSection:
    """`parameters` is set and taken away by the panel; `models` knows the models at hand."""

    def __init__(self, logic: Any, models: ModelsSection) -> None:
        self.root, self.ui = loadUI("Result")
        self.parameters: Any = None
        self._logic, self._models = logic, models
        self._shown: str | None = None
        self._sendRow = SendRow(self.ui, logic)
        self._show3D = Show3D(self.ui.show3DButton)
        self._review = ReviewRow()
        layout = self.ui.ranLabel.parent().layout()
        layout.insertWidget(layout.indexOf(self.ui.ranLabel) + 1, self._review.root)
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
            self.ui.resultSelector.addAttribute(kind, nodes.DOCUMENT)
        self.ui.measureButton.connect("clicked()", self.measure)
        self.ui.copyButton.connect("clicked()", lambda: copyTable(self.ui.resultTable))
        self.ui.saveButton.connect("clicked()", self.save)

    def cleanup(self) -> None:
        """The panel goes."""
        self._sendRow.cleanup()
        self._show3D.cleanup()

    def forget(self) -> None:
        """The result may have changed: look at it again."""
        self._shown = None

    def take(self, node: slicer.vtkMRMLNode) -> None:
        """Show a new result."""
        self._logic.getParameterNode().result = node
        if isinstance(node, slicer.vtkMRMLSegmentationNode):
            self._show3D.take(node)
        scrollTo(self.ui.saveButton if self.ui.saveButton.visible else self.ui.resultTable)

    def show(self) -> None:
        """Show the chosen result."""
        node = self.parameters.result
        nodeId = node.GetID() if node is not None else ""
        if nodeId == self._shown:
            return
        self._shown = nodeId
        document = nodes.documentOf(node) if node is not None else None
        isSegmentation = node is not None and node.IsA("vtkMRMLSegmentationNode")
        self._showTable(node, document, isSegmentation)
        say(self.ui.notesLabel, self._notes(document))
        say(self.ui.ranLabel, ranOn(document) if document is not None else "")
        self._review.show(node if document is not None else None)
        self._show3D.show(node if isSegmentation else None)
        self.ui.measureButton.visible = isSegmentation
        self.ui.saveButton.visible = self.ui.sendFrame.visible = isSegmentation or node is None
        say(self.ui.sendLabel, "")
        self._showWhereItGoes(node if isSegmentation else None)

    def _showTable(self, node: Any, document: dict[str, Any] | None, isSegmentation: bool) -> None:
        table = self.ui.resultTable
        table.visible = self.ui.copyButton.visible = document is not None
        if document is None:
            return
        measured = segment_table.tableOf(node) if isSegmentation else node
        if measured is None:
            showVolumes(table, node, document)
        else:
            showTable(table, measured, node if isSegmentation else None)

    def _notes(self, document: dict[str, Any] | None) -> str:
        if document is None:
            return ""
        notes = list(document["notes"])
        if document.get("left_out"):
            notes.append(
                _("Left out, as asked: {names}.").format(names=", ".join(document["left_out"]))
            )
        return "\n".join(notes)

    def _showWhereItGoes(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        ui = self.ui
        self._sendRow.show(node)
        if node is None:
            ui.saveButton.enabled = ui.measureButton.enabled = False
            setTip(ui.saveButton, _("Nothing was found yet."))
            say(ui.saveLabel, "")
            return
        why, saved = saving.savingObstacle(node), saving.savedFiles(node)
        document = nodes.documentOf(node)
        ui.measureButton.enabled = document is not None and not document["empty"]
        ui.saveButton.enabled = not why and not saved
        setTip(ui.saveButton, why or _("Save as DICOM segmentation in the image's study"))
        if saved:
            why = _("Saved into the image's study in the DICOM database.")
        say(ui.saveLabel, why)

    def measure(self) -> None:
        """Measure the image in each segment."""
        from IODeepLib.errors import CancelledError

        dialog = slicer.util.createProgressDialog(
            labelText=_("Measuring"), windowTitle=_("Statistics"), maximum=100
        )

        def progress(fraction: float, name: str) -> None:
            dialog.labelText = shown(_("Measuring {name}").format(name=name))
            dialog.value = round(100 * fraction)
            slicer.app.processEvents()
            if dialog.wasCanceled:
                raise CancelledError

        try:
            segment_table.createSegmentTable(self.parameters.result, progress)
        except CancelledError:
            pass
        except Exception as error:
            self._fail(error)
        else:
            self.forget()
            self.show()
        finally:
            dialog.close()

    def save(self) -> None:
        """Write the result into the DICOM database."""
        try:
            with slicer.util.WaitCursor():
                self._logic.saveToDICOM(self.parameters.result, self._models.models)
        except Exception as error:
            self._fail(error)
        else:
            self._showWhereItGoes(self.parameters.result)

    def _fail(self, error: Exception) -> None:
        logging.error("IODeep: %s", error, exc_info=error)
        say(self.ui.saveLabel, errorText(error), RED)
