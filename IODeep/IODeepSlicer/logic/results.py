"""What scripts ask of results: to measure, save and send them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slicer import vtkMRMLSegmentationNode, vtkMRMLTableNode

from IODeepSlicer.logic.models import Models
from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.work.saving import Saving
    from IODeepSlicer.work.sending import Sending


class Results(Models):
    """The part of the module's logic that measures, saves and sends what was found."""

    def measure(self, segmentationNode: vtkMRMLSegmentationNode) -> vtkMRMLTableNode:
        """Measure the image in each segment, as the module Segment Statistics does.

        :return: a table node below the segmentation: volume, number of voxels, mean, standard
            deviation, minimum, median and maximum of each segment.
        """
        from IODeepSlicer.scene.segment_table import createSegmentTable

        return createSegmentTable(segmentationNode)

    def saveToDICOM(
        self,
        segmentationNode: vtkMRMLSegmentationNode,
        models: Sequence[Model] | None = None,
    ) -> str:
        """Save a segmentation of IODeep as DICOM SEG into the DICOM database, in the same study.

        Segments that were edited or added by hand are saved as such; what was saved like this
        before is not saved again.

        :param models: where the one that made it is looked for; None for the DICOM database.
        :return: its SOP Instance UID.
        """
        from IODeepSlicer.work.saving import saveToDatabase

        models = self.findModels().models if models is None else models
        return saveToDatabase(segmentationNode, models)

    def startSaving(
        self,
        segmentationNode: vtkMRMLSegmentationNode,
        models: Sequence[Model] | None = None,
    ) -> Saving:
        """Begin what `saveToDICOM` does, and return at once.

        Poll it until it is over, then give it to `finishSaving`. The first polls hand over the
        segments, which must not change until then.
        """
        from IODeepSlicer.work.saving import startSaving

        models = self.findModels().models if models is None else models
        return startSaving(segmentationNode, models)

    def finishSaving(self, saving: Saving) -> str:
        """Import what was made into the DICOM database; its SOP Instance UID."""
        from IODeepSlicer.work.saving import finishSaving

        return finishSaving(saving)

    def startSending(self, segmentationNode: vtkMRMLSegmentationNode, server: str) -> Sending:
        """Send what was saved of a segmentation to a server, and return at once.

        Poll it until it is over; its outcome are the files that the server did not have before.
        What could not be sent waits in the outbox, and goes with what is sent there next.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.sending import Sending

        checkFor(server)
        return Sending(slicerPython(), segmentationNode, addressOf(server))

    def send(self, segmentationNode: vtkMRMLSegmentationNode, server: str) -> bool:
        """Send what was saved of a segmentation to a server, and wait until it has it.

        :param server: its name in iodeep.toml or in Slicer's DICOM module, or its address.
        :return: whether the server did not have it before.
        """
        sending = self.startSending(segmentationNode, server)
        wait(sending)
        return bool(sending.outcome())
