"""The segments of a result are measured in a process of its own, which may take its time.

measuring = startMeasuring(segmentationNode)
while measuring.poll() is State.RUNNING:
    ...
measuring.outcome()  # Measured
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene import segments
from IODeepSlicer.scene.measured import Measured
from IODeepSlicer.work.segments_job import readMeasured, writeSegments
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    from IODeepSlicer.scene.places import Layer
    from IODeepSlicer.work.segments_job import SegmentsJob


class Measuring(WorkerProcess[Measured]):
    """Gives what is measured of the segments as they are."""

    task = "measure"
    clearsUp = False  # it writes into its folder alone

    def __init__(
        self,
        python: str,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        job: SegmentsJob,
        layers: Sequence[Layer],
    ) -> None:
        """Start it; the first polls hand the voxels over, which must not change until then."""
        self._node, self._job, self._layers = segmentationNode, job, layers
        self._stamp = segments.stampOf(segmentationNode)
        self._ids = segmentationNode.GetSegmentation().GetSegmentIDs()
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        from IODeepLib.errors import ImageError

        yield from writeSegments(folder, self._job, self._layers)
        if segments.stampOf(self._node) != self._stamp:
            raise ImageError(
                "the segments were changed while they were handed over",
                "segments that stay as they are for that moment",
                "measure again",
            )
        self._layers = ()  # their voxels may go

    def _take(self, folder: Path) -> Generator[None, None, Measured]:
        yield
        unit, figures = readMeasured(folder)
        return Measured(unit, dict(zip(self._ids, figures, strict=True)))


def startMeasuring(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Measuring:
    """Begin to measure the image in each segment as it is now.

    Raises:
        ImageError: the image is not in the scene, or the segments are no voxels.
    """
    from IODeepSlicer.work.gathering import gatherSegments

    return Measuring(slicerPython(), segmentationNode, *gatherSegments(segmentationNode))
