"""The table of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer

from IODeepSlicer.panel.widgets import setTip
from IODeepSlicer.scene.measured import Measured, unitOf
from IODeepSlicer.scene.nodes import textsOf
from IODeepSlicer.scene.segment_table import (
    BY_HAND,
    SEGMENT,
    VOLUME,
    Column,
    columnsOf,
    figureColumns,
)
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines, tableText, tame

_MOST_ROWS = 10  # shown without scrolling
_NO_UNIT = "no units"  # what Slicer's reader says of MR
# Columns that a narrow table does without, the first ones first; the tooltip of a row and the
# clipboard have them all.
_SPARED = (
    *("SUVbw standard deviation", "SUVbw minimum", "SUVbw median"),
    *("Voxel count", "Surface area mm2", "Minimum", "Maximum", "Median"),
    *("Diameter across mm", "Standard deviation", "Longest axial diameter mm", "SUVbw maximum"),
)
_PENDING = "…"


def showSegments(
    table: qt.QTableWidget,
    node: slicer.vtkMRMLSegmentationNode,
    document: dict[str, Any],
    found: Sequence[SegmentNow] | None,
    measured: Measured | None,
    *,
    isMeasuring: bool,
) -> list[int]:
    """Show what is known of every segment, and which labels were looked for and are not there.

    Args:
        table: where.
        node: the segmentation.
        document: of its run.
        found: its segments; None while they are looked at, when only their names are known.
        measured: what was measured of them, if anything.
        isMeasuring: whether they are being measured.

    Returns:
        The columns that a narrow table can do without, the first ones first.
    """
    if found is None:
        segmentation = node.GetSegmentation()
        names = [segmentation.GetSegment(id_).GetName() for id_ in segmentation.GetSegmentIDs()]
        columns = [
            Column(SEGMENT, _("Segment"), "", names),
            Column(VOLUME, _("Volume"), "mL", [_PENDING] * len(names)),
        ]
    else:
        columns = columnsOf(found, measured)
    if found is None or isMeasuring:
        pending = [_PENDING] * len(columns[0].values)
        place = next((i for i, each in enumerate(columns) if each.name == BY_HAND), len(columns))
        columns[place:place] = [
            Column(name, title, unit, pending)
            for _figure, name, title, unit in figureColumns(unitOf(document))
        ]
    rows = [[*map(_shown, row)] for row in zip(*(each.values for each in columns), strict=True)]
    absent = dict.fromkeys(textsOf(document, "missing"), _("not found"))
    if found is not None:
        absent |= dict.fromkeys(_removed(document, found), _("removed"))
    for name, what in absent.items():
        rows.append([name, what, *[""] * (len(columns) - 2)][: max(2, len(columns))])
    titles = [_titled(each.title, each.unit) for each in columns]
    if absent and len(columns) == 1:
        titles.append("")
    _fill(table, titles, rows)
    _color(table, node)
    return _spared([each.name for each in columns])


def _removed(document: dict[str, Any], found: Sequence[SegmentNow]) -> list[str]:
    """The names of labels that the network found and that have no segment any more."""
    there = {str(each.value) for each in found}
    labels, missing = document.get("labels"), textsOf(document, "missing")
    if not isinstance(labels, dict):
        return []
    return [n for value, n in labels.items() if value not in there and n not in missing]


def showTable(table: qt.QTableWidget, node: slicer.vtkMRMLTableNode) -> None:
    """Show a table node."""
    content = node.GetTable()
    columns = range(content.GetNumberOfColumns())
    titles = [_title(node, content.GetColumnName(column)) for column in columns]
    rows = [
        [_cell(content.GetValue(row, column)) for column in columns]
        for row in range(content.GetNumberOfRows())
    ]
    _fill(table, titles, rows)


def copyTable(table: qt.QTableWidget) -> None:
    """Put what `table` shows on the clipboard, as a spreadsheet takes it."""
    columns = range(table.columnCount)
    lines = [[table.horizontalHeaderItem(column).data(qt.Qt.UserRole) for column in columns]]
    for row in range(table.rowCount):
        lines.append([table.item(row, column).text() for column in columns])
    slicer.app.clipboard().setText(tableText(lines))


def _title(node: slicer.vtkMRMLTableNode, column: str) -> str:
    return _titled(node.GetColumnTitle(column) or column, node.GetColumnUnitLabel(column))


def _titled(title: str, unit: str | None) -> str:
    return f"{title} [{unit}]" if unit and unit != _NO_UNIT else title


def _cell(value: Any) -> str:
    return value.ToString() if value.IsString() else _shown(value.ToDouble())


def _shown(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.0f}" if value == round(value) else f"{value:.5g}"


def _spared(names: Sequence[str]) -> list[int]:
    return [names.index(name) for name in _SPARED if name in names]


def _fill(table: qt.QTableWidget, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table.setColumnCount(len(titles))
    for column, title in enumerate(titles):
        item = qt.QTableWidgetItem(_short(title))
        item.setData(qt.Qt.UserRole, title)  # for the clipboard
        setTip(item, title)
        table.setHorizontalHeaderItem(column, item)
    table.verticalHeader().hide()
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setSelectionMode(qt.QAbstractItemView.NoSelection)
    table.setShowGrid(False)
    table.setRowCount(len(rows))
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            item = qt.QTableWidgetItem(inLines(text))
            if column > 0:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            setTip(item, "\n".join(map(": ".join, zip(titles, cells, strict=True))))
            table.setItem(row, column, item)
    height = table.verticalHeader().defaultSectionSize * min(len(rows), _MOST_ROWS)
    table.setFixedHeight(height + table.horizontalHeader().sizeHint.height() + 6)


def _short(title: str) -> str:
    """A title for a narrow column: in common short forms, the unit below."""
    forms = {
        _("Standard Deviation"): _("SD"),
        _("Minimum"): _("Min"),
        _("Maximum"): _("Max"),
        _("Voxel count"): _("Voxels"),
        _("Longest axial diameter"): _("Long axis"),
        _("Diameter across"): _("Short axis"),
        _("Surface area"): _("Surface"),
    }
    name, bracket, unit = title.partition(" [")
    return f"{forms.get(name, name)}\n[{unit}" if bracket else forms.get(name, name)


def _color(table: qt.QTableWidget, node: slicer.vtkMRMLSegmentationNode) -> None:
    """Put the segments' colors before their names."""
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetSegment(id_) for id_ in segmentation.GetSegmentIDs()]
    colors = {segment.GetName(): segment.GetColor() for segment in segments}
    for row in range(table.rowCount):
        color = colors.get(tame(table.item(row, 0).text()))
        if color is not None:
            pixmap = qt.QPixmap(14, 14)
            pixmap.fill(qt.QColor.fromRgbF(*color))
            table.item(row, 0).setIcon(qt.QIcon(pixmap))
