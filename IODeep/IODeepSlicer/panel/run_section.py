"""The section *Run*: start the chosen model, see how far it is, stop it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import qt
import slicer

from IODeepSlicer.panel.confidence_box import ConfidenceBox
from IODeepSlicer.panel.device_row import DeviceRow
from IODeepSlicer.panel.label_list import LabelList
from IODeepSlicer.panel.log_box import LogBox
from IODeepSlicer.panel.output_row import OutputRow
from IODeepSlicer.panel.quality_box import QualityBox
from IODeepSlicer.panel.queue_list import QueueList
from IODeepSlicer.panel.scope_box import ScopeBox
from IODeepSlicer.panel.turns import Polls, later
from IODeepSlicer.panel.widgets import loadUI, say, setTip
from IODeepSlicer.scene.former import hideFormer
from IODeepSlicer.scene.targets import Scope, volumesIn
from IODeepSlicer.sources.servers import ensureToRun
from IODeepSlicer.text import card_text, fit_text, trust_text
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText, progressText
from IODeepSlicer.work.runner import Run, State

if TYPE_CHECKING:
    from IODeepLib.model_object import Card, Model
    from IODeepLib.selection import Candidate


class RunSection:
    """`parameters` is set and taken away by the panel.

    Args:
        logic: the module's logic.
        started: called when something is run.
        done: called with the node of a result.
        fetched: called when weights may have come that were not here before.
    """

    def __init__(
        self,
        logic: Any,
        started: Callable[[], None],
        done: Callable[[slicer.vtkMRMLNode], None],
        fetched: Callable[[], None],
    ) -> None:
        self.root, self.ui = loadUI("Run")
        self._parameters: Any = None
        self._logic, self._started = logic, started
        self._done, self._fetched = done, fetched
        self._candidate: Candidate | None = None
        self._server: str | None = None
        self._models: Sequence[Model] = ()
        self._run: Run | None = None
        self._running: tuple[slicer.vtkMRMLScalarVolumeNode, Model] | None = None
        self._into: slicer.vtkMRMLSegmentationNode | None = None
        self._log = LogBox(self.ui)
        self._device = DeviceRow(self.ui)
        self._hint = True  # whether what stands below the buttons may be replaced by the next hint
        self._labels = LabelList(self.ui.labelsGroupBox, self.ui.labelsList, self._onLabels)
        self._output = OutputRow(self.ui)
        self._confidence = ConfidenceBox(self.ui.confidenceCheckBox)
        self._quality = QualityBox(self.ui.qualityComboBox)
        self._scope = ScopeBox(self.ui.scopeComboBox)
        self.ui.scopeComboBox.connect("currentIndexChanged(int)", self._onScope)
        self._queue = QueueList(self._onQueueResult, self._log.show, self._onQueueOver)
        layout = self.ui.statusLabel.parent().layout()
        layout.insertWidget(layout.indexOf(self.ui.statusLabel) + 1, self._queue.root)
        self._polls = Polls(self._poll)
        self.ui.applyButton.connect("clicked()", self.apply)
        keys = qt.QKeySequence("Ctrl+Return")
        self._keys = keys.toString(qt.QKeySequence.NativeText)
        self._shortcut = qt.QShortcut(keys, self.root)  # wherever the focus is, while it is seen
        self._shortcut.connect("activated()", self.ui.applyButton.click)
        self.ui.cancelButton.connect("clicked()", self.cancel)
        self.ui.allButton.connect("clicked()", lambda: self._labels.tickAll(True))
        self.ui.noneButton.connect("clicked()", lambda: self._labels.tickAll(False))

    @property
    def parameters(self) -> Any:
        """The parameter node, or None while the panel rests."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: Any) -> None:
        self._parameters = parameters
        self._device.parameters = self._quality.parameters = parameters

    def show(
        self, candidate: Candidate | None, server: str | None, models: Sequence[Model]
    ) -> None:
        """Offer to run this model, or say why not.

        Args:
            candidate: the chosen model.
            server: where its weights come from if they are not here.
            models: all that are selected, if there is more than one.
        """
        self._server, self._models = server, models
        self._device.show()
        self._quality.show()
        self._scope.show(self.parameters.inputVolume if self.parameters is not None else None)
        if candidate is not self._candidate:
            self._candidate, self._hint = candidate, True
        card = candidate.model.card if candidate is not None else None
        license = card.recipe.card.licence if card is not None else ""
        warning = ""
        if card_text.isNonCommercial(license):
            warning = _("Not for commercial use: {license}").format(license=license)
        say(self.ui.licenseLabel, warning, fit_text.RED)
        self._showLabels(card)
        self._output.show(card, forMany=self._isForMany)
        chosen = [model.card for model in models] or ([card] if card is not None else [])
        self._confidence.show(chosen)
        self._showButtons()

    def _showLabels(self, card: Card | None) -> None:
        from IODeepLib.recipe import Task

        names: list[str] = []
        leftOut: Sequence[str] = ()
        if card is not None and card.task is Task.SEGMENTATION:
            names = [label.name for label in card.recipe.labels]
            leftOut = dict(self.parameters.leftOut).get(card.sop_instance_uid, ())
        self._labels.show(names, leftOut)

    @property
    def _isForMany(self) -> bool:
        return len(self._models) > 1 or self._scope.scope is not Scope.VOLUME

    def _onScope(self, _index: int) -> None:
        card = self._candidate.model.card if self._candidate is not None else None
        self._output.show(card, forMany=self._isForMany)

    def _onLabels(self) -> None:
        if self._candidate is None:
            return
        card = self._candidate.model.card
        self.parameters.leftOut = {
            **dict(self.parameters.leftOut),
            card.sop_instance_uid: self._labels.leftOut,
        }

    def _showButtons(self) -> None:
        ui, running, why = self.ui, self._isRunning, self._whyNot()
        ui.applyButton.enabled = not running and not why
        ui.cancelButton.enabled = running
        ui.applyButton.text, tip = self._offer()
        setTip(ui.applyButton, why or f"{tip} ({self._keys})")
        if why and not running:
            self._say(why)
        elif self._hint:
            self._say("")

    @property
    def _isRunning(self) -> bool:
        return self._run is not None or self._queue.isRunning

    def _offer(self) -> tuple[str, str]:
        """What pressing Apply does, in short and in a sentence."""
        model = self._candidate.model if self._candidate is not None else None
        if model is None:
            return _("&Apply"), ""
        if len(self._models) > 1:
            return _("&Apply {count} models").format(count=len(self._models)), _(
                "Run the selected models, one after the other"
            )
        run = _("Run {title} on the image").format(title=model.card.title)
        if self._server is None or not model.missing_parts:
            return _("&Apply"), run
        size = card_text.missingSize(model)
        return (
            _("Fetch {size} and &apply").format(size=size),
            _(
                "Fetch the weights of {title} from {server}, keep them on this computer, and run "
                "it on the image"
            ).format(title=model.card.title, server=self._server),
        )

    def _whyNot(self) -> str:
        if self.parameters is None or self.parameters.inputVolume is None:
            return _("Load an image first.")
        if self._candidate is None:
            return _("Choose a model first.")
        if fault := fit_text.firstFault(self._candidate):
            return fault
        if refusal := trust_text.refusal(self._candidate.model.trust):
            return refusal
        if self._candidate.model.missing_parts and self._server is None:
            return _(
                "The weights of this model are missing: import all instances of its study, or "
                "look in a folder."
            )
        if self._labels.leftOut and not self._labels.kept:
            return _("Tick at least one label to keep.")
        return ""

    def _say(self, text: str, color: str = "", *, lasting: bool = False) -> None:
        """One message below the buttons; a lasting one stays until the next choice or run."""
        self._hint = not lasting
        say(self.ui.statusLabel, text, color)

    def apply(self) -> None:
        """Start the chosen model."""
        if self._candidate is None:
            return
        volumeNode, model = self.parameters.inputVolume, self._candidate.model
        if self._isForMany:
            self._applyToAll(volumeNode, self._models if len(self._models) > 1 else (model,))
            return
        into = self._output.chosen
        if into is not None and not self._output.mayReplace(into):
            return
        labels = self._labels.kept if self._labels.leftOut else None
        server = self._server if model.missing_parts else None
        try:
            ensureToRun(server)
            with slicer.util.WaitCursor():
                self._run = self._logic.start(
                    volumeNode,
                    model,
                    self.parameters.device,
                    self.parameters.threads or None,
                    labels,
                    server,
                    confidence=self._confidence.isAsked,
                    quality=self.parameters.quality,
                )
        except Exception as error:
            self._fail(error)
            return
        self._running, self._into = (volumeNode, model), into
        self._started()
        self._showProgress(self._run)
        self.ui.progressBar.visible = True
        self._showButtons()
        self._polls.start()

    def _applyToAll(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, models: Sequence[Model]
    ) -> None:
        """Run each model on each image that is meant, one after the other."""
        scope, labels = self._scope.scope, {}
        for model in models:
            leftOut = dict(self.parameters.leftOut).get(model.card.sop_instance_uid)
            if leftOut:
                names = (label.name for label in model.card.recipe.labels)
                labels[model.label] = [name for name in names if name not in leftOut]
        try:
            ensureToRun(self._server)
            queue = self._logic.startQueue(
                [(node, model) for node in volumesIn(scope, volumeNode) for model in models],
                self.parameters.device,
                self.parameters.threads or None,
                labels,
                self._server,
                allFrames=scope is Scope.FRAMES,
                confidence=self._confidence.isAsked,
                quality=self.parameters.quality,
            )
        except Exception as error:
            self._fail(error)
            return
        self._say("")
        self._started()
        self._queue.start(queue)
        self._showButtons()

    def _onQueueResult(self, node: slicer.vtkMRMLNode) -> None:
        hideFormer(node, together=self._queue.results)
        self._done(node)

    def _onQueueOver(self) -> None:
        self._fetched()
        self._showButtons()

    def cancel(self) -> None:
        """Stop the run, if there is one, and what waits."""
        self._queue.cancel()
        if self._run is not None:
            self._run.cancel()
            self._end(self._run)
            self._say(_("Canceled. Nothing was changed."), lasting=True)

    def cleanup(self) -> None:
        """The panel goes."""
        self.cancel()
        self._queue.cleanup()
        self._scope.cleanup()
        self._polls.cleanup()
        self._device.cleanup()

    def _poll(self) -> None:
        run = self._run
        if run is None or self._running is None:
            return
        if run.poll() is State.RUNNING:
            self._showProgress(run)
            return
        volumeNode, model = self._running
        self._end(run)
        if run.poll() is not State.CANCELLED:  # by the logic: the scene is closed
            later(lambda: self._take(run, volumeNode, model))

    def _take(self, run: Run, volumeNode: slicer.vtkMRMLScalarVolumeNode, model: Model) -> None:
        from IODeepLib.errors import ImageError

        try:
            outcome = run.outcome()
            if not slicer.mrmlScene.IsNodePresent(volumeNode):
                raise ImageError(
                    _("The image was removed during the run"),
                    _("the image, which the result lies on"),
                    _("Load it and run again"),
                )
            into, self._into = self._into, None
            if into is not None and not slicer.mrmlScene.IsNodePresent(into):
                into = None  # it was removed during the run
            node = self._logic.createResult(volumeNode, model, outcome, into)
            hideFormer(node)
        except Exception as error:
            self._fail(error, run.log)
            return
        self._say(_("Done in {seconds:.0f} s.").format(seconds=run.seconds), lasting=True)
        later(lambda: self._done(node))

    def _end(self, run: Run) -> None:
        self._polls.stop()
        self._log.show(run)
        running, self._run, self._running = self._running, None, None
        if running is not None and running[1].missing_parts:
            self._fetched()
        self.ui.progressBar.visible = False
        self._say("")
        self._showButtons()

    def _showProgress(self, run: Run) -> None:
        self.ui.progressBar.value = round(1000 * run.fraction)
        self._log.show(run)
        self._say(progressText(run.message, run.seconds_left), lasting=True)

    def _fail(self, error: Exception, log: str = "") -> None:
        logging.error("IODeep: %s\n%s", error, log)
        self._say(errorText(error), fit_text.RED, lasting=True)
