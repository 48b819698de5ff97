"""The table of models in the panel, ranked by fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import qt

from IODeepSlicer.panel.trust_icon import trustIcon
from IODeepSlicer.panel.widgets import setHtmlTip, setTip, tableOfRows
from IODeepSlicer.sources.models import DATABASE, FOLDER, SERVER, FoundModels
from IODeepSlicer.text import card_text, fit_text, trust_text
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines

if TYPE_CHECKING:
    from IODeepLib.selection import Candidate

_FIT, _TITLE, _ANATOMY, _LABELS, _VERSION, _SOURCE = range(6)
_LOWEST, _HIGHEST = 70, 220  # pixels of all rows together; more are scrolled
# Columns that a narrow table does without, and below which width in pixels; tooltips have it all.
_SPARED = {_SOURCE: 400, _VERSION: 400, _ANATOMY: 330}


class ModelTable:
    """Fills a QTableWidget with candidates and tells which one is chosen."""

    def __init__(self, table: qt.QTableWidget) -> None:
        self._table = table
        self._shown: list[Candidate] = []
        self._found: FoundModels | None = None
        self._places = {DATABASE: _("database"), FOLDER: _("folder"), SERVER: _("server")}
        titles = (_("Fit"), _("Model"), _("Anatomy"), _("Finds"), _("Version"), _("Source"))
        tableOfRows(table, titles)
        table.setSelectionMode(qt.QAbstractItemView.ExtendedSelection)
        table.setAlternatingRowColors(True)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        self._resize(qt.QHeaderView.ResizeToContents)
        for column in (_TITLE, _LABELS):
            header.setSectionResizeMode(column, qt.QHeaderView.Stretch)
        header.connect("geometriesChanged()", self._fitColumns)

    def show(self, candidates: Sequence[Candidate], found: FoundModels, words: str) -> None:
        """Show those `candidates` of `found` in which all `words` occur, in their order."""
        wanted = words.casefold().split()
        shown = [c for c in candidates if all(word in _searched(c) for word in wanted)]
        if list(map(id, shown)) == list(map(id, self._shown)) and found is self._found:
            return  # filling a long table takes a while
        self._shown, self._found = shown, found
        self._table.setRowCount(len(self._shown))
        self._resize(qt.QHeaderView.Fixed)  # or each new cell has all others measured
        for row, (candidate, title) in enumerate(zip(shown, _titles(shown), strict=True)):
            self._fill(row, candidate, title, found)
        self._resize(qt.QHeaderView.ResizeToContents)
        self._table.resizeRowsToContents()
        height = sum(self._table.rowHeight(row) for row in range(len(self._shown)))
        height = max(_LOWEST, min(height, _HIGHEST))
        self._table.setFixedHeight(height + self._table.horizontalHeader().height + 6)

    def _resize(self, mode: int) -> None:
        for column in (_FIT, _ANATOMY, _VERSION, _SOURCE):
            self._table.horizontalHeader().setSectionResizeMode(column, mode)

    def _fitColumns(self) -> None:
        for column, width in _SPARED.items():
            self._table.setColumnHidden(column, self._table.width < width)

    def _fill(self, row: int, candidate: Candidate, title: str, found: FoundModels) -> None:
        card = candidate.model.card
        onServer = card.sop_instance_uid in found.onServer
        badge, color = fit_text.badge(candidate, onServer=onServer)
        texts = (
            badge,
            title,
            card_text.anatomy(card),
            card_text.fewLabels(card),
            card.version,
            self._places[found.sources[card.sop_instance_uid]],
        )
        labels, trust = card_text.labels(card), candidate.model.trust
        reasons = f"{trust_text.tipHtml(trust)}<br>{fit_text.reasonsHtml(candidate)}"
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(inLines(text))
            if column == _LABELS:
                setTip(item, labels)
            else:
                setHtmlTip(item, reasons)
            if column == _FIT:
                item.setIcon(_dot(color))
            if column == _TITLE:
                item.setIcon(trustIcon(trust_text.badge(trust)))
                spoken = f"{item.text()}: {trust_text.word(trust)}"
                item.setData(qt.Qt.AccessibleTextRole, spoken)
            if column != _FIT and not candidate.fits:
                item.setForeground(qt.QBrush(qt.QColor(fit_text.GRAY)))
            self._table.setItem(row, column, item)

    @property
    def chosen(self) -> Candidate | None:
        """The candidate of the selected row."""
        row = self._table.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    @property
    def selected(self) -> list[Candidate]:
        """The candidates of all selected rows, from top to bottom."""
        rows = {index.row() for index in self._table.selectionModel().selectedRows()}
        return [candidate for row, candidate in enumerate(self._shown) if row in rows]

    def choose(self, cardSOPInstanceUID: str) -> bool:
        """Select the model with this card; False where it is not shown.

        If it is the chosen one already, others that a person selected beside it stay so.
        """
        for row, candidate in enumerate(self._shown):
            if candidate.model.card.sop_instance_uid == cardSOPInstanceUID:
                if row != self._table.currentRow() or candidate not in self.selected:
                    self._table.setCurrentCell(row, _TITLE)
                return True
        self._table.setCurrentItem(None)
        self._table.clearSelection()
        return False


def _titles(candidates: Sequence[Candidate]) -> list[str]:
    """With the publishers of those that a person could take for each other."""
    from IODeepLib.model_object.shown_names import shown_titles

    return shown_titles([candidate.model for candidate in candidates])


def _searched(candidate: Candidate) -> str:
    from IODeepLib.model_object.shown_names import publisher_of

    card = candidate.model.card
    parts = (
        card.title,
        card.label,
        *card.modalities,
        card_text.anatomy(card),
        card_text.labels(card),
        publisher_of(candidate.model),
    )
    return " ".join(parts).casefold()


def _dot(color: str) -> qt.QIcon:
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    painter.setPen(qt.Qt.NoPen)
    painter.setBrush(qt.QBrush(qt.QColor(color)))
    painter.drawEllipse(1, 1, 10, 10)
    painter.end()
    icon = qt.QIcon(pixmap)
    icon.addPixmap(pixmap, qt.QIcon.Selected)  # in its own color there, too
    return icon
