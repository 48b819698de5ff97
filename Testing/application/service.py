"""The button *Let the service run it* in the real Slicer, with a service beside an Orthanc.

`run_all.py` starts both. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pydicom
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from pacs.hostile import head, serving  # noqa: E402
from panel import caption, find, said  # noqa: E402
from steps import finish, gaps, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_PACS, _SERVICE = os.environ["IODEEP_PACS"], os.environ["IODEEP_SERVICE"]
_ORDER = "Let the service run it"
_found: list[pydicom.Dataset] = []


def _name(place: str = "env:IODEEP_TOKEN_RUN") -> None:
    """Write iodeep.toml, with the token of the service in this place."""
    url = f"service+{_SERVICE}"
    tables = f'[servers.pacs]\nurl = "{_PACS}"\n[servers.hospital]\nurl = "{url}"\n'
    (_work / "toml").write_text(f'{tables}token = "{place}"\n', "utf-8")


def _press(button: str = "serviceButton", service: str = "hospital") -> str:
    """Press it; what the panel says once it has an answer."""
    find("serviceComboBox").setEditText(service)
    assert find(button).enabled
    find(button).click()
    assert caption("serviceButton") == "Cancel", said("serviceLabel")
    panel.until(lambda: caption("serviceButton") == _ORDER)
    text = said("serviceLabel")
    assert os.environ["IODEEP_TOKEN_RUN"] not in text and "Traceback" not in text, text
    return text


def _has(text: str, *parts: str) -> str:
    assert all(part in text for part in parts), text
    return text


def _no_image() -> str:
    """Nothing to run it on: an image that is not from DICOM has no study."""
    find("serviceGroupBox").checked = True
    wait(0.2)
    find("serviceComboBox").setEditText("hospital")
    assert not find("serviceButton").enabled and not find("serviceRefreshButton").enabled
    return find("serviceButton").toolTip


def _offered() -> str:
    """The services of iodeep.toml, and not its PACS; these are not offered for results."""
    box = find("serviceComboBox")
    names = [box.itemText(index) for index in range(box.count)]
    assert names == ["hospital"], names
    others = find("sendComboBox")
    assert "hospital" not in [others.itemText(index) for index in range(others.count)]
    return str(names)


def _not_there() -> str:
    """Its PACS has no such study: the service refuses, and says why."""
    with gaps() as found:
        text = _has(_press(), "no images of the study", "Send it there")
    picture("service_refuses", slicer.modules.iodeep.widgetRepresentation())
    return f"{text} The window stood still for {max(found):.2f} s at most."


def _queued() -> str:
    """Now it has: the job is queued, or runs already."""
    from IODeepLib import source_of

    folder = _work / "study"
    folder.mkdir()
    for path in sorted((panel.DEMO / "mr_t1").iterdir()):
        image = pydicom.dcmread(path)
        image.Manufacturer = "A scanner"  # what IODeep itself has made starts nothing
        image.save_as(folder / path.name)
    source_of(_PACS).store(sorted(folder.iterdir()))
    text = _press()
    assert any(words in text for words in ("queued", "runs,", "looks at", "done")), text
    picture("service_queued", slicer.modules.iodeep.widgetRepresentation())
    return text


def _done() -> str:
    """Refreshed until the result stands in the PACS."""
    seen = []

    def done() -> bool:
        seen.append(_press("serviceRefreshButton"))
        wait(0.5)
        return "done" in seen[-1]

    panel.until(done)
    picture("service_done", slicer.modules.iodeep.widgetRepresentation())
    return " | ".join(dict.fromkeys(seen))


def _again() -> str:
    """Ordered again, what is done is not done twice."""
    return _has(_press(), "done")


def _fetched() -> str:
    """The result comes by the means that there are: it is a segmentation of the study."""
    from IODeepLib import find_series, source_of

    (series,) = find_series(panel.DEMO / "mr_t1")
    keys = {"StudyInstanceUID": series.study_instance_uid, "Modality": "SEG"}
    (found,) = source_of(_PACS).series(keys)
    (_work / "fetched").mkdir()
    (file,) = source_of(_PACS).objects(found.series_uid, _work / "fetched", lambda *_: None)
    DICOMUtils.importDicom(str(_work / "fetched"), slicer.dicomDatabase, copyFiles=True)
    dataset = pydicom.dcmread(file, stop_before_pixels=True)
    assert slicer.dicomDatabase.fileForInstance(dataset.SOPInstanceUID)
    _found.append(dataset)
    return dataset.SeriesDescription


def _loaded() -> str:
    """Slicer's own reader loads it; once its network is at hand, it is a result like any other."""
    (dataset,) = _found
    before = set(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
    volume = panel.logic().getParameterNode().inputVolume
    DICOMUtils.loadSeriesByUID([dataset.SeriesInstanceUID])
    (node,) = set(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) - before
    for other in set(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) - {volume}:
        slicer.mrmlScene.RemoveNode(other)
    panel.open_panel()
    find("inputSelector").setCurrentNode(volume)
    panel.look_in("pacs")
    panel.until(lambda: node.GetAttribute("IODeep.Document"))
    find("resultSelector").setCurrentNode(node)
    panel.until(lambda: find("acceptButton").enabled)
    rows = panel.figures()
    assert set(rows) == {"Gray Matter", "White Matter"}, rows
    assert "By hand" not in rows["Gray Matter"], rows
    assert not find("saveButton").enabled, "it is in the database as it is"
    picture("service_result", slicer.modules.iodeep.widgetRepresentation())
    return str(rows)


def _corrected() -> str:
    """It is corrected, and the correction names what the service has stored."""
    from IODeepLib.results.assessment import read_assessment
    from IODeepLib.results.corrections import corrected_by

    node = panel.logic().getParameterNode().result
    find("reasonLineEdit").text = "too much gray matter"
    find("amendButton").click()
    panel.until(lambda: slicer.util.selectedModule() == "SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    editor.setCurrentSegmentID(node.GetSegmentation().GetSegmentIdBySegmentName("Gray Matter"))
    editor.setActiveEffectByName("Margin")
    editor.activeEffect().setParameter("MarginSizeMm", -2)
    editor.activeEffect().self().onApply()
    editor.setActiveEffectByName("")
    panel.open_panel()
    _has(panel.save(), "Saved into the image's study")
    uids = node.GetAttribute("IODeep.SavedInstanceUIDs").split()
    seg, _report, said_of_it = (
        pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid)) for uid in uids
    )
    (original,) = (one.SOPInstanceUID for one in _found)
    assert corrected_by(seg) == original
    kinds = {one.SegmentLabel: one.SegmentAlgorithmType for one in seg.SegmentSequence}
    assert kinds == {"Gray Matter": "SEMIAUTOMATIC", "White Matter": "AUTOMATIC"}, kinds
    said_of_it = read_assessment(said_of_it)
    assert (said_of_it.assessed, said_of_it.corrected) == (original, seg.SOPInstanceUID)
    return f"{seg.SeriesDescription}: {seg.DerivationDescription}"


