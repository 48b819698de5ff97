"""Models that Slicer's own DICOM module retrieves from a PACS, in the real Slicer.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import ctk
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
import served  # noqa: E402
from pacs import servers  # noqa: E402
from panel import caption, contains, said  # noqa: E402
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_AET = "SLICERTEST"


def _by_dimse() -> str:
    """Query and retrieve, as the DICOM module's dialog does it."""
    query = ctk.ctkDICOMQuery()
    retrieve = ctk.ctkDICOMRetrieve()
    for each in (query, retrieve):
        each.callingAETitle, each.calledAETitle = _AET, _orthanc.aet
        each.host, each.port = "127.0.0.1", _orthanc.dicom_port
    query.setFilters({"ID": "IODEEP"})
    found = ctk.ctkDICOMDatabase()
    found.openDatabase("")
    assert query.query(found)
    retrieve.setDatabase(slicer.dicomDatabase)
    pairs = query.studyAndSeriesInstanceUIDQueried
    for study, series in pairs:
        assert retrieve.getSeries(study, series)
    slicer.dicomDatabase.updateDisplayedFields()
    return f"{len(pairs)} series"


def _by_dicomweb() -> str:
    series = DICOMUtils.importFromDICOMWeb(_orthanc.url, _model.card.study_instance_uid)
    return f"{len(series)} series"


def _of_the_model() -> list[str]:
    return list(slicer.dicomDatabase.seriesForStudy(_model.card.study_instance_uid))


def _recognised() -> str:
    """Card and weights are named; loaded, the model is chosen in the panel and can be run."""
    lists = [slicer.dicomDatabase.filesForSeries(uid) for uid in _of_the_model()]
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(lists)
    DICOMUtils.selectHighestConfidenceLoadables(by_plugin)
    chosen = [
        (plugin.loadType, loadable)
        for plugin, loadables in by_plugin.items()
        for loadable in loadables
        if loadable.selected
    ]
    assert [kind for kind, _ in chosen] == ["IODeep network"] * 2, chosen
    assert "Weights: present" in chosen[0][1].tooltip
    DICOMUtils.loadSeriesByUID(_of_the_model())
    wait(1)
    assert slicer.util.selectedModule() == "IODeep"
    panel.load_image()
    panel.open_panel()
    assert caption("applyButton") == "Apply"
    done = contains(panel.apply_and_wait(), "Done")
    slicer.mrmlScene.Clear()
    return done


def _removed() -> str:
    assert slicer.dicomDatabase.removeStudy(_model.card.study_instance_uid)
    return f"{len(panel.logic().findModels().models)} models"


def _retired() -> str:
    """The notice comes with the study: it is named as what it is, and the model is not offered."""
    served.retire(_orthanc, "misses small lesions")
    _by_dicomweb()
    lists = [slicer.dicomDatabase.filesForSeries(uid) for uid in _of_the_model()]
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(lists)
    ours = [each for found in by_plugin.values() for each in found if each.confidence > 0.9]
    assert len(ours) == 3 and not any(each.warning for each in ours)
    assert [each.name for each in ours if each.name.endswith(": retired")]
    messages: list[str] = []
    DICOMUtils.loadSeriesByUID(_of_the_model(), messages=messages)
    assert not messages, messages
    wait(1)
    panel.load_image()
    panel.open_panel()
    assert not served.rows()
    picture("retired_in_database", slicer.modules.iodeep.widgetRepresentation())
    found = dialogs()
    assert not found, found
    return contains(said("modelsLabel"), "retired")


def _steps() -> None:
    slicer.util.selectModule("IODeep")
    step("Query and retrieve", _by_dimse)
    step("Recognised", _recognised)
    step("Removed", _removed)
    step("By DICOMweb", _by_dicomweb)
    step("Recognised", _recognised)
    step("Retired", _retired)


with served.orthanc({_AET: servers.free_port()}) as (_orthanc, _model):
    _steps()
shutil.rmtree(served.WORK, ignore_errors=True)
finish()
