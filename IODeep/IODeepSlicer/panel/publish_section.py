"""The section *Publish a network*: check a recipe against its network, and publish both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from IODeepSlicer.panel.recipe_form_box import RecipeFormBox
from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.panel.widgets import loadUI, say, scrollTo
from IODeepSlicer.requirements import ensureRequirements
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work import publishing
from IODeepSlicer.work.worker_process import State

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.work.publishing import Packing


class PublishSection:
    """`published` is called with the SOP Instance UID of a card that came into the database."""

    def __init__(self, published: Callable[[str], None]) -> None:
        self.root, self.ui = loadUI("Publish")
        self._published = published
        self._packing: Packing | None = None
        self._finish: Callable[[Packing], Model] | None = None
        self._polls = Polls(self._poll)
        ui = self.ui
        self._form = RecipeFormBox(ui)
        for line in (ui.onnxPathLineEdit, ui.recipePathLineEdit):
            line.connect("currentPathChanged(QString)", self._onPath)
        ui.checkButton.connect("clicked()", self.check)
        ui.publishButton.connect("clicked()", self.publish)
        ui.cancelPublishButton.connect("clicked()", self.cancel)
        self._showButtons()

    def refresh(self) -> None:
        """The library may be there now."""
        self._form.refresh()

    def check(self) -> None:
        """Hold the recipe against the network; write nothing."""
        self._start(publishing.startTrial, publishing.finishTrial)

    def publish(self) -> None:
        """Write card and weights into the DICOM database."""
        self._start(publishing.startPacking, publishing.finishPacking)

    def cancel(self) -> None:
        """Stop, if something is going on."""
        if self._packing is not None:
            self._packing.cancel()
            self._end()
            self._say(_("Canceled. Nothing was written."))

    def cleanup(self) -> None:
        """The section goes."""
        self.cancel()
        self._polls.cleanup()

    def _start(
        self, start: Callable[[str, str], Packing], finish: Callable[[Packing], Model]
    ) -> None:
        ui = self.ui
        self._finish = finish
        try:
            ensureRequirements()
            self._packing = start(
                ui.onnxPathLineEdit.currentPath, ui.recipePathLineEdit.currentPath
            )
        except Exception as error:
            self._fail(error)
            return
        ui.publishProgressBar.visible = True
        self._showProgress(self._packing)
        self._showButtons()
        self._polls.start()

    def _poll(self) -> None:
        packing, finish = self._packing, self._finish
        if packing is None or finish is None:
            return
        if packing.poll() is State.RUNNING:
            self._showProgress(packing)
            return
        self._polls.stop()
        self.ui.cancelPublishButton.enabled = False
        try:
            model = finish(packing)  # Slicer goes on meanwhile
        except Exception as error:
            self._fail(error)
        else:
            self._tell(model)
        self._end()
        scrollTo(self.ui.publishStatusLabel)

    def _tell(self, model: Model) -> None:
        if self._finish is publishing.finishTrial:
            self._say(_("Network and recipe agree: {what}.").format(what=_inWords(model)))
        else:
            self._say(_("In the DICOM database: {what}.").format(what=_inWords(model)))
            self._published(model.card.sop_instance_uid)

    def _end(self) -> None:
        self._polls.stop()
        self._packing = None
        self.ui.publishProgressBar.visible = False
        self._showButtons()

    def _onPath(self, _path: str) -> None:
        self._say("")
        self._showButtons()

    def _showButtons(self) -> None:
        ui, running = self.ui, self._packing is not None
        chosen = bool(ui.onnxPathLineEdit.currentPath and ui.recipePathLineEdit.currentPath)
        ui.checkButton.enabled = ui.publishButton.enabled = chosen and not running
        ui.cancelPublishButton.enabled = running

    def _showProgress(self, packing: Packing) -> None:
        self.ui.publishProgressBar.value = round(1000 * packing.fraction)
        self._say(packing.message.capitalize())

    def _fail(self, error: Exception) -> None:
        logging.error("IODeep: %s\n%s", error, "\n".join(getattr(error, "__notes__", [])))
        self._say(errorText(error), RED)

    def _say(self, text: str, color: str = "") -> None:
        say(self.ui.publishStatusLabel, text, color)


def _inWords(model: Model) -> str:
    card = model.card
    size = sum(part.length for part in card.manifest.parts) / 2**20
    return _("{title} {version} reads {modalities} and finds {labels}; {mb:.1f} MB").format(
        title=card.title,
        version=card.version,
        modalities=", ".join(card.modalities),
        labels=", ".join(label.name for label in card.recipe.labels),
        mb=size,
    )
