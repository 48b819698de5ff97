"""What is measured in the segments of a result, in columns, and as a table node.

The numbers are those of `iodeep run` (`measurements.csv`); columns that Slicer's Segment Statistics
has too have its names. It is not asked itself: it looks at the whole image for each segment while
the window stands still, and overlooks what transforms do to a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.measured import Measured
from IODeepSlicer.scene.segments import Origin, SegmentNow
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import tame

# From a segmentation node to the table of its measurements.
TABLE_ROLE = "IODeep.Measurements"

SEGMENT, VOLUME, BY_HAND = "Segment", "Volume cm3", "By hand"


@dataclass(frozen=True)
class Column:
    """A column with a value for each segment.

    Attributes:
        name: for programs.
        title: for people.
        unit: of numbers; "" for none.
        values: texts, or numbers, which are None where nothing is known.
    """

    name: str
    title: str
    unit: str
    values: Sequence[str] | Sequence[float | None]


def columnsOf(found: Sequence[SegmentNow], measured: Measured | None) -> list[Column]:
    """What is known of segments: name, volume, what was measured, and what was done by hand.

    Args:
        found: the segments.
        measured: None as long as nothing was.
    """
    columns = [Column(SEGMENT, _("Segment"), "", [tame(each.name) for each in found])]
    if any(each.milliliters is not None for each in found):
        milliliters = [each.milliliters for each in found]
        columns.append(Column(VOLUME, _("Volume"), "mL", milliliters))
    if measured is not None:
        for key, name, title, unit in (*figureColumns(measured.unit), *_uptakeColumns()):
            values = [measured.figures.get(each.id, {}).get(key) for each in found]
            if any(value is not None for value in values):
                columns.append(Column(name, title, unit, values))
    if any(each.origin is not Origin.FOUND for each in found):
        columns.append(Column(BY_HAND, _("By hand"), "", [byHand(each.origin) for each in found]))
    return columns


def figureColumns(unit: str) -> list[tuple[str, str, str, str]]:
    """(name of the figure, name, title and unit of its column) of what is measured in any image.

    Args:
        unit: of the image's values.
    """
    return [
        ("mean", "Mean", _("Mean"), unit),
        ("stdev", "Standard deviation", _("Standard Deviation"), unit),
        ("minimum", "Minimum", _("Minimum"), unit),
        ("median", "Median", _("Median"), unit),
        ("maximum", "Maximum", _("Maximum"), unit),
        ("long_axis_mm", "Longest axial diameter mm", _("Longest axial diameter"), "mm"),
        ("short_axis_mm", "Diameter across mm", _("Diameter across"), "mm"),
        ("surface_mm2", "Surface area mm2", _("Surface area"), "mm²"),
        ("voxels", "Voxel count", _("Voxel count"), ""),
    ]


def _uptakeColumns() -> list[tuple[str, str, str, str]]:
    """The same of SUV by body weight, which few images let be known."""
    return [
        ("suv_mean", "SUVbw mean", _("SUVbw mean"), "g/ml"),
        ("suv_stdev", "SUVbw standard deviation", _("SUVbw standard deviation"), "g/ml"),
        ("suv_minimum", "SUVbw minimum", _("SUVbw minimum"), "g/ml"),
        ("suv_median", "SUVbw median", _("SUVbw median"), "g/ml"),
        ("suv_maximum", "SUVbw maximum", _("SUVbw maximum"), "g/ml"),
    ]


def createSegmentTable(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    found: Sequence[SegmentNow],
    measured: Measured,
) -> slicer.vtkMRMLTableNode:
    """Put what was measured in each segment into a table node; it replaces a former one.

    Args:
        segmentationNode: a segmentation of IODeep.
        found: its segments.
        measured: what was measured of them.

    Returns:
        A table node below the segmentation, with `columnsOf` it.
    """
    table = tableOf(segmentationNode) or _newTable(segmentationNode)
    table.RemoveAllColumns()
    table.SetUseColumnTitleAsColumnHeader(True)
    for column in columnsOf(found, measured):
        _add(table, column)
    return table


def byHand(origin: Origin) -> str:
    """What was done by hand, in a word; "" for nothing."""
    return {Origin.FOUND: "", Origin.EDITED: _("edited"), Origin.ADDED: _("added")}[origin]


def tableOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode | None:
    """The measurements of this segmentation, if there are any in the scene."""
    return segmentationNode.GetNodeReference(TABLE_ROLE)


def _add(table: slicer.vtkMRMLTableNode, column: Column) -> None:
    """A column of numbers; of texts where one of them is none."""
    numbers = [value for value in column.values if isinstance(value, (int, float))]
    content: Any = vtk.vtkStringArray()
    if len(numbers) == len(column.values):
        content = vtk.vtkDoubleArray()
        for number in numbers:
            content.InsertNextValue(number)
    else:
        for value in column.values:
            content.InsertNextValue(value if isinstance(value, str) else _text(value))
    content.SetName(column.name)
    table.AddColumn(content)
    table.SetColumnTitle(column.name, column.title)
    if column.unit:
        table.SetColumnUnitLabel(column.name, column.unit)


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _newTable(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode:
    table = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLTableNode",
        slicer.mrmlScene.GenerateUniqueName(f"{segmentationNode.GetName()} statistics"),
    )
    segmentationNode.SetNodeReferenceID(TABLE_ROLE, table.GetID())
    nodes.putUnder(segmentationNode, table)
    return table
