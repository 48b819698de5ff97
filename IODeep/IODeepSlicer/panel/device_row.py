"""The row *Compute on*: the devices that the installed ONNX Runtime has."""

from __future__ import annotations

import logging
from typing import Any

from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.panel.widgets import say, sayHtml, silent
from IODeepSlicer.requirements import RequirementsError, checkReading
from IODeepSlicer.text.device_text import deviceName, fasterHtml, shortName
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.devices import DevicesQuestion
from IODeepSlicer.work.worker_process import State, slicerPython

AUTO = "auto"


class DeviceRow:
    """ONNX Runtime is asked, in a process of its own, when the group *Advanced* is unfolded.

    `parameters` is set and taken away by the panel.
    """

    def __init__(self, ui: Any) -> None:
        self.parameters: Any = None
        self._ui = ui
        self._question: DevicesQuestion | None = None
        self._answered = False
        ui.deviceComboBox.addItem(_("automatic: the fastest that starts"), AUTO)
        ui.deviceComboBox.connect("activated(int)", self._onChosen)
        ui.advancedGroupBox.connect("toggled(bool)", self._ask)
        self._polls = Polls(self._poll)

    def show(self) -> None:
        """Show the chosen device, even where it is none of this computer."""
        box, device = self._ui.deviceComboBox, self.parameters.device
        with silent(box):
            if box.findData(device) < 0:
                box.addItem(device, device)
            box.currentIndex = box.findData(device)

    def cleanup(self) -> None:
        """The panel goes."""
        self._polls.cleanup()
        if self._question is not None:
            self._question.cancel()

    def _onChosen(self, index: int) -> None:
        self.parameters.device = self._ui.deviceComboBox.itemData(index)

    def _ask(self, unfolded: bool) -> None:
        if not unfolded or self._answered or self._question is not None:
            return
        try:
            checkReading()
        except RequirementsError:
            return  # the panel says what lacks
        self._question = DevicesQuestion(slicerPython())
        self._polls.start()

    def _poll(self) -> None:
        question = self._question
        if question is None or question.poll() is State.RUNNING:
            return
        self._polls.stop()
        self._question = None
        try:
            devices = question.outcome()
        except Exception as error:
            logging.error("IODeep: %s\n%s", error, question.log)
            say(self._ui.deviceLabel, errorText(error))
            return
        self._answered = True
        with silent(self._ui.deviceComboBox):
            for provider in devices.providers:
                if self._ui.deviceComboBox.findData(shortName(provider)) < 0:
                    self._ui.deviceComboBox.addItem(deviceName(provider), shortName(provider))
        sayHtml(self._ui.deviceLabel, fasterHtml(devices.providers, devices.version))
        if self.parameters is not None:
            self.show()
