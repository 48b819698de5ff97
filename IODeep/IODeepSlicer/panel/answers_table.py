"""The table of what a trained network does not say of itself: a row a question, with its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import qt

from IODeepSlicer.panel.turns import later
from IODeepSlicer.panel.widgets import setTip, silent
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines
from IODeepSlicer.work.convert_job import Question

_MOST_ROWS = 8  # shown without scrolling
_QUESTION, _ANSWER = range(2)


class AnswersTable:
    """Keeps what was answered when other questions come; `changed` is called with each answer."""

    def __init__(self, table: qt.QTableWidget, changed: Callable[[], None]) -> None:
        self._table = table
        self._questions: tuple[Question, ...] = ()
        table.setColumnCount(2)
        table.setHorizontalHeaderLabels((_("What only you know"), _("Answer")))
        table.verticalHeader().hide()
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        header = table.horizontalHeader()
        header.setSectionResizeMode(_QUESTION, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(_ANSWER, qt.QHeaderView.Stretch)
        table.connect("itemChanged(QTableWidgetItem*)", lambda _item: changed())
        table.visible = False

    @property
    def answers(self) -> list[str]:
        """What was answered, each as "PATH=VALUE"."""
        given = zip(self._questions, self._texts(), strict=True)
        return [f"{question.path}={text}" for question, text in given if text]

    @property
    def isComplete(self) -> bool:
        """Whether every question has an answer."""
        return all(self._texts())

    def clear(self) -> None:
        """Another network."""
        self._questions = ()
        self._table.setRowCount(0)
        self._table.visible = False

    def add(self, questions: Sequence[Question]) -> None:
        """Ask these, too."""
        known = {question.path for question in self._questions}
        new = tuple(question for question in questions if question.path not in known)
        table, first = self._table, len(self._questions)
        self._questions += new
        with silent(table):
            table.setRowCount(len(self._questions))
            for row, question in enumerate(new, first):
                item = qt.QTableWidgetItem(inLines(question.why))
                item.setFlags(qt.Qt.ItemIsEnabled)
                setTip(item, f"{question.path}\n{question.why}")
                table.setItem(row, _QUESTION, item)
                answer = qt.QTableWidgetItem("")
                setTip(answer, _("For example: {example}").format(example=question.example))
                table.setItem(row, _ANSWER, answer)
        table.visible = bool(self._questions)
        later(self._fit)  # once its columns have their widths

    def _fit(self) -> None:
        table = self._table
        table.resizeRowsToContents()
        shown = range(min(table.rowCount, _MOST_ROWS))
        height = sum(table.rowHeight(row) for row in shown)
        table.setFixedHeight(height + table.horizontalHeader().height + 6)

    def _texts(self) -> list[str]:
        rows = range(len(self._questions))
        return [self._table.item(row, _ANSWER).text().strip() for row in rows]
