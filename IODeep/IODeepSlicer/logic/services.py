"""What scripts ask of the service beside a PACS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer import vtkMRMLScalarVolumeNode

from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import slicerPython

if TYPE_CHECKING:
    from IODeepLib.service.client import StudySeen
    from IODeepSlicer.work.asking import Asking


class Services:
    """The part of the module's logic that lets a service run what fits."""

    def startAskingService(
        self, volumeNode: vtkMRMLScalarVolumeNode, service: str, *, order: bool = True
    ) -> Asking:
        """Have a service run what fits on an image's study, in its PACS, and return at once.

        Poll it until it is over; its outcome is what the service knows of the study then: see
        `state`, `reason` and `jobs`.

        :param service: its name in iodeep.toml, or its address.
        :param order: have it look at the study now; or only ask what it knows.
        """
        from IODeepLib.errors import ImageError
        from IODeepSlicer.requirements import checkReading
        from IODeepSlicer.scene.images import seriesOf
        from IODeepSlicer.work.asking import Asking

        checkReading()
        series = seriesOf(volumeNode)
        if series is None:
            raise ImageError(
                f"the image {volumeNode.GetName()!r} is not from the DICOM database",
                "an image of a study, by whose UID a service knows it",
                "load the image from the DICOM database",
            )
        return Asking(slicerPython(), service, series.study_instance_uid, order=order)

    def askService(
        self, volumeNode: vtkMRMLScalarVolumeNode, service: str, *, order: bool = True
    ) -> StudySeen:
        """The same, and wait until it has answered."""
        asking = self.startAskingService(volumeNode, service, order=order)
        wait(asking)
        return asking.outcome()
