"""The demonstration in Slicer's Sample Data module: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText

_CATEGORY, _NAME = "IODeep", "IODeep demo"
_THUMBNAIL = Path(__file__).resolve().parents[2] / "Resources" / "Icons" / "IODeepDemo.png"


def registerSampleData() -> None:
    """Offer the demonstration in the Sample Data module."""
    from SampleData import SampleDataLogic

    SampleDataLogic.registerCustomSampleDataSource(
        category=_CATEGORY,
        sampleName=_NAME,
        uris="",
        fileNames="",
        nodeNames=_NAME,
        thumbnailFileName=str(_THUMBNAIL),
        customDownloader=_onChosen,
    )


def loadDemo() -> slicer.vtkMRMLScalarVolumeNode:
    """Put an MR series and the network that fits it into the DICOM database; load the series.

    Both come with the library; the network is packed now.

    Raises:
        IODeepError: the database is closed, or cannot be written.
    """
    from DICOMLib import DICOMUtils

    import IODeepLib
    from IODeepLib.series import find_series

    data = Path(IODeepLib.__file__).parent / "demo_data"
    logic = slicer.util.getModuleLogic("IODeep")
    logic.publish(data / "demo_network.onnx", data / "recipe.json")
    DICOMUtils.importDicom(str(data / "mr_t1"), copyFiles=True)
    (series,) = find_series(data / "mr_t1")
    (nodeId,) = DICOMUtils.loadSeriesByUID([series.series_instance_uid])
    return slicer.mrmlScene.GetNodeByID(nodeId)


def _onChosen(_source: Any) -> None:
    from IODeepSlicer.requirements import NotInstalledError, ensureRequirements

    with slicer.util.tryWithErrorDisplay(_("The demonstration cannot be loaded."), waitCursor=True):
        try:
            ensureRequirements()
        except NotInstalledError as error:
            slicer.util.showStatusMessage(errorText(error), 10_000)
            return
        slicer.util.setSliceViewerLayers(background=loadDemo(), fit=True)
