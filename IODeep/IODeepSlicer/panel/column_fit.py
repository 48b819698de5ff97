"""A table without scrolling sideways: as long as it is too narrow, it does without some columns."""

from __future__ import annotations

from collections.abc import Sequence

import qt


class ColumnFit:
    """Watches a table's width; the first column takes what the others leave."""

    def __init__(self, table: qt.QTableWidget) -> None:
        self._table = table
        self._spared: Sequence[int] = ()
        self._width = 0
        table.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        table.horizontalHeader().connect("geometriesChanged()", self._onGeometry)

    def use(self, spared: Sequence[int]) -> None:
        """The table has another content; it can do without these columns, the first ones first."""
        self._spared = spared
        self._fit()

    def _onGeometry(self) -> None:
        if self._table.viewport().width != self._width:
            self._fit()

    def _fit(self) -> None:
        table, header = self._table, self._table.horizontalHeader()
        self._width = table.viewport().width
        for column in range(table.columnCount):
            table.setColumnHidden(column, False)
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        widths = [table.columnWidth(column) for column in range(table.columnCount)]
        for column in self._spared:
            if sum(widths) <= self._width:
                break
            widths[column] = 0
            table.setColumnHidden(column, True)
        if widths:
            header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
