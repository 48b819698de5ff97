"""What the panel shows, and what its buttons do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from IODeepSlicer import card_text, nodes, saving
from IODeepSlicer.model_table import ModelTable
from IODeepSlicer.models import Found
from IODeepSlicer.requirements import ensureRequirements
from IODeepSlicer.result_table import showResult
from IODeepSlicer.runner import Run, State
from IODeepSlicer.widgets import scrollTo, textWindow

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Candidate, Selection

_POLL_MILLISECONDS = 100
_SETTLE_MILLISECONDS = 200  # while a volume is loaded it changes many times
_MODALITIES = ("CT", "MR", "PT", "US", "NM", "DX", "CR", "MG", "XA")


class Panel:
    """The panel without its parameter node: `parameters` is set and taken away by the widget."""

    def __init__(self, ui: Any, logic: Any) -> None:
        self.ui, self.logic = ui, logic
        self.parameters = None
        self._found: Found | None = None
        self._selection: Selection | None = None
        self._shownImage: tuple | None = None
        self._showsResultOf: str | None = None
        self._run: Run | None = None
        self._running: tuple[slicer.vtkMRMLScalarVolumeNode, Model] | None = None
        self._log = self._folderProblem = ""
        self._table = ModelTable(ui.modelTable)
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._onTimer)
        self._settled = qt.QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MILLISECONDS)
        self._settled.connect("timeout()", self._onSettled)
        self._fillChoices()
        ui.modelTable.connect("itemSelectionChanged()", self._onModelChosen)
        ui.searchBox.connect("textChanged(QString)", self._showModels)
        ui.refreshButton.connect("clicked()", self.refresh)
        ui.folderLineEdit.connect("currentPathChanged(QString)", self._onFolder)
        ui.modalityComboBox.connect("activated(int)", self._onModality)
        ui.regionComboBox.connect("activated(int)", self._onRegion)
        ui.applyButton.connect("clicked()", self.apply)
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.saveButton.connect("clicked()", self.save)
        ui.logButton.connect("clicked()", self._showLog)

    def _fillChoices(self) -> None:
        from IODeepLib.codes import regions

        self.ui.modalityComboBox.addItem(_("not known"), "")
        for modality in _MODALITIES:
            self.ui.modalityComboBox.addItem(modality, modality)
        self.ui.regionComboBox.addItem(_("not known"), "")
        named = {r.code.meaning: r for r in regions() if r.term == r.body_part_examined}
        for meaning in sorted(named):
            self.ui.regionComboBox.addItem(meaning, named[meaning].term)

    # What is shown

    def enter(self) -> None:
        """The module was opened: other modules may have loaded images and models meanwhile."""
        with slicer.util.tryWithErrorDisplay(_("IODeep cannot be used yet.")):
            ensureRequirements()
        self.refresh()

    def refresh(self) -> None:
        """Look for models again, and look at the image again."""
        self._found = self._shownImage = self._showsResultOf = None
        self.update()

    def imageChanged(self) -> None:
        """The image has other voxels or lies elsewhere: look at it again, once it rests."""
        self._settled.start()

    def _onSettled(self) -> None:
        self._shownImage = None
        self.update()

    def update(self) -> None:
        """Show what the parameter node says."""
        if self.parameters is None:
            return
        self.ui.folderLineEdit.blockSignals(True)
        self.ui.folderLineEdit.currentPath = self.parameters.modelFolder
        self.ui.folderLineEdit.blockSignals(False)
        volumeNode = self.parameters.inputVolume
        shown = (
            volumeNode and volumeNode.GetID(),
            self.parameters.modelFolder,
            self._found is None,
        )
        if shown != self._shownImage:
            self._showImage(volumeNode)
            self._shownImage = (*shown[:2], False)
        self._showModels()
        self._showResult()

    def _showImage(self, volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        from IODeepLib.errors import IODeepError

        ui = self.ui
        self._selection = None
        if self._run is None:
            self._say("")
        text, unknown = "", dict.fromkeys(nodes.SAID, False)
        with slicer.util.WaitCursor():
            problem = self._find()
            if volumeNode is not None:
                try:
                    image = nodes.imageOf(volumeNode)
                    text = card_text.imageText(image)
                    unknown = _unknown(volumeNode, image)
                    self._selection = self.logic.select(volumeNode, self._found.models)
                except IODeepError as error:
                    text = f"<font color='{card_text.RED}'>{error.found}. {error.next_step}.</font>"
        ui.imageLabel.text = text
        ui.imageLabel.visible = bool(text)
        for keyword, label, box in (
            ("Modality", ui.modalityLabel, ui.modalityComboBox),
            ("BodyPartExamined", ui.regionLabel, ui.regionComboBox),
        ):
            label.visible = box.visible = unknown[keyword]
            said = volumeNode.GetAttribute(nodes.SAID[keyword]) if volumeNode else None
            box.currentIndex = max(0, box.findData(said or ""))
        ui.folderLineEdit.toolTip = problem or _("A folder with models")
        self._folderProblem = problem

    def _find(self) -> str:
        """Look for models where this was not done yet; what went wrong."""
        from IODeepLib.errors import IODeepError

        folder = self.parameters.modelFolder
        try:
            self._found = self.logic.findModels(folder or None)
        except IODeepError as error:
            self._found = self.logic.findModels()
            return f"{error.found}: {error.next_step}."
        return "\n".join(self._found.problems)

    def _candidates(self) -> list[Candidate]:
        """Those to be shown: the fitting ones, the chosen one, and all others on demand."""
        if self._selection is None:
            return []
        chosen = self.parameters.cardSopInstanceUID
        return [
            candidate
            for candidate in self._selection.candidates
            if candidate.fits
            or self.parameters.showUnfitting
            or candidate.model.card.sop_instance_uid == chosen
        ]

    def _showModels(self, _words: str = "") -> None:
        ui = self.ui
        if self.parameters is None or self._found is None:
            return
        candidates = self._candidates()
        ui.modelTable.blockSignals(True)
        self._table.show(candidates, self._found.sources, ui.searchBox.text)
        if not self._table.choose(self.parameters.cardSopInstanceUID) and candidates:
            self._table.choose(candidates[0].model.card.sop_instance_uid)
        ui.modelTable.blockSignals(False)
        ui.modelsLabel.text = "\n".join(filter(None, (self._modelsText(), self._folderProblem)))
        ui.modelsLabel.visible = bool(ui.modelsLabel.text)
        self._showChosen()

    def _modelsText(self) -> str:
        """One line where the table alone does not say it."""
        if not self._found.models:
            return _(
                "There are no models yet. Import models into the DICOM database, or choose a "
                "folder that holds some."
            )
        if self._selection is None:
            return _("{count} models are at hand. Load an image to see which of them fit.").format(
                count=len(self._found.models)
            )
        hidden = len(self._selection.candidates) - len(self._selection.fitting)
        if not self._selection.fitting:
            return _("None of {count} models fits this image.").format(count=hidden)
        if hidden and not self.parameters.showUnfitting:
            return _("Not shown because they don't fit: {count}.").format(count=hidden)
        return ""

    def _showChosen(self) -> None:
        candidate = self._table.chosen
        self.ui.cardGroupBox.visible = candidate is not None
        if candidate is not None:
            self.ui.cardBrowser.html = card_text.modelCard(candidate.model)
        self._showButtons()

    def _showButtons(self) -> None:
        ui, candidate = self.ui, self._table.chosen
        running = self._run is not None
        why = ""
        if self.parameters is None or self.parameters.inputVolume is None:
            why = _("Load an image first.")
        elif candidate is None:
            why = _("Choose a model first.")
        elif not candidate.fits:
            why = _("This model does not fit the image: it {why}.").format(
                why=card_text.whyItDoesNotFit(candidate)
            )
        elif candidate.model.missing_parts:
            why = _("The weights of this model are not here: import all instances of its study.")
        ui.applyButton.enabled = not running and not why
        ui.cancelButton.enabled = running
        title = candidate.model.card.title if candidate is not None else ""
        ui.applyButton.text = _("Apply: {title}").format(title=title) if title else _("Apply")
        ui.applyButton.toolTip = why or _("Run the chosen model on the image")
        if why and not running:
            self._say(why)
        elif ui.statusLabel.property("hint"):
            self._say("")

    def _say(self, text: str, colour: str = "", *, lasting: bool = False) -> None:
        """One message below the buttons; a lasting one stays until the next run."""
        label = self.ui.statusLabel
        label.setProperty("hint", not lasting)
        label.styleSheet = f"color: {colour}" if colour else ""
        label.text = text
        label.visible = bool(text)

    def _showResult(self) -> None:
        ui, node = self.ui, self.parameters.segmentation
        nodeId = node.GetID() if node is not None else ""
        if nodeId == self._showsResultOf:
            return
        self._showsResultOf = nodeId
        document = nodes.documentOf(node) if node is not None else None
        ui.resultTable.visible = document is not None
        ui.notesLabel.visible = False
        if document is not None:
            showResult(ui.resultTable, node, document)
            ui.notesLabel.text = "<br>".join(document["notes"])
            ui.notesLabel.visible = bool(document["notes"])
        why = _("Nothing was found yet.") if node is None else saving.whyNot(node)
        ui.saveButton.enabled = not why
        ui.saveButton.toolTip = why or _("Save as DICOM segmentation in the image's study")
        ui.saveLabel.text = why if node is not None else ""
        ui.saveLabel.visible = bool(ui.saveLabel.text)

    # What is done

    def chooseModel(self, cardSopInstanceUID: str) -> None:
        """Choose the model with this card, whether it fits or not."""
        self._found = None
        self.ui.searchBox.text = ""
        if self.parameters.cardSopInstanceUID == cardSopInstanceUID:
            self.update()
        self.parameters.cardSopInstanceUID = cardSopInstanceUID

    def _onModelChosen(self) -> None:
        candidate = self._table.chosen
        if candidate is not None and self.parameters is not None:
            self.parameters.cardSopInstanceUID = candidate.model.card.sop_instance_uid

    def _onFolder(self, folder: str) -> None:
        if self.parameters is not None:
            self.parameters.modelFolder = folder

    def _onModality(self, index: int) -> None:
        self._keep("Modality", self.ui.modalityComboBox.itemData(index))

    def _onRegion(self, index: int) -> None:
        self._keep("BodyPartExamined", self.ui.regionComboBox.itemData(index))

    def _keep(self, keyword: str, value: str) -> None:
        """What the user says about the image stays with it."""
        self.parameters.inputVolume.SetAttribute(nodes.SAID[keyword], value or None)
        self._shownImage = None
        self.update()

    def apply(self) -> None:
        """Start the chosen model."""
        volumeNode, model = self.parameters.inputVolume, self._table.chosen.model
        device = "cpu" if self.parameters.processorOnly else "auto"
        self._log = ""
        try:
            with slicer.util.WaitCursor():
                self._run = self.logic.start(
                    volumeNode, model, device, self.parameters.threads or None
                )
        except Exception as error:
            self._fail(error)
            return
        self._running = volumeNode, model
        self._showProgress()
        self.ui.progressBar.visible = True
        self._showButtons()
        self._timer.start()

    def cancel(self) -> None:
        """Stop the run, if there is one."""
        if self._run is not None:
            self._run.cancel()
            self._end()
            self._say(_("Cancelled. Nothing was changed."), lasting=True)

    def cleanup(self) -> None:
        """The panel goes."""
        self.cancel()
        self._timer.disconnect("timeout()", self._onTimer)
        self._settled.stop()
        self._settled.disconnect("timeout()", self._onSettled)

    def _onTimer(self) -> None:
        if self._run is None:
            return
        if self._run.poll() is State.RUNNING:
            self._showProgress()
            return
        run, (volumeNode, model) = self._run, self._running
        self._end()
        if run.poll() is State.CANCELLED:  # by the logic: the scene is closed
            return
        try:
            outcome = run.outcome()
            self._take(volumeNode, model, outcome)
        except Exception as error:
            self._fail(error)
        else:
            self._say(_("Done in {s:.0f} s.").format(s=run.seconds), lasting=True)
            scrollTo(self.ui.saveButton)

    def _take(self, volumeNode: slicer.vtkMRMLScalarVolumeNode, model: Model, outcome: Any) -> None:
        if not slicer.mrmlScene.IsNodePresent(volumeNode):
            raise RuntimeError(_("The image was removed during the run."))
        node = self.logic.createSegmentation(volumeNode, model, outcome)
        self._showsResultOf = None
        self.logic.getParameterNode().segmentation = node

    def _end(self) -> None:
        self._timer.stop()
        self._log = self._run.log
        self._run = self._running = None
        self.ui.progressBar.visible = False
        self.ui.logButton.enabled = bool(self._log)
        self._say("")
        self._showButtons()

    def _showProgress(self) -> None:
        run = self._run
        self.ui.progressBar.value = round(1000 * run.fraction)
        left = card_text.timeLeft(run.seconds_left)
        self._say(", ".join(filter(None, (run.message, left))).capitalize(), lasting=True)

    def _fail(self, error: Exception) -> None:
        logging.error("IODeep: %s\n%s", error, self._log)
        found = getattr(error, "found", str(error) or type(error).__name__)
        nextStep = getattr(error, "next_step", "")
        sentences = (f"{part[:1].upper()}{part[1:]}." for part in (found, nextStep) if part)
        self._say(" ".join(sentences), card_text.RED, lasting=True)

    def save(self) -> None:
        """Write the result into the DICOM database."""
        try:
            with slicer.util.WaitCursor():
                self.logic.saveToDICOM(self.parameters.segmentation, self._found.models)
        except Exception as error:
            logging.exception("IODeep: saving to DICOM failed")
            self.ui.saveLabel.text = f"{error}"
        else:
            self.ui.saveLabel.text = _("Saved into the study of the image in the DICOM database.")
            self.ui.saveButton.enabled = False
        self.ui.saveLabel.visible = True

    def _showLog(self) -> None:
        box = textWindow(_("Log of the last run"), self._log)
        box.show()


def _unknown(volumeNode: slicer.vtkMRMLScalarVolumeNode, image: Any) -> dict[str, bool]:
    """What the header does not say, so that the user may."""
    from IODeepLib.criteria import found_regions

    said = {keyword: volumeNode.GetAttribute(a) for keyword, a in nodes.SAID.items()}
    return {
        "Modality": bool(said["Modality"]) or not image.modality,
        "BodyPartExamined": bool(said["BodyPartExamined"]) or not any(found_regions(image)),
    }