def _refused() -> str:
    """Who has no token, or another one, is told what to do."""
    _name("env:IODEEP_PACS")
    wrong = _has(_press(), "does not know who asks", "iodeep.toml")
    none = _has(_press(service=f"{_SERVICE}/"), "does not know who asks")
    _name("env:NOT_THERE")
    lost = _has(_press(), "NOT_THERE")
    _name()
    return f"{wrong} | {none} | {lost}"


def _others() -> str:
    """Whoever answers otherwise ends in one line, and so does who is not there."""
    found = []
    answers = {
        "text/html": [head(kind="text/html"), b"<html>Log in</html>"],
        "302": [head("302 Found", Location="http://127.0.0.1:9/"), b""],
        "JSON that is none": [head(kind="application/json"), b"[" * 1000],
        "bytes in one answer": [head(kind="application/json"), b" " * 5_000_000],
        "runs nothing on this study": [
            head(kind="application/json"),
            json.dumps({"uid": _study(), "state": "done", "reason": "<b>no</b>"}).encode(),
        ],
    }
    for words, pieces in answers.items():
        with serving(lambda _, pieces=pieces: pieces) as hostile:
            found.append(_has(_press(service=f"http://127.0.0.1:{hostile.port}"), words))
            assert "\n" not in found[-1]
    found.append(_has(_press(service="http://127.0.0.1:1"), "cannot be reached"))
    found.append(_has(_press(service="nobody"), "is no service"))
    found.append(_has(_press(service="http://a:b@127.0.0.1:1"), "a password"))
    picture("service_others", slicer.modules.iodeep.widgetRepresentation())
    return " | ".join(found)


def _study() -> str:
    from IODeepSlicer.scene import images

    return images.seriesOf(panel.logic().getParameterNode().inputVolume).study_instance_uid


def _canceled() -> str:
    """Nobody has to wait for a service that is silent."""

    def silent(_: object) -> list[bytes]:
        wait_for_ever.wait(60)
        return []

    import threading

    wait_for_ever = threading.Event()
    with serving(silent) as hostile:
        find("serviceComboBox").setEditText(f"http://127.0.0.1:{hostile.port}")
        find("serviceButton").click()
        panel.until(lambda: hostile.requests)
        with gaps() as found:
            wait(0.5)
            find("serviceButton").click()
        wait_for_ever.set()
    assert caption("serviceButton") == _ORDER
    return f"{said('serviceLabel')} The window stood still for {max(found):.2f} s at most."


def _console() -> str:
    volume = panel.logic().getParameterNode().inputVolume
    seen = panel.logic().askService(volume, "hospital", order=False)
    return ", ".join(f"{job.label}: {job.state}" for job in seen.jobs)


def _another_image() -> str:
    """What was said of one study does not stand below another image."""
    import numpy as np

    other = slicer.util.addVolumeFromArray(np.zeros((8, 9, 10), np.int16), name="other")
    find("inputSelector").setCurrentNode(other)
    wait(0.5)
    assert not said("serviceLabel") and not find("serviceButton").enabled
    return find("serviceButton").toolTip


def _run() -> None:
    os.environ |= {"IODEEP_CONFIG": str(_work / "toml"), "IODEEP_CACHE": str(_work / "cache")}
    _name()
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
        panel.open_panel()
        step("No image", _no_image)
        panel.load_image()
        panel.open_panel()
        step("Offered", _offered)
        step("Not in its PACS", _not_there)
        step("Queued", _queued)
        step("Done", _done)
        step("Again", _again)
        step("Fetched", _fetched)
        step("Loaded", _loaded)
        step("Corrected", _corrected)
        step("Without a token", _refused)
        step("Others that answer", _others)
        step("Canceled", _canceled)
        step("Console", _console)
        step("Another image", _another_image)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
