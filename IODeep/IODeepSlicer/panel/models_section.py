"""The section *Models*: those at hand, the best first, and what to know of the chosen one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from IODeepSlicer.panel.in_turns import InTurns
from IODeepSlicer.panel.manage_window import ManageWindow
from IODeepSlicer.panel.model_table import ModelTable
from IODeepSlicer.panel.publisher_row import PublisherRow
from IODeepSlicer.panel.server_cards import ServerCards
from IODeepSlicer.panel.weights_row import WeightsRow
from IODeepSlicer.panel.widgets import loadUI, offer, say, silent
from IODeepSlicer.sources.known_models import rememberSeen, wasSeen
from IODeepSlicer.sources.models import FoundModels, findModels, readAhead, readingAhead
from IODeepSlicer.sources.recent_servers import recentServers
from IODeepSlicer.sources.servers import ensureFor, isServer, serverNames
from IODeepSlicer.text import card_text, fit_text, holding_text, trust_text
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Candidate, Selection


class ModelsSection:
    """`parameters` is set and taken away by the panel.

    Args:
        logic: the module's logic.
        changed: called when another model is chosen, or the same one is to be shown again.
        refresh: called when models shall be looked for again.
    """

    def __init__(
        self, logic: Any, changed: Callable[[], None], refresh: Callable[[], None]
    ) -> None:
        self.root, self.ui = loadUI("Models")
        self.parameters: Any = None
        self._logic, self._changed, self._refresh = logic, changed, refresh
        self._found: FoundModels | None = None
        self._foundFor = ""
        self._problem = ""
        self._names: list[str] = []
        self._shownSource: str | None = None
        self._cards = ServerCards(logic, self._onServerCards)
        self._ahead = InTurns(self._onReadAhead)
        self._next = ""  # where models are looked for once its files are read
        self._window: ManageWindow | None = None
        self._wanted = ""  # a model by its label, as soon as it is found
        self._selection: Selection | None = None
        self._shownModel: Model | None = None
        for part in (self.ui.cardGroupBox, self.ui.publisherFrame, self.ui.weightsFrame):
            part.visible = False
        self.ui.refreshButton.setIcon(
            qt.QApplication.style().standardIcon(qt.QStyle.SP_BrowserReload)
        )
        self._table = ModelTable(self.ui.modelTable)
        self.ui.modelTable.connect("itemSelectionChanged()", self._onChosen)
        self.ui.searchBox.connect("textChanged(QString)", self._onSearch)
        source = self.ui.sourceComboBox
        source.lineEdit().placeholderText = _("folder, server or address")
        source.lineEdit().clearButtonEnabled = True
        source.lineEdit().connect("textChanged(QString)", self._onSourceText)
        source.lineEdit().connect("returnPressed()", self._lookAgain)
        source.connect("activated(int)", lambda _index: self._lookAgain())
        self.ui.folderButton.setIcon(qt.QApplication.style().standardIcon(qt.QStyle.SP_DirOpenIcon))
        self.ui.folderButton.connect("clicked()", self._onFolder)
        self.ui.refreshButton.connect("clicked()", self._lookAgain)
        self.ui.manageButton.connect("clicked()", self._onManage)
        self._publisher = PublisherRow(self.ui)
        self._weights = WeightsRow(self.ui, self._lookIn, refresh)

    @property
    def chosen(self) -> Candidate | None:
        """The model of the selected row, with what speaks for and against it."""
        return self._table.chosen

    @property
    def selected(self) -> list[Model]:
        """The models of all selected rows, in the order of the table."""
        return [candidate.model for candidate in self._table.selected]

    @property
    def models(self) -> tuple[Model, ...]:
        """All models at hand, also those that may have made a result before they were retired."""
        if self._found is None:
            return ()
        return (*self._found.models, *(model for model, _ in self._found.retired))

    @property
    def server(self) -> str | None:
        """Where the weights of the chosen model come from if they are not here."""
        if self.chosen is None or self._found is None:
            return None
        onServer = self.chosen.model.card.sop_instance_uid in self._found.onServer
        return self._foundFor if onServer else None

    def forget(self) -> None:
        """Look for models again, but ask no server, before they are shown the next time."""
        self._found = None

    def cleanup(self) -> None:
        """The panel goes."""
        self._ahead.stop()
        self._cards.cleanup()
        self._publisher.cleanup()
        if self._window is not None:
            self._window.cleanup()

    def choose(self, cardSOPInstanceUID: str) -> None:
        """Choose the model with this card, whether it fits or not."""
        self.ui.searchBox.text = ""
        self.parameters.cardSOPInstanceUID = cardSOPInstanceUID

    def chooseByLabel(self, label: str, source: str) -> None:
        """Choose the model of this name and version as soon as it is found.

        Args:
            label: `name@version`, or the name alone for its newest version.
            source: where it is looked for beside the DICOM database; "" for nowhere.
        """
        self._wanted = label
        if source:
            self._lookIn(source)
        else:
            self._refresh()

    def forgetUnfitting(self) -> None:
        """The choice was made for another image: it goes if that model does not fit this one."""
        chosen = self.parameters.cardSOPInstanceUID
        fitting = self._selection.fitting if self._selection is not None else ()
        if chosen and all(each.model.card.sop_instance_uid != chosen for each in fitting):
            self.parameters.cardSOPInstanceUID = ""

    def select(self, volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Hold the models against the image."""
        source = self.parameters.modelSource
        found = self._found
        if found is None or source != self._foundFor:
            found = self._find(source)
        self._selection = None
        if volumeNode is not None:
            self._selection = self._logic.select(volumeNode, found.models)

    def _find(self, source: str) -> FoundModels:
        from IODeepLib.errors import IODeepError

        self._foundFor = source
        names, problem = serverNames()
        self._names = list(dict.fromkeys((*names, *recentServers())))
        folder: str | None = None
        cards: Sequence[Path] = ()
        try:
            if source and isServer(source):
                cards, problem = self._cards.of(source), self._cards.message(source)
            else:
                folder = source
        except IODeepError as error:
            problem = errorText(error)
        try:
            found = findModels(folder, cards)
        except IODeepError as error:  # nobody can say who is trusted, or there is no such folder
            found, problem = FoundModels((), {}, frozenset(), (), ()), errorText(error)
        self._found = found
        self._problem = "\n".join(filter(None, (problem, *found.problems)))
        return found

    def show(self) -> None:
        """Show what was selected."""
        if self._found is None:
            return  # they are just being looked for
        self._takeWanted(self._found)
        self._showSource()
        candidates = self._candidates()
        with silent(self.ui.modelTable):
            self._table.show(candidates, self._found, self.ui.searchBox.text)
            if not self._table.choose(self.parameters.cardSOPInstanceUID):
                self._preselect()
        say(self.ui.modelsLabel, "\n".join(filter(None, (self._text(self._found), self._problem))))
        model = self.chosen.model if self.chosen is not None else None
        self._showCard(model)
        self._publisher.show(model)
        self._weights.show(model if self.server is None else None, self._found)
        if self._window is not None and self._window.isShown:
            self._window.show(self._found, self._foundFor)

    def _takeWanted(self, found: FoundModels) -> None:
        if not self._wanted:
            return
        from IODeepLib.errors import UsageError
        from IODeepLib.model_object.named import models_named
        from IODeepLib.selection.ranking import version_precedence

        try:
            cards = [model.card for model in models_named(found.models, self._wanted)]
        except UsageError as error:  # of several publishers
            self._problem, self._wanted = errorText(error), ""
            return
        if cards:
            self._wanted = ""
            newest = max(cards, key=lambda card: version_precedence(card.version))
            self.choose(newest.sop_instance_uid)

    def _preselect(self) -> None:
        candidate = fit_text.preselected(self._selection) if self._selection is not None else None
        if candidate is not None:
            self._table.choose(candidate.model.card.sop_instance_uid)

    def _showSource(self) -> None:
        box, source = self.ui.sourceComboBox, self.parameters.modelSource
        typed = source == self._shownSource  # what is being typed stays
        offer(box, self._names, box.currentText if typed else source)
        self._shownSource = source

    def _showCard(self, model: Model | None) -> None:
        former, self._shownModel = self._shownModel, model
        card, before = (each.card if each is not None else None for each in (model, former))
        if before is not None and card is not before:
            rememberSeen(before)
        self.ui.cardGroupBox.visible = card is not None
        if model is None:
            self.ui.cardBrowser.html = ""
        elif former is None or model.card is not former.card or model.trust != former.trust:
            self.ui.cardBrowser.html = card_text.cardHtml(model)  # else it may have been scrolled
        if card is not None and card is not before:
            self.ui.cardGroupBox.collapsed = wasSeen(card)

    def fold(self) -> None:
        """The card of the chosen model was looked at: it makes room for what comes."""
        if self._shownModel is not None:
            rememberSeen(self._shownModel.card)
        self.ui.cardGroupBox.collapsed = True

    def _candidates(self) -> list[Candidate]:
        """Those to be shown: the fitting ones, the chosen one, and all others on demand.

        One that is not run for its publisher alone is shown, so that it is not missed.
        """
        if self._selection is None:
            return []
        chosen = self.parameters.cardSOPInstanceUID
        return [
            candidate
            for candidate in self._selection.candidates
            if (trust_text.isTrusted(candidate.model.trust) or not self.parameters.trustedOnly)
            and (
                candidate.judgement.fits
                or self.parameters.showUnfitting
                or candidate.model.card.sop_instance_uid == chosen
            )
        ]

    def _text(self, found: FoundModels) -> str:
        """What the table alone does not say."""
        chosen = self.parameters.cardSOPInstanceUID
        for model, notice in found.retired:
            if model.card.sop_instance_uid == chosen or not found.models:
                return _("{model} is retired ({notice}), and not offered any more.").format(
                    model=model.label, notice=notice
                )
        if not found.models:
            if self._problem:
                return ""
            return _(
                "There are no models yet. Import models into the DICOM database, or choose a "
                "folder that holds some."
            )
        if self._selection is None:
            return _("{count} models are at hand. Load an image to see which of them fit.").format(
                count=len(found.models)
            )
        candidates = self._selection.candidates
        hidden = sum(not candidate.judgement.fits for candidate in candidates)
        if hidden == len(candidates):
            return _("None of {count} models fits this image.").format(count=hidden)
        lines = [] if self.chosen is not None else [fit_text.tie(self._selection)]
        if not self._selection.fitting:
            lines.append(_("No model that fits this image is of a trusted publisher: none is run."))
        if hidden and not self.parameters.showUnfitting:
            lines.append(_("Not shown because they don't fit: {count}.").format(count=hidden))
        others = sum(not trust_text.isTrusted(each.model.trust) for each in candidates)
        if others and self.parameters.trustedOnly:
            lines.append(_("Not shown because they are not trusted: {count}.").format(count=others))
        if self.chosen is not None:
            newer = holding_text.newerThan(self.chosen.model, found.models)
            if newer is not None:
                lines.append(holding_text.newerText(newer, missing=bool(newer.missing_parts)))
        return "\n".join(filter(None, lines))

    def _onChosen(self) -> None:
        if self.chosen is None or self.parameters is None:
            return
        uid = self.chosen.model.card.sop_instance_uid
        if uid == self.parameters.cardSOPInstanceUID:
            self._changed()  # more of them are selected, or fewer
        self.parameters.cardSOPInstanceUID = uid

    def _onSearch(self, _words: str) -> None:
        if self.parameters is not None and self._found is not None:
            self.show()
            self._changed()

    def _onFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder with models")
        )
        if folder:
            self._lookIn(folder)

    def _onManage(self) -> None:
        if self._window is None:
            self._window = ManageWindow(self._logic, self._refresh)
        found = self._find(self.parameters.modelSource)  # others may have come meanwhile
        self._window.show(found, self._foundFor)
        self._window.open()

    def _onSourceText(self, text: str) -> None:
        if not text and self.parameters is not None and self.parameters.modelSource:
            self._lookIn("")

    def _lookAgain(self) -> None:
        self._lookIn(self.ui.sourceComboBox.currentText.strip())

    def _lookIn(self, source: str) -> None:
        """A person wants the models there; if it is a server, it is asked now."""
        try:
            if source:
                ensureFor(source)
                if isServer(source):
                    self._cards.ask(source)
        except Exception as error:
            say(self.ui.modelsLabel, errorText(error), RED)
            return
        self._next = source
        if not source or isServer(source):  # its cards come later
            self._ahead.stop()
            self._onReadAhead()
            return
        self._ahead.begin(readingAhead(source))
        if self._ahead.isAtWork:
            say(self.ui.modelsLabel, _("Looking in {folder}…").format(folder=source))

    def _onServerCards(self) -> None:
        source = self.parameters.modelSource if self.parameters is not None else ""
        if self._ahead.isAtWork and self._next != source:
            return  # another place was chosen meanwhile
        self._next = source
        self._ahead.begin(partial(readAhead, path) for path in self._cards.of(source))

    def _onReadAhead(self) -> None:
        if self.parameters is None:
            return  # the panel was left meanwhile
        if self.parameters.modelSource == self._next:
            self._refresh()
        else:
            self.forget()
            self.parameters.modelSource = self._next  # and so it is looked there
