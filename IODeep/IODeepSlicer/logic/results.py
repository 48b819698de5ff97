"""What scripts ask of results: to measure, save and send them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slicer import vtkMRMLNode, vtkMRMLSegmentationNode, vtkMRMLTableNode

from IODeepSlicer.logic.models import Models
from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.scene.segments import SegmentNow
    from IODeepSlicer.work.saving import Saving
    from IODeepSlicer.work.sending import Sending


class Results(Models):
    """The part of the module's logic that measures, saves and sends what was found."""

    def measure(self, segmentationNode: vtkMRMLSegmentationNode) -> vtkMRMLTableNode:
        """Measure the image in each segment as it is now.

        :return: a table node below the segmentation, with a row for each segment: volume, mean,
            standard deviation, minimum, median and maximum of the image, diameters, surface.
        """
        from IODeepSlicer.scene import segments
        from IODeepSlicer.scene.measured import measuredByRun
        from IODeepSlicer.scene.segment_table import createSegmentTable
        from IODeepSlicer.work.measuring import startMeasuring

        found = segments.now(segmentationNode)
        measured = measuredByRun(segmentationNode, found)
        if measured is None:
            measuring = startMeasuring(segmentationNode)
            wait(measuring)
            measured = measuring.outcome()
        return createSegmentTable(segmentationNode, found, measured)

    def saveToDICOM(self, node: vtkMRMLNode, models: Sequence[Model] | None = None) -> list[str]:
        """Save a result of IODeep into the DICOM database, in the study of its image.

        A segmentation is saved as DICOM SEG with a report (DICOM SR) of its measurements; a table
        of what a network says of the whole image as a report. Segments that were edited or added by
        hand are saved as such; what was saved like this before is not saved again. What people said
        of it in the panel is saved with it, as a DICOM SR for each.

        :param models: where the one that made it is looked for; None for the DICOM database.
        :return: the SOP Instance UIDs, that of the segmentation first, then the report, which is
            alone where nothing was found; then what people said.
        """
        from IODeepSlicer.work.saving import saveToDatabase

        models = self.findModels().models if models is None else models
        return saveToDatabase(node, models)

    def startSaving(
        self,
        node: vtkMRMLNode,
        models: Sequence[Model] | None = None,
        found: Sequence[SegmentNow] | None = None,
    ) -> Saving:
        """Begin what `saveToDICOM` does, and return at once.

        Poll it until it is over, then give it to `finishSaving`. The first polls hand over the
        segments, which must not change until then; `found` are they, if somebody has just looked.
        """
        from IODeepSlicer.work.saving import startSaving

        models = self.findModels().models if models is None else models
        return startSaving(node, models, found)

    def finishSaving(self, saving: Saving) -> list[str]:
        """Import what was made into the DICOM database; the SOP Instance UIDs."""
        from IODeepSlicer.work.saving import finishSaving

        return finishSaving(saving)

    def startSending(self, node: vtkMRMLNode, server: str) -> Sending:
        """Send what was saved of a result to a server, and return at once.

        Poll it until it is over; its outcome are the files that the server did not have before.
        What could not be sent waits in the outbox, and goes with what is sent there next.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.sending import Sending

        checkFor(server)
        return Sending(slicerPython(), node, addressOf(server))

    def send(self, node: vtkMRMLNode, server: str) -> bool:
        """Send what was saved of a result to a server, and wait until it has it.

        :param server: its name in iodeep.toml or in Slicer's DICOM module, or its address.
        :return: whether the server did not have all of it before.
        """
        sending = self.startSending(node, server)
        wait(sending)
        return bool(sending.outcome())
