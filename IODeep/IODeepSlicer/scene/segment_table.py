"""What is measured in the segments, as a table node, by Slicer's own Segment Statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene import images, nodes

if TYPE_CHECKING:
    from SegmentStatistics import SegmentStatisticsLogic

    from IODeepLib.machine.progress import Progress

# From a segmentation node to the table of its measurements.
TABLE_ROLE = "IODeep.Measurements"

_PLUGIN = "ScalarVolumeSegmentStatisticsPlugin"
_COUNT, _VOLUME = f"{_PLUGIN}.voxel_count", f"{_PLUGIN}.volume_cm3"
_SIZE = ("volume_cm3",)
_WANTED = ("voxel_count", "mean", "stdev", "min", "median", "max")


def createSegmentTable(
    segmentationNode: slicer.vtkMRMLSegmentationNode, progress: Progress | None = None
) -> slicer.vtkMRMLTableNode:
    """Measure the image in each segment; the table replaces a former one.

    Args:
        segmentationNode: a segmentation of IODeep.
        progress: called before each segment with the fraction done and its name; may raise
            CancelledError, which leaves the scene as it was.

    Returns:
        A table node below the segmentation: volume, number of voxels, mean, standard deviation,
        minimum, median (from a histogram) and maximum of each segment, with the image's unit; no
        volume where it is not known how large a pixel is.

    Raises:
        ImageError: the image is not in the scene any more.
    """
    from IODeepLib.errors import ImageError

    volumeNode = nodes.imageNodeOf(segmentationNode)
    if volumeNode is None:
        raise ImageError(
            "the image that was segmented is not in the scene",
            "the image, whose voxels are measured",
            "load the image and run again",
        )
    measured, image = images.evened(volumeNode), images.imageOf(volumeNode)
    wanted = (*(_SIZE if image.has_voxel_size else ()), *_WANTED)
    logic = _logic(segmentationNode, measured, wanted)
    try:
        segmentation = segmentationNode.GetSegmentation()
        segmentIds = segmentation.GetSegmentIDs()
        for done, segmentId in enumerate(segmentIds):
            name = segmentation.GetSegment(segmentId).GetName()
            if progress is not None:
                progress(done / len(segmentIds), name)
            logic.updateStatisticsForSegment(segmentId)
        if image.has_voxel_size:
            _correctVolumes(logic, image.grid.voxel_volume)
        table = tableOf(segmentationNode) or _newTable(segmentationNode)
        logic.exportToTable(table)
        if image.has_voxel_size:
            table.SetColumnUnitLabel(table.GetTable().GetColumnName(1), "mL")  # instead of cm3
    finally:
        slicer.mrmlScene.RemoveNode(logic.getParameterNode())
        if measured is not volumeNode:
            slicer.mrmlScene.RemoveNode(measured)
    return table


def tableOf(segmentationNode: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLTableNode | None:
    """The measurements of this segmentation, if there are any in the scene."""
    return segmentationNode.GetNodeReference(TABLE_ROLE)


def _logic(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    keys: tuple[str, ...],
) -> SegmentStatisticsLogic:
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
                parameters.SetParameter(plugin.toLongKey(key) + ".enabled", str(key in keys))
    logic.keys = [logic.segmentColumnName, *(f"{_PLUGIN}.{key}" for key in keys)]
    return logic


def _correctVolumes(logic: SegmentStatisticsLogic, voxelVolume: float) -> None:
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
