"""What is measured in the segments, as a table node, by Slicer's own Segment Statistics."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from IODeepSlicer import nodes

# From a segmentation node to the table of its measurements.
TABLE_ROLE = "IODeep.Measurements"

_PLUGIN = "ScalarVolumeSegmentStatisticsPlugin"
_COUNT, _VOLUME = f"{_PLUGIN}.voxel_count", f"{_PLUGIN}.volume_cm3"
_WANTED = ("volume_cm3", "voxel_count", "mean", "stdev", "min", "median", "max")

Progress = Callable[[float, str], bool]


def createSegmentTable(
    segmentationNode: slicer.vtkMRMLSegmentationNode, progress: Progress | None = None
) -> slicer.vtkMRMLTableNode:
    """Measure the image in each segment; the table replaces a former one.

    Args:
        segmentationNode: a segmentation of IODeep.
        progress: called before each segment with the fraction done and its name; once it says
            False, the measurement ends.

    Returns:
        A table node below the segmentation: volume, number of voxels, mean, standard deviation,
        minimum, median (from a histogram) and maximum of each segment, with the image's unit.

    Raises:
        ImageError: the image is not in the scene any more.
        CancelledError: `progress` said so; the scene is as it was.
    """
    from IODeepLib.errors import CancelledError, ImageError

    volumeNode = nodes.imageNodeOf(segmentationNode)
    if volumeNode is None:
        raise ImageError(
            "the image that was segmented is not in the scene",
            "the image, whose voxels are measured",
            "load the image and run again",
        )
    logic = _logic(segmentationNode, volumeNode)
    try:
        segmentation = segmentationNode.GetSegmentation()
        segmentIds = segmentation.GetSegmentIDs()
        for done, segmentId in enumerate(segmentIds):
            name = segmentation.GetSegment(segmentId).GetName()
            if progress is not None and not progress(done / len(segmentIds), name):
                raise CancelledError
            logic.updateStatisticsForSegment(segmentId)
        _correctVolumes(logic, nodes.imageOf(volumeNode).grid.voxel_volume)
        table = tableOf(segmentationNode) or _newTable(segmentationNode)
        logic.exportToTable(table)
        table.SetColumnUnitLabel(table.GetTable().GetColumnName(1), "mL")  # instead of cm3
    finally:
        slicer.mrmlScene.RemoveNode(logic.getParameterNode())
    return table


def tableOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode | None:
    """The measurements of this segmentation, if there are any in the scene."""
    return segmentationNode.GetNodeReference(TABLE_ROLE)


def _logic(
    segmentationNode: slicer.vtkMRMLSegmentationNode, volumeNode: slicer.vtkMRMLScalarVolumeNode
) -> object:
    from SegmentStatistics import SegmentStatisticsLogic

    logic = SegmentStatisticsLogic()
    parameters = logic.getParameterNode()
    parameters.SetParameter("Segmentation", segmentationNode.GetID())
    parameters.SetParameter("ScalarVolume", volumeNode.GetID())
    for plugin in logic.plugins:
        wanted = plugin.__class__.__name__ == _PLUGIN
        parameters.SetParameter(f"{plugin.__class__.__name__}.enabled", str(wanted))
        if wanted:
            for key in plugin.keys:
                parameters.SetParameter(plugin.toLongKey(key) + ".enabled", str(key in _WANTED))
    logic.keys = [logic.segmentColumnName, *(f"{_PLUGIN}.{key}" for key in _WANTED)]
    return logic


def _correctVolumes(logic: object, voxelVolume: float) -> None:
    # The plugin takes the image's spacing, and overlooks what its transform does to it.
    statistics = logic.getStatistics()
    for segmentId in statistics["SegmentIDs"]:
        if (segmentId, _COUNT) in statistics:
            statistics[segmentId, _VOLUME] = statistics[segmentId, _COUNT] * voxelVolume / 1000


def _newTable(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode:
    table = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLTableNode",
        slicer.mrmlScene.GenerateUniqueName(f"{segmentationNode.GetName()} statistics"),
    )
    table.SetUseColumnTitleAsColumnHeader(True)
    segmentationNode.SetNodeReferenceID(TABLE_ROLE, table.GetID())
    nodes.putUnder(segmentationNode, table)
    return table
