"""A row of the section *Result*: what was saved goes to a server, while Slicer goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import qt

from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.panel.widgets import offer, say, setTip
from IODeepSlicer.sources.recent_servers import recentServers
from IODeepSlicer.sources.servers import ensureFor, serverNames
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.worker_process import State

if TYPE_CHECKING:
    import slicer

    from IODeepSlicer.work.sending import Sending

_KEY = "IODeep/SendTo"


class SendRow:
    """The server is kept in the settings, not in the scene.

    A scene that came from elsewhere must not say where images of patients go.
    """

    def __init__(self, ui: Any, logic: Any) -> None:
        self._ui, self._logic = ui, logic
        self._node: slicer.vtkMRMLNode | None = None
        self._isSaved = False
        self._sending: Sending | None = None
        self._server = ""
        self._polls = Polls(self._poll)
        ui.sendComboBox.setEditText(qt.QSettings().value(_KEY) or "")
        ui.sendComboBox.lineEdit().placeholderText = _("server or address")
        ui.sendComboBox.connect("editTextChanged(QString)", self._showButton)
        ui.sendButton.connect("clicked()", self._onButton)

    def show(self, node: slicer.vtkMRMLNode | None, *, isSaved: bool) -> None:
        """Offer to send this result, once it is saved as it is."""
        self._node, self._isSaved = node, isSaved
        names, _problem = serverNames()  # the section Models says what is wrong
        names = list(dict.fromkeys((*names, *recentServers())))
        offer(self._ui.sendComboBox, names, self._chosen or next(iter(names), ""))
        self._showButton()

    def cleanup(self) -> None:
        """The panel goes."""
        self._cancel()
        self._polls.cleanup()

    @property
    def _chosen(self) -> str:
        return self._ui.sendComboBox.currentText.strip()

    def _showButton(self, _text: str = "") -> None:
        button, sending = self._ui.sendButton, self._sending is not None
        button.text = _("Ca&ncel") if sending else _("Se&nd")
        button.enabled = sending or (self._isSaved and bool(self._chosen))
        self._ui.sendComboBox.enabled = not sending
        if not self._isSaved:
            setTip(button, _("Save to DICOM first; what was saved can be sent."))
        else:
            setTip(button, _("Store what was saved in this server, in the image's study"))

    def _onButton(self) -> None:
        if self._sending is None:
            self._send()
        else:
            self._cancel()
            self._say(_("Canceled."))

    def _send(self) -> None:
        self._server = self._chosen
        try:
            ensureFor(self._server)
            self._sending = self._logic.startSending(self._node, self._server)
        except Exception as error:
            self._fail(error)
            return
        qt.QSettings().setValue(_KEY, self._server)
        self._say(_("Sending to {server}…").format(server=self._server))
        self._showButton()
        self._polls.start()

    def _cancel(self) -> None:
        self._polls.stop()
        if self._sending is not None:
            self._sending.cancel()
        self._sending = None
        self._showButton()

    def _poll(self) -> None:
        sending = self._sending
        if sending is None or sending.poll() is State.RUNNING:
            return
        self._cancel()
        try:
            new = sending.outcome()
        except Exception as error:
            self._fail(error, sending.log)
            return
        text = _("{server} has it now.") if new else _("{server} had it already.")
        self._say(text.format(server=self._server))

    def _fail(self, error: Exception, log: str = "") -> None:
        logging.error("IODeep: %s\n%s", error, log)
        self._say(errorText(error), RED)

    def _say(self, text: str, color: str = "") -> None:
        say(self._ui.sendLabel, text, color)
