"""Below *Run*: the service beside the PACS runs what fits on the study of the image.

It reads the images where they lie, in its PACS, and chooses by its own rules: nothing but the UID
of the study goes there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import qt
import slicer

from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.panel.widgets import loadUI, offer, say, setTip
from IODeepSlicer.requirements import READING, ensureRequirements
from IODeepSlicer.scene import images
from IODeepSlicer.sources.servers import serviceNames
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.text.service_text import serviceColor, serviceText
from IODeepSlicer.work.worker_process import State

if TYPE_CHECKING:
    from IODeepSlicer.work.asking import Asking

_KEY = "IODeep/Service"


class ServiceRow:
    """The service is kept in the settings, not in the scene, which may come from elsewhere."""

    def __init__(self, logic: Any) -> None:
        self.root, self._ui = loadUI("Service")
        self._logic = logic
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._asking: Asking | None = None
        self._service = ""
        self._polls = Polls(self._poll)
        self._ui.serviceComboBox.setEditText(qt.QSettings().value(_KEY) or "")
        self._ui.serviceComboBox.lineEdit().placeholderText = _("service or address")
        self._ui.serviceComboBox.connect("editTextChanged(QString)", self._showButtons)
        self._ui.serviceButton.connect("clicked()", self._onButton)
        self._ui.serviceRefreshButton.connect("clicked()", lambda: self._ask(order=False))
        self._say("")

    def cleanup(self) -> None:
        """The panel goes."""
        self._cancel()
        self._polls.cleanup()

    def show(self, volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Offer to have the study of this image run."""
        if volumeNode is not self._volume:
            self._volume = volumeNode
            self._cancel()
            self._say("")
        names, problem = serviceNames()
        offer(self._ui.serviceComboBox, names, self._chosen or next(iter(names), ""))
        self._showButtons()
        if problem and self._ui.serviceGroupBox.checked:
            self._say(problem, RED)

    @property
    def _chosen(self) -> str:
        return self._ui.serviceComboBox.currentText.strip()

    def _showButtons(self, _text: str = "") -> None:
        ui, isAsking = self._ui, self._asking is not None
        isStored = self._volume is not None and images.isFromDatabase(self._volume)
        can = isStored and bool(self._chosen)
        ui.serviceButton.text = _("Cancel") if isAsking else _("Let the service run it")
        ui.serviceButton.enabled = isAsking or can
        ui.serviceRefreshButton.enabled = can and not isAsking
        ui.serviceComboBox.enabled = not isAsking
        tip = _(
            "Have the service look at this image's study in its PACS now, and run what fits by its "
            "rules. Nothing but the study's UID goes there."
        )
        why = _("The image is not from the DICOM database: a service knows a study by its UID.")
        setTip(ui.serviceButton, tip if isStored or self._volume is None else why)

    def _onButton(self) -> None:
        if self._asking is None:
            self._ask(order=True)
        else:
            self._cancel()
            self._say(_("Not waited for any longer; the service goes on with what it was told."))

    def _ask(self, *, order: bool) -> None:
        self._service = self._chosen
        try:
            ensureRequirements(READING)
            self._asking = self._logic.startAskingService(self._volume, self._service, order=order)
        except Exception as error:
            self._fail(error)
            return
        self._say(_("Asking {service}…").format(service=self._service))
        self._showButtons()
        self._polls.start()

    def _cancel(self) -> None:
        self._polls.stop()
        if self._asking is not None:
            self._asking.cancel()
        self._asking = None
        self._showButtons()

    def _poll(self) -> None:
        asking = self._asking
        if asking is None or asking.poll() is State.RUNNING:
            return
        self._cancel()
        try:
            seen = asking.outcome()
        except Exception as error:
            self._fail(error, asking.log)
            return
        qt.QSettings().setValue(_KEY, self._service)
        self._say(serviceText(seen, self._service), serviceColor(seen))

    def _fail(self, error: Exception, log: str = "") -> None:
        logging.error("IODeep: %s\n%s", error, log)
        self._say(errorText(error), RED)

    def _say(self, text: str, color: str = "") -> None:
        say(self._ui.serviceLabel, text, color)
