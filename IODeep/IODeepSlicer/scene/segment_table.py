"""What is measured in the segments of a result, as a table node.

The columns are those of Slicer's Segment Statistics, which is not asked itself: it looks at the
whole image for each segment while the window stands still, and overlooks what transforms do to a
size.
"""

from __future__ import annotations

from collections.abc import Sequence

import slicer
import vtk

from IODeepSlicer.scene import nodes, segments
from IODeepSlicer.scene.segments import Origin, SegmentNow
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import tame

# From a segmentation node to the table of its measurements.
TABLE_ROLE = "IODeep.Measurements"


def createSegmentTable(
    segmentationNode: slicer.vtkMRMLSegmentationNode, found: Sequence[SegmentNow] | None = None
) -> slicer.vtkMRMLTableNode:
    """Put what was measured in each segment into a table; it replaces a former one.

    Args:
        segmentationNode: a segmentation of IODeep.
        found: its segments, measured; None to measure them now.

    Returns:
        A table node below the segmentation: volume, number of voxels, mean, standard deviation,
        minimum, median and maximum of each segment, with the image's unit, and what was done by
        hand; no volume where it is not known how large a voxel is.

    Raises:
        ImageError: the image is not in the scene any more.
    """
    if found is None:
        found = segments.now(segmentationNode, measure=True)
    table = tableOf(segmentationNode) or _newTable(segmentationNode)
    table.RemoveAllColumns()
    table.SetUseColumnTitleAsColumnHeader(True)
    _addTexts(table, "Segment", _("Segment"), [tame(each.name) for each in found])
    if all(each.milliliters is not None for each in found):
        _addNumbers(table, "Volume cm3", _("Volume"), [each.milliliters for each in found], "mL")
    _addNumbers(table, "Voxel count", _("Voxel count"), [each.voxels for each in found])
    unit, measured = _unitOf(segmentationNode), [each.measured for each in found]
    for name, title, field in (
        ("Mean", _("Mean"), "mean"),
        ("Standard deviation", _("Standard Deviation"), "stdev"),
        ("Minimum", _("Minimum"), "minimum"),
        ("Median", _("Median"), "median"),
        ("Maximum", _("Maximum"), "maximum"),
    ):
        _addNumbers(table, name, title, [getattr(each, field, None) for each in measured], unit)
    if any(each.origin is not Origin.FOUND for each in found):
        _addTexts(table, "By hand", _("By hand"), [byHand(each.origin) for each in found])
    return table


def byHand(origin: Origin) -> str:
    """What was done by hand, in a word; "" for nothing."""
    return {Origin.FOUND: "", Origin.EDITED: _("edited"), Origin.ADDED: _("added")}[origin]


def tableOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode | None:
    """The measurements of this segmentation, if there are any in the scene."""
    return segmentationNode.GetNodeReference(TABLE_ROLE)


def _addTexts(table: slicer.vtkMRMLTableNode, name: str, title: str, texts: Sequence[str]) -> None:
    column = vtk.vtkStringArray()
    column.SetName(name)
    for text in texts:
        column.InsertNextValue(text)
    table.AddColumn(column)
    table.SetColumnTitle(name, title)


def _addNumbers(
    table: slicer.vtkMRMLTableNode,
    name: str,
    title: str,
    numbers: Sequence[float | None],
    unit: str = "",
) -> None:
    """A column of numbers; of texts where one of them is not known."""
    if None in numbers:
        _addTexts(table, name, title, ["" if n is None else f"{n:.6g}" for n in numbers])
    else:
        column = vtk.vtkDoubleArray()
        column.SetName(name)
        for number in numbers:
            column.InsertNextValue(number)  # type: ignore[arg-type]
        table.AddColumn(column)
        table.SetColumnTitle(name, title)
    if unit:
        table.SetColumnUnitLabel(name, unit)


def _unitOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> str:
    volumeNode = nodes.imageNodeOf(segmentationNode)
    units = volumeNode.GetVoxelValueUnits() if volumeNode is not None else None
    return tame(units.GetCodeMeaning() or "") if units is not None else ""


def _newTable(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode:
    table = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLTableNode",
        slicer.mrmlScene.GenerateUniqueName(f"{segmentationNode.GetName()} statistics"),
    )
    segmentationNode.SetNodeReferenceID(TABLE_ROLE, table.GetID())
    nodes.putUnder(segmentationNode, table)
    return table
