"""The section *Import a trained network*: of nnU-Net or MONAI, with its processing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

from IODeepSlicer.panel.answers_table import AnswersTable
from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.panel.widgets import loadUI, say, scrollTo
from IODeepSlicer.requirements import ensureImporting, ensureRequirements
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.convert_job import Conversion, Findings
from IODeepSlicer.work.converting import Converting, Looking
from IODeepSlicer.work.worker_process import State

_PYTHON = "IODeep/ImportPython"  # in Slicer's settings


class ImportSection:
    """`imported` is called with the SOP Instance UID of a card that came into the database."""

    def __init__(self, logic: Any, imported: Callable[[str], None]) -> None:
        self.root, self.ui = loadUI("Import")
        self._logic, self._imported = logic, imported
        self._work: Looking | Converting | None = None
        self._found: Findings | None = None
        self._polls = Polls(self._poll)
        ui = self.ui
        self._answers = AnswersTable(ui.answersTable, self._showButtons)
        ui.importRecipeGroupBox.visible = False
        ui.pythonPathLineEdit.currentPath = qt.QSettings().value(_PYTHON, "")
        ui.importPathLineEdit.connect("currentPathChanged(QString)", self._onPath)
        ui.pythonPathLineEdit.connect("currentPathChanged(QString)", self._onPython)
        ui.lookButton.connect("clicked()", self.look)
        ui.convertButton.connect("clicked()", self.convert)
        ui.installTorchButton.connect("clicked()", self._install)
        ui.cancelImportButton.connect("clicked()", self.cancel)
        self._showButtons()

    def look(self) -> None:
        """See what the network says of itself."""
        self._start(lambda: self._logic.startLooking(self._conversion, self._python))

    def convert(self) -> None:
        """Bring it into the DICOM database."""
        self._start(lambda: self._logic.startConverting(self._conversion, self._python))

    def cancel(self) -> None:
        """Stop, if something is going on."""
        if self._work is not None:
            self._work.cancel()
            self._end()
            self._say(_("Canceled. Nothing was written."))

    def cleanup(self) -> None:
        """The section goes."""
        self.cancel()
        self._polls.cleanup()

    @property
    def _python(self) -> str:
        return self.ui.pythonPathLineEdit.currentPath.strip()

    @property
    def _conversion(self) -> Conversion:
        ui = self.ui
        options = {
            "folds": ui.foldsLineEdit.text.strip(),
            "configuration": ui.configurationLineEdit.text.strip(),
            "labels": ui.importLabelsLineEdit.text.strip(),
            "previous_stage": ui.previousStagePathLineEdit.currentPath.strip(),
        }
        path = Path(ui.importPathLineEdit.currentPath).absolute()
        return Conversion(path, options, self._answers.answers)

    def _start(self, start: Callable[[], Looking | Converting]) -> None:
        try:
            ensureRequirements()
            self._work = start()
        except Exception as error:
            self._fail(error)
            return
        self.ui.importProgressBar.visible = True
        self._showProgress(self._work)
        self._showButtons()
        self._polls.start()

    def _poll(self) -> None:
        work = self._work
        if work is None:
            return
        if work.poll() is State.RUNNING:
            self._showProgress(work)
            return
        self._polls.stop()
        self.ui.cancelImportButton.enabled = False
        try:
            if isinstance(work, Looking):
                self._show(work.outcome())
            else:
                self._take(work)
        except Exception as error:
            self._fail(error)
        self._end()
        scrollTo(self.ui.importStatusLabel)

    def _show(self, found: Findings) -> None:
        self._found = found
        self._answers.add(found.questions)
        ui = self.ui
        ui.importRecipeText.setPlainText(json.dumps(found.recipe, ensure_ascii=False, indent=1))
        ui.importRecipeGroupBox.visible = True
        lines = [_("A network of {program}.").format(program=found.format)]
        lines += [_("Assumed: {what}.").format(what=what) for what in found.assumed]
        if found.questions:
            lines.append(_("Answer what it does not say, then import it."))
        self._say("\n".join(lines))

    def _take(self, work: Converting) -> None:
        (model,) = self._logic.finishImport(work)
        self._say(_("In the DICOM database: {model}.").format(model=model.label))
        self._imported(model.card.sop_instance_uid)

    def _install(self) -> None:
        try:
            ensureImporting()
        except Exception as error:
            self._fail(error)
        else:
            self._say(_("All is there."))

    def _end(self) -> None:
        self._polls.stop()
        self._work = None
        self.ui.importProgressBar.visible = False
        self._showButtons()

    def _onPath(self, _path: str) -> None:
        self._found = None
        self._answers.clear()
        self.ui.importRecipeGroupBox.visible = False
        self._say("")
        self._showButtons()

    def _onPython(self, path: str) -> None:
        qt.QSettings().setValue(_PYTHON, path)
        self._showButtons()

    def _showButtons(self) -> None:
        ui, running = self.ui, self._work is not None
        chosen = bool(ui.importPathLineEdit.currentPath)
        ui.lookButton.enabled = chosen and not running
        ready = self._found is not None and self._answers.isComplete
        ui.convertButton.enabled = chosen and ready and not running
        ui.installTorchButton.enabled = not self._python and not running
        ui.cancelImportButton.enabled = running

    def _showProgress(self, work: Looking | Converting) -> None:
        self.ui.importProgressBar.value = round(1000 * work.fraction)
        self._say(work.message.capitalize())

    def _fail(self, error: Exception) -> None:
        logging.error("IODeep: %s\n%s", error, "\n".join(getattr(error, "__notes__", [])))
        self._say(errorText(error), RED)

    def _say(self, text: str, color: str = "") -> None:
        say(self.ui.importStatusLabel, text, color)
