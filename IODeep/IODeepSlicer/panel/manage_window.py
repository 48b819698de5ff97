"""The window *Models on this computer*: where they lie, how large they are; get, import, remove."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt

from IODeepSlicer.panel.import_progress import ImportProgress, importPaths
from IODeepSlicer.panel.questions import confirmed
from IODeepSlicer.panel.widgets import say, setTip, tableOfRows
from IODeepSlicer.panel.window import Window
from IODeepSlicer.sources.holdings import Holding, holdingOf
from IODeepSlicer.sources.models import DATABASE, SERVER, FoundModels
from IODeepSlicer.text import holding_text
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.text.plain_text import inLines

if TYPE_CHECKING:
    from IODeepLib.model_object import Model

_TITLE, _VERSION, _PLACE, _SIZE, _STATE = range(5)


class ManageWindow(Window):
    """See `Window`.

    Args:
        logic: the module's logic.
        refresh: called when models have come or gone; `show` follows.
    """

    def __init__(self, logic: Any, refresh: Callable[[], None]) -> None:
        super().__init__("Manage", _("IODeep: models on this computer"), 720, 360)
        self._logic, self._refresh = logic, refresh
        self._found: FoundModels | None = None
        self._server = ""
        self._rows: list[tuple[Model, Holding]] = []
        table = self.ui.manageTable
        tableOfRows(table, (_("Model"), _("Version"), _("Place"), _("Size"), _("State")))
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(_TITLE, qt.QHeaderView.Stretch)
        table.connect("itemSelectionChanged()", self._showChosen)
        self.ui.getButton.connect("clicked()", self._get)
        self.ui.removeButton.connect("clicked()", self._remove)
        self.ui.importFolderButton.connect("clicked()", self._importFolder)
        self.ui.importZipButton.connect("clicked()", self._importZip)

    def show(self, found: FoundModels, server: str) -> None:
        """Show these models.

        Args:
            found: what was found.
            server: where those are that are on a server.
        """
        self._found, self._server = found, server
        notices = {model.card.sop_instance_uid: notice for model, notice in found.retired}
        models = [*found.models, *(model for model, _notice in found.retired)]
        chosen = self._chosen
        self._rows = [(model, holdingOf(model)) for model in models]
        table = self.ui.manageTable
        table.setRowCount(len(self._rows))
        for row, (model, holding) in enumerate(self._rows):
            uid = model.card.sop_instance_uid
            newer = holding_text.newerThan(model, found.models)
            state = holding_text.state(
                model, notices.get(uid), newer, onServer=uid in found.onServer
            )
            place = self._placeOf(model, holding)
            texts = (
                model.card.title,
                model.card.version,
                place,
                holding_text.size(holding.size),
                state,
            )
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(inLines(text))
                setTip(item, "\n".join(map(str, holding.folders)) if column == _PLACE else text)
                table.setItem(row, column, item)
            if chosen is not None and chosen.card.sop_instance_uid == uid:
                table.selectRow(row)
        self._showChosen()

    def _placeOf(self, model: Model, holding: Holding) -> str:
        assert self._found is not None  # noqa: S101 - it is being shown
        # The card of a retired model is not among the sources.
        source = self._found.sources.get(model.card.sop_instance_uid)
        if source == SERVER or holding.inCache:
            return self._server or _("cache")
        if source == DATABASE or holding.inDatabase:
            return _("DICOM database")
        return str(holding.folders[0]) if holding.folders else _("unknown")

    @property
    def _chosen(self) -> Model | None:
        row = self.ui.manageTable.currentRow()
        isSelected = bool(self.ui.manageTable.selectionModel().selectedRows())
        return self._rows[row][0] if isSelected and 0 <= row < len(self._rows) else None

    def _showChosen(self) -> None:
        model, text = self._chosen, ""
        canGet = canRemove = False
        if model is not None and self._found is not None:
            holding = holdingOf(model)
            canGet = model.card.sop_instance_uid in self._found.onServer and not holding.inDatabase
            # The card of a server is no model yet, and known again when it is asked the next time.
            canRemove = any(path != model.card.path for path in holding.files)
            canRemove = canRemove or not holding.inCache
            text = "\n".join(map(str, holding.folders))
        self.ui.getButton.enabled = canGet
        self.ui.removeButton.enabled = canRemove
        say(self.ui.manageLabel, text)

    def _get(self) -> None:
        model = self._chosen
        if model is None:
            return
        try:
            gathering = self._logic.startGetting(model, self._server)
        except Exception as error:
            self._fail(error)
            return
        text = _("Getting {model} from {server}").format(model=model.label, server=self._server)
        ImportProgress(gathering, text, self._logic.finishImport, lambda _models: self._refresh())

    def _remove(self) -> None:
        model = self._chosen
        if model is None:
            return
        holding = holdingOf(model)
        places = "\n".join(map(str, holding.folders))
        more = _("{count} files of {size} are deleted, in:\n{places}").format(
            count=len(holding.files), size=holding_text.size(holding.size), places=places
        )
        question = _("Remove {model} from this computer?").format(model=model.label)
        if not confirmed(question, more, _("Remove")):
            return
        try:
            self._logic.removeModel(model)
        except Exception as error:
            self._fail(error)
        else:
            self._refresh()

    def _importFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self._dialog, _("Folder with models"))
        self._import(folder)

    def _importZip(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            self._dialog, _("ZIP file with models"), "", _("ZIP files (*.zip)")
        )
        self._import(path)

    def _import(self, path: str) -> None:
        if path:
            importPaths(self._logic, [Path(path)], lambda _models: self._refresh())

    def _fail(self, error: Exception) -> None:
        logging.error("IODeep: %s", error, exc_info=error)
        say(self.ui.manageLabel, errorText(error), RED)
