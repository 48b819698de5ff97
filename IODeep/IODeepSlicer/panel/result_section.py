"""The section *Result*: what was found, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from IODeepSlicer.panel.column_fit import ColumnFit
from IODeepSlicer.panel.measure_watch import MeasureWatch
from IODeepSlicer.panel.models_section import ModelsSection
from IODeepSlicer.panel.result_table import copyTable, showSegments, showTable
from IODeepSlicer.panel.review_row import ReviewRow, openInEditor
from IODeepSlicer.panel.save_row import SaveRow
from IODeepSlicer.panel.segments_watch import SegmentsWatch
from IODeepSlicer.panel.send_row import SendRow
from IODeepSlicer.panel.show_3d import Show3D
from IODeepSlicer.panel.widgets import loadUI, say, scrollTo, setTip, silent
from IODeepSlicer.scene import confidence, nodes
from IODeepSlicer.scene.adopting import adoptAll
from IODeepSlicer.scene.reviews import Verdict
from IODeepSlicer.scene.segment_table import createSegmentTable, tableOf
from IODeepSlicer.text import result_text
from IODeepSlicer.text.device_text import ranOn
from IODeepSlicer.text.fit_text import AMBER, RED


class ResultSection:
    """`parameters` is set and taken away by the panel; `models` knows the models at hand."""

    def __init__(self, logic: Any, models: ModelsSection) -> None:
        self.root, self.ui = loadUI("Result")
        self.parameters: Any = None
        self._logic, self._models = logic, models
        self._node: slicer.vtkMRMLNode | None = None
        self._shown: str | None = None
        self._document: str | None = None
        self._watch = SegmentsWatch(self._onSegments)
        self._measures = MeasureWatch(self._onMeasured)
        self._saveRow = SaveRow(self.ui, logic, models, self._showWhereItGoes)
        self._sendRow = SendRow(self.ui, logic)
        self._fit = ColumnFit(self.ui.resultTable)
        self._show3D = Show3D(self.ui.show3DButton)
        self._review = ReviewRow(self._onReview)
        layout = self.ui.ranLabel.parent().layout()
        layout.insertWidget(layout.indexOf(self.ui.ranLabel) + 1, self._review.root)
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
            self.ui.resultSelector.addAttribute(kind, nodes.DOCUMENT)
        self.ui.copyButton.connect("clicked()", lambda: copyTable(self.ui.resultTable))
        self.ui.keepButton.connect("clicked()", self._keep)
        self.ui.statisticsButton.connect("clicked()", self._openStatistics)
        self.ui.confidenceShownCheckBox.connect("toggled(bool)", self._onConfidence)

    def cleanup(self) -> None:
        """The panel goes."""
        self._watch.cleanup()
        self._measures.cleanup()
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
        self._measures.look(None, None)
        self._node = None

    def show(self) -> None:
        """Show the chosen result."""
        adoptAll(self._models.models)
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
        self._measures.look(self._watch.node, self._watch.found)
        self._showTable(node, document, isSegmentation)
        self._showWords(document or {})
        self._showConfidence(node)
        self._review.show(node if document is not None else None)
        self._show3D.show(node if isSegmentation else None)
        self.ui.keepButton.visible = self.ui.statisticsButton.visible = isSegmentation
        self.ui.keepButton.enabled = False  # until they are measured
        say(self.ui.sendLabel, "")
        self._node = node if self._document else None
        self._showWhereItGoes()

    def _showTable(self, node: Any, document: dict[str, Any] | None, isSegmentation: bool) -> None:
        table = self.ui.resultTable
        table.visible = self.ui.copyButton.visible = document is not None
        if document is None:
            return
        if not isSegmentation:
            showTable(table, node)
            self._fit.use(())
            return
        measures = self._measures
        spared = showSegments(
            *(table, node, document, self._watch.found, measures.measured),
            isMeasuring=measures.isMeasuring,
        )
        self._fit.use(spared)

    def _onSegments(self) -> None:
        """The segments were looked at, or are about to be."""
        node = self._watch.node
        if node is not None and node.GetAttribute(nodes.DOCUMENT) != self._document:
            self.forget()  # it shows another frame of a sequence
            self.show()
        elif node is not None:
            self._measures.look(node, self._watch.found)
            self._onMeasured()
            self._review.look(self._watch.found)

    def _onMeasured(self) -> None:
        """What was measured of the segments is known, or is not any more."""
        node, found, measured = self._watch.node, self._watch.found, self._measures.measured
        if node is None:
            return
        self._showTable(node, nodes.documentOf(node), True)
        self.ui.keepButton.enabled = found is not None and measured is not None
        if found is not None and measured is not None and tableOf(node) is not None:
            createSegmentTable(node, found, measured)
        self._showWhereItGoes()

    def _showConfidence(self, node: slicer.vtkMRMLNode | None, kept: Sequence[str] = ()) -> None:
        """Whether it is shown, and what else the slice views kept over the image."""
        box, volume = self.ui.confidenceShownCheckBox, confidence.confidenceOf(node)
        box.visible = volume is not None
        with silent(box):
            box.checked = volume is not None and confidence.isShown(volume)
        name = "" if volume is None else volume.GetName()
        say(self.ui.confidenceKeptLabel, result_text.notShownOver(name, list(kept)))

    def _onConfidence(self, shown: bool) -> None:
        volume = confidence.confidenceOf(self._node)
        kept: list[str] = []
        if volume is not None and shown:
            kept = confidence.show(volume)
        elif volume is not None:
            confidence.hide(volume)
        self._showConfidence(self._node, kept)

    def _onReview(self, verdict: Verdict) -> None:
        """What was said can be saved; what is to be amended is saved before it is another one."""
        node = self._watch.node
        self._showWhereItGoes()
        if verdict is Verdict.AMENDED and node is not None:
            self._saveRow.saveBefore(
                lambda: openInEditor(node) if node is self._watch.node else None
            )

    def _keep(self) -> None:
        """Put the measurements into the scene, where they follow every edit."""
        node, found, measured = self._watch.node, self._watch.found, self._measures.measured
        if node is not None and found is not None and measured is not None:
            createSegmentTable(node, found, measured)

    def _openStatistics(self) -> None:
        node = self._watch.node
        if node is None:
            return
        slicer.util.selectModule("SegmentStatistics")
        statistics = slicer.modules.segmentstatistics.widgetRepresentation().self()
        statistics.segmentationSelector.setCurrentNode(node)
        statistics.scalarSelector.setCurrentNode(nodes.imageNodeOf(node))

    def _showWords(self, document: dict[str, Any]) -> None:
        """What the run says: what lies outside of the network's training above all else."""
        warnings = result_text.warnings(document)
        say(self.ui.warningLabel, result_text.inShort(warnings), AMBER)
        setTip(self.ui.warningLabel, "\n".join(warnings))
        say(self.ui.notesLabel, "\n".join(result_text.otherNotes(document)))
        say(self.ui.ranLabel, ranOn(document))

    def _showWhereItGoes(self) -> None:
        isSegmentation = self._watch.node is not None
        isSaved = self._saveRow.show(self._node, self._watch.found if isSegmentation else [])
        self._sendRow.show(self._node, isSaved=isSaved)
        problem = self._watch.problem or self._measures.problem
        if isSegmentation and problem:
            say(self.ui.saveLabel, problem, RED)
