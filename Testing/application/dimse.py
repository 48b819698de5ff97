"""A PACS that speaks DIMSE in the real Slicer; first what that needs is installed.

Docs/testing.md says how to run this. The Python package pynetdicom is installed from PyPI into a
folder of its own; Slicer's Python stays as it is.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import ctk
import slicer

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
import served  # noqa: E402
from IODeepSlicer import requirements  # noqa: E402
from pacs import servers  # noqa: E402
from panel import caption, contains, said  # noqa: E402
from served import WORK, cached, look_in, rows  # noqa: E402
from steps import answer, dialogs, finish, gaps, picture, step  # noqa: E402

_AET = "SLICERTEST"  # the only title that Orthanc knows


def _answered(button: str) -> str:
    """The question that comes when the server is chosen; it is answered by a click."""
    answer(button)
    panel.look_in("dimse")
    (question,) = dialogs()
    return " ".join(question.split())


def _declined() -> str:
    question = contains(_answered("Cancel"), "pynetdicom")
    assert panel.logic().getParameterNode().modelSource == ""
    return f"{question} | {contains(said('modelsLabel'), 'not installed, as you chose')}"


def _from_the_console() -> str:
    try:
        panel.logic().findModels("dimse")
    except requirements.RequirementsError as error:
        return contains(str(error), "lacks pynetdicom")
    raise AssertionError("nothing was raised")


def _installed() -> str:
    target = WORK / "installed"
    target.mkdir()
    os.environ["PIP_TARGET"] = str(target)
    os.environ["PYTHONPATH"] = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(target)])
    sys.path.append(str(target))
    _answered("OK")
    return f"pynetdicom {requirements.installedVersions()['pynetdicom']}"


def _listed() -> str:
    panel.until(rows)
    ((fit, *_, source),) = rows()
    assert (fit, source) == ("fits", "server") and len(cached()) == 1
    picture("dimse")
    return caption("applyButton")


def _run() -> str:
    panel.choose(panel.logic().findModels("dimse").models[0])
    with gaps() as found:
        done = contains(panel.apply_and_wait(), "Done")
    assert len(cached()) == 2
    return f"{done} The window stood still for {max(found):.2f} s at most."


def _known_to_slicer(protocol: str) -> str:
    """A server that Slicer's DICOM module has is offered by its name there."""
    browser = slicer.modules.dicom.widgetRepresentation().self().browserWidget.dicomVisualBrowser
    server = ctk.ctkDICOMServer()
    server.connectionName, server.host, server.port = protocol, "127.0.0.1", _orthanc.dicom_port
    server.calledAETitle, server.callingAETitle = _orthanc.aet, _AET
    server.setRetrieveProtocolAsString(protocol)
    browser.storageAETitle, browser.storagePort = _AET, _port
    assert browser.addServer(server) >= 0
    shutil.rmtree(served.CACHE)
    panel.look_in("")
    assert served.names("sourceComboBox") == served.names("sendComboBox") == ["dimse", protocol]
    assert look_in(protocol) == "" and len(rows()) == 1 and len(cached()) == 1
    done = contains(panel.apply_and_wait(), "Done")
    assert len(cached()) == 2
    picture(protocol, slicer.modules.iodeep.widgetRepresentation())
    return done


def _sent() -> str:
    """The SEG goes over DIMSE, to Orthanc as Slicer knows it, and to DCMTK's dcmqrscp."""
    panel.save()
    first = contains(served.send_to("CMOVE"), "CMOVE has it now")
    (tags,) = served.results(_orthanc)
    assert tags["NumberOfFrames"]
    with servers.dcmqrscp(WORK / "dcmqrscp") as other:
        contains(served.send_to(other.source), "has it now")
        stored = list((other.folder / "storage").glob("SG*"))
        assert len(stored) == 1, list((other.folder / "storage").iterdir())
        contains(served.send_to(other.source), "had it already")
    return first


def _wrong() -> str:
    nobody = f"dimse://NOBODY@127.0.0.1:{served.closed_port()}"
    text = contains(look_in(nobody), "NOBODY@127.0.0.1")
    text += " | " + contains(look_in(f"dimse://OTHER@127.0.0.1:{_orthanc.dicom_port}"), "OTHER")
    return text + " | " + contains(look_in("dimse://nonsense"), "dimse://nonsense")


def _steps() -> None:
    assert "pynetdicom" not in requirements.installedVersions(), "it is in Slicer's Python already"
    slicer.util.selectModule("IODeep")
    panel.load_image()
    panel.open_panel()
    step("Declined", _declined)
    step("Console", _from_the_console)
    step("Installed", _installed)
    step("Listed", _listed)
    step("Run, by C-GET", _run)
    step("A server of Slicer, by C-GET", lambda: _known_to_slicer("CGET"))
    browser = slicer.modules.dicom.widgetRepresentation().self().browserWidget.dicomVisualBrowser
    browser.removeServer("CGET")
    step("A server of Slicer, by C-MOVE", lambda: _known_to_slicer("CMOVE"))
    step("Sent", _sent)
    step("Wrong addresses", _wrong)


_port = servers.free_port()
with served.orthanc({_AET: _port}) as (_orthanc, _model):
    address = f"dimse://{_orthanc.aet}@127.0.0.1:{_orthanc.dicom_port}"
    served.name_servers({"dimse": address}, aet=_AET)
    _steps()
shutil.rmtree(WORK, ignore_errors=True)
finish()
