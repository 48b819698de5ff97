"""The table of what was found."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

_MOST_ROWS = 10  # shown without scrolling


def showResult(
    table: qt.QTableWidget, node: slicer.vtkMRMLSegmentationNode, document: dict[str, Any]
) -> None:
    """Show every label with its colour and volume; those that were not found too."""
    segmentation = node.GetSegmentation()
    colours = {}
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        colours[segment.GetName()] = segment.GetColor()
    volumes = document["volumes_ml"]
    table.setColumnCount(2)
    table.setHorizontalHeaderLabels((_("Found"), _("Volume")))
    table.verticalHeader().hide()
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setSelectionMode(qt.QAbstractItemView.NoSelection)
    table.setShowGrid(False)
    table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
    table.setRowCount(len(volumes))
    for row, (name, millilitres) in enumerate(volumes.items()):
        item = qt.QTableWidgetItem(name)
        if name in colours:
            pixmap = qt.QPixmap(14, 14)
            pixmap.fill(qt.QColor.fromRgbF(*colours[name]))
            item.setIcon(qt.QIcon(pixmap))
        table.setItem(row, 0, item)
        text = _("{v:.1f} ml").format(v=millilitres) if millilitres else _("not found")
        volume = qt.QTableWidgetItem(text)
        volume.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        table.setItem(row, 1, volume)
    rows = min(len(volumes), _MOST_ROWS)
    height = table.verticalHeader().defaultSectionSize * rows
    table.setFixedHeight(height + table.horizontalHeader().height + 6)
