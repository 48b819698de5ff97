"""The table of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer

from IODeepSlicer.panel.widgets import setTip
from IODeepSlicer.scene.nodes import textsOf
from IODeepSlicer.scene.segment_table import byHand
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines, tableText, tame

_MOST_ROWS = 10  # shown without scrolling
_NO_UNIT = "no units"  # what Slicer's reader says of MR
# Columns of measurements that a narrow table does without, the first ones first; the tooltip of a
# row and the clipboard have them all.
_SPARED = ("Voxel count", "Minimum", "Maximum", "Median", "Standard deviation")


def showVolumes(
    table: qt.QTableWidget,
    node: slicer.vtkMRMLSegmentationNode,
    document: dict[str, Any],
    found: Sequence[SegmentNow] | None,
) -> None:
    """Show the volume of every segment, and which labels were looked for and are not there.

    Args:
        table: where.
        node: the segmentation.
        document: of its run.
        found: its segments; None while they are looked at, when only their names are known.
    """
    if found is None:
        segmentation = node.GetSegmentation()
        names = [segmentation.GetSegment(id_).GetName() for id_ in segmentation.GetSegmentIDs()]
        rows = [(name, "…", "") for name in names]
    else:
        rows = [(each.name, _volume(each), byHand(each.origin)) for each in found]
        rows += [(name, _("empty"), _("removed")) for name in _removed(document, found)]
    rows += [(name, _("not found"), "") for name in textsOf(document, "missing")]
    titles = [_("Found"), _("Volume"), _("By hand")]
    columns = 3 if any(last for *_rest, last in rows) else 2
    _fill(table, titles[:columns], [row[:columns] for row in rows])
    _color(table, node)


def _volume(segment: SegmentNow) -> str:
    if segment.voxels == 0:
        return _("empty")
    if segment.milliliters is None:
        return _("found; size not known")
    return _("{volume:.1f} mL").format(volume=segment.milliliters)


def _removed(document: dict[str, Any], found: Sequence[SegmentNow]) -> list[str]:
    """The names of labels that the network found and that have no segment any more."""
    there = {str(each.value) for each in found}
    labels, missing = document.get("labels"), textsOf(document, "missing")
    if not isinstance(labels, dict):
        return []
    return [n for value, n in labels.items() if value not in there and n not in missing]


def showTable(
    table: qt.QTableWidget,
    node: slicer.vtkMRMLTableNode,
    segmentationNode: slicer.vtkMRMLSegmentationNode | None = None,
) -> list[int]:
    """Show a table node; where its rows are segments, with their colors.

    Returns:
        The columns that a narrow table can do without, the first ones first.
    """
    content = node.GetTable()
    columns = range(content.GetNumberOfColumns())
    titles = [_title(node, content.GetColumnName(column)) for column in columns]
    rows = [
        [_cell(content.GetValue(row, column)) for column in columns]
        for row in range(content.GetNumberOfRows())
    ]
    _fill(table, titles, rows)
    if segmentationNode is not None:
        _color(table, segmentationNode)
    names = [content.GetColumnName(column) for column in columns]
    return [names.index(name) for name in _SPARED if name in names]


def copyTable(table: qt.QTableWidget) -> None:
    """Put what `table` shows on the clipboard, as a spreadsheet takes it."""
    columns = range(table.columnCount)
    lines = [[table.horizontalHeaderItem(column).data(qt.Qt.UserRole) for column in columns]]
    for row in range(table.rowCount):
        lines.append([table.item(row, column).text() for column in columns])
    slicer.app.clipboard().setText(tableText(lines))


def _title(node: slicer.vtkMRMLTableNode, column: str) -> str:
    title, unit = node.GetColumnTitle(column) or column, node.GetColumnUnitLabel(column)
    return f"{title} [{unit}]" if unit and unit != _NO_UNIT else title


def _cell(value: Any) -> str:
    if value.IsString():
        return value.ToString()
    number = value.ToDouble()
    return f"{number:.0f}" if number == round(number) else f"{number:.5g}"


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
