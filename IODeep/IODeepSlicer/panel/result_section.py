"""The section *Result*: what was found, and where it goes."""

from __future__ import annotations

from typing import Any

import slicer

from IODeepSlicer.panel.column_fit import ColumnFit
from IODeepSlicer.panel.models_section import ModelsSection
from IODeepSlicer.panel.result_table import copyTable, showTable, showVolumes
from IODeepSlicer.panel.review_row import ReviewRow
from IODeepSlicer.panel.save_row import SaveRow
from IODeepSlicer.panel.segments_watch import SegmentsWatch
from IODeepSlicer.panel.send_row import SendRow
from IODeepSlicer.panel.show_3d import Show3D
from IODeepSlicer.panel.widgets import loadUI, say, scrollTo
from IODeepSlicer.scene import nodes, segment_table
from IODeepSlicer.text.device_text import ranOn
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _


class ResultSection:
    """`parameters` is set and taken away by the panel; `models` knows the models at hand."""

    def __init__(self, logic: Any, models: ModelsSection) -> None:
        self.root, self.ui = loadUI("Result")
        self.parameters: Any = None
        self._logic, self._models = logic, models
        self._shown: str | None = None
        self._document: str | None = None
        self._watch = SegmentsWatch(self._onSegments)
        self._saveRow = SaveRow(self.ui, logic, models, self._onSegments)
        self._sendRow = SendRow(self.ui, logic)
        self._fit = ColumnFit(self.ui.resultTable)
        self._show3D = Show3D(self.ui.show3DButton)
        self._review = ReviewRow()
        layout = self.ui.ranLabel.parent().layout()
        layout.insertWidget(layout.indexOf(self.ui.ranLabel) + 1, self._review.root)
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
            self.ui.resultSelector.addAttribute(kind, nodes.DOCUMENT)
        self.ui.measureButton.connect("clicked()", self._watch.measure)
        self.ui.copyButton.connect("clicked()", lambda: copyTable(self.ui.resultTable))

    def cleanup(self) -> None:
        """The panel goes."""
        self._watch.cleanup()
        self._saveRow.cleanup()
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
        scrollTo(self.ui.resultTable)  # and no further: what was chosen, and Apply, stay in sight

    def rest(self) -> None:
        """The module is left: nothing is looked at until it is opened again."""
        self.forget()
        self._watch.rest()

    def show(self) -> None:
        """Show the chosen result."""
        node = self.parameters.result
        nodeId = node.GetID() if node is not None else ""
        if nodeId == self._shown:
            return
        self._shown = nodeId
        document = nodes.documentOf(node) if node is not None else None
        isSegmentation = node is not None and node.IsA("vtkMRMLSegmentationNode")
        # Also a frame of a sequence that says nothing: the next one may.
        self._document = node.GetAttribute(nodes.DOCUMENT) if node is not None else None
        self._watch.watch(node if isSegmentation and self._document else None)
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
        if measured is None or (isSegmentation and self._watch.found is None):  # no old figures
            showVolumes(table, node, document, self._watch.found)
            self._fit.use(())
        else:
            self._fit.use(showTable(table, measured, node if isSegmentation else None))

    def _onSegments(self) -> None:
        """The segments were looked at, or are about to be."""
        node = self._watch.node
        if node is not None and node.GetAttribute(nodes.DOCUMENT) != self._document:
            self.forget()  # it shows another frame of a sequence
            self.show()
        elif node is not None:
            self._showTable(node, nodes.documentOf(node), True)
            self._showWhereItGoes(node)
            self._review.look(self._watch.found)

    def _notes(self, document: dict[str, Any] | None) -> str:
        if document is None:
            return ""
        notes, leftOut = nodes.textsOf(document, "notes"), nodes.textsOf(document, "left_out")
        if leftOut:
            notes.append(_("Left out, as asked: {names}.").format(names=", ".join(leftOut)))
        return "\n".join(notes)

    def _showWhereItGoes(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        isSaved = self._saveRow.show(node, self._watch.found)
        self._sendRow.show(node, isSaved=isSaved)
        button, document = self.ui.measureButton, node and nodes.documentOf(node)
        button.enabled = bool(document) and not self._watch.isMeasuring
        button.text = _("Measuring…") if self._watch.isMeasuring else _("&Statistics")
        if self._watch.problem:
            say(self.ui.saveLabel, self._watch.problem, RED)
