"""A row of the section *Result*: the result as it is now goes into the DICOM database.

With it goes what people said of it; of a result that is saved as it is, that alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.panel.widgets import say, setTip
from IODeepSlicer.scene import assessments, saved
from IODeepSlicer.scene.record import savingObstacle
from IODeepSlicer.scene.segments import Origin, SegmentNow
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.worker_process import State

if TYPE_CHECKING:
    from IODeepSlicer.panel.models_section import ModelsSection
    from IODeepSlicer.work.saving import Saving


class SaveRow:
    """`models` knows the models at hand; `done` is called when something was saved."""

    def __init__(self, ui: Any, logic: Any, models: ModelsSection, done: Callable) -> None:
        self._ui, self._logic, self._models, self._done = ui, logic, models, done
        self._node: slicer.vtkMRMLNode | None = None
        self._found: Sequence[SegmentNow] | None = None
        self._saving: Saving | None = None
        self._then: Callable[[], None] | None = None
        self._polls = Polls(self._poll)
        ui.saveButton.connect("clicked()", self.save)

    def cleanup(self) -> None:
        """The panel goes."""
        self._cancel()
        self._polls.cleanup()

    def show(
        self,
        node: slicer.vtkMRMLNode | None,
        found: Sequence[SegmentNow] | None,
    ) -> bool:
        """Offer to save this result, or say why not.

        Args:
            node: the result.
            found: its segments, none of a table; None while they are looked at.

        Returns:
            Whether it is saved as it is.
        """
        self._node, self._found = node, found
        button, label = self._ui.saveButton, self._ui.saveLabel
        if node is None:
            button.enabled = False
            setTip(button, _("Nothing was found yet."))
            say(label, "")
            return False
        if self._saving is not None:
            button.enabled = False
            say(label, _("Saving…"))
            return False
        why = savingObstacle(node)
        hasFiles = found is not None and bool(saved.savedFiles(node, found))
        isSaved = hasFiles and not assessments.pendingOf(node, found or ())
        byHand = any(each.origin is not Origin.FOUND for each in found or ())
        button.enabled = found is not None and not why and not isSaved
        tip = _("Save as DICOM segmentation and measurement report in the image's study")
        if node.IsA("vtkMRMLTableNode"):
            tip = _("Save as DICOM report in the image's study")
        elif byHand:
            tip = _(
                "Save as DICOM segmentation and measurement report in the image's study; both say "
                "which segments were edited by hand"
            )
        if hasFiles and not isSaved:
            tip = _("Save what was said of it as DICOM report in the image's study")
        setTip(button, why or tip)
        say(label, _("Saved into the image's study in the DICOM database.") if isSaved else why)
        return isSaved

    def saveBefore(self, then: Callable[[], None]) -> None:
        """Call `then` once the result is saved as it is; at once where it is, or cannot be."""
        if self._saving is None and not self._ui.saveButton.enabled:
            then()
            return
        self._then = then
        if self._saving is None:
            self.save()

    def save(self) -> None:
        """Begin to write the result into the DICOM database."""
        node, found = self._node, self._found
        try:
            self._saving = self._logic.startSaving(node, self._models.models, found)
        except Exception as error:
            self._fail(error)
            return
        self.show(self._node, None)
        self._polls.start()

    def _poll(self) -> None:
        saving = self._saving
        if saving is None or saving.poll() is State.RUNNING:
            return
        self._cancel()
        try:
            self._logic.finishSaving(saving)
        except Exception as error:
            self._done()
            self._fail(error, saving.log)
        else:
            self._done()
            then, self._then = self._then, None
            if then is not None:
                then()

    def _cancel(self) -> None:
        self._polls.stop()
        if self._saving is not None:
            self._saving.cancel()
        self._saving = None

    def _fail(self, error: Exception, log: str = "") -> None:
        self._then = None  # what went wrong is to be read
        logging.error("IODeep: %s\n%s", error, log, exc_info=error)
        say(self._ui.saveLabel, errorText(error), RED)
