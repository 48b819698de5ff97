"""Models of a PACS in the real Slicer, and results sent there, with Orthanc on this machine.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import slicer

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
import served  # noqa: E402
from panel import caption, contains, find, said  # noqa: E402
from served import cached, look_in, rows  # noqa: E402
from steps import finish, gaps, picture, step, wait  # noqa: E402


def _from_a_scene() -> str:
    """A scene that names a server does not make Slicer ask it."""
    panel.logic().getParameterNode().modelSource = "pacs"
    panel.until(lambda: "not asked" in said("modelsLabel"))  # the first look takes its time
    wait(1)
    assert not cached() and not rows()
    message = contains(said("modelsLabel"), "pacs", "was not asked")
    panel.look_in("")
    return message


def _listed() -> str:
    assert served.names("sourceComboBox") == ["nobody", "pacs"], served.names("sourceComboBox")
    panel.look_in("pacs")
    asking = said("modelsLabel")
    assert "Asking pacs" in asking, asking
    panel.until(rows)
    ((fit, *_, source),) = rows()
    assert (fit, source) == ("fits", "server")
    assert len(cached()) == 1, "more than the card was fetched"
    assert not find("weightsFrame").visible
    assert caption("applyButton").startswith("Fetch "), caption("applyButton")
    picture("server")
    return caption("applyButton")


def _run() -> str:
    with gaps() as found:
        done = contains(panel.apply_and_wait(), "Done")
    assert caption("applyButton") == "Apply"
    assert len(cached()) == 2
    segmentation = panel.logic().getParameterNode().result
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2
    return f"{done} The window stood still for {max(found):.2f} s at most."


def _again() -> str:
    panel.open_panel()
    assert [row[0] for row in rows()] == ["fits"]
    return contains(panel.apply_and_wait(), "Done")


def _console() -> str:
    found = panel.logic().findModels("pacs")
    assert [model.missing_parts for model in found.models] == [()]
    return ", ".join(model.label for model in found.models)


def _nobody() -> str:
    message = contains(look_in("nobody"), "cannot be reached")
    assert not rows()
    return message


def _wrong() -> str:
    panel.look_in("nowhere")
    message = contains(said("modelsLabel"), "Nowhere is no folder")
    panel.look_in("dicomweb+http://me:secret@127.0.0.1/")
    message += " | " + contains(said("modelsLabel"), "a password in an address")
    assert panel.logic().getParameterNode().modelSource == "nobody"
    look_in("pacs")
    assert rows()
    return message


def _broken_settings() -> str:
    """What is wrong with iodeep.toml is said; the database can be used all the same."""
    panel.look_in("")
    path = served.WORK / "toml"
    before = path.read_text("utf-8")
    path.write_text("[servers.pacs\n", "utf-8")
    panel.open_panel()
    text = said("modelsLabel").splitlines()[-1]
    path.write_text(before, "utf-8")
    panel.open_panel()
    assert "cannot be read" not in said("modelsLabel")
    look_in("pacs")
    return contains(text, "cannot be read", "Correct it")


def _save() -> str:
    assert not find("sendButton").enabled
    return contains(panel.save(), "Saved into the image's study")


def _sent() -> str:
    """What was saved goes to Orthanc, once; the study is that of the image."""
    assert served.names("sendComboBox") == ["nobody", "pacs"]
    with gaps() as found:
        message = contains(served.send_to("pacs"), "pacs has it now")
    picture("sent", slicer.modules.iodeep.widgetRepresentation())
    (tags,), (report,) = served.results(_orthanc), served.results(_orthanc, "SR")
    uids = panel.logic().getParameterNode().result.GetAttribute("IODeep.SavedInstanceUIDs")
    assert uids == f"{tags['SOPInstanceUID']} {report['SOPInstanceUID']}", uids
    contains(served.send_to("pacs"), "had it already")
    assert len(served.results(_orthanc)) == 1
    return f"{message} The window stood still for {max(found):.2f} s at most."


def _sent_to_nobody() -> str:
    """It waits in the outbox, and goes with what is sent there next."""
    message = contains(served.send_to("nobody"), "cannot be reached", "kept in")
    picture("not_sent", slicer.modules.iodeep.widgetRepresentation())
    assert list(served.OUTBOX.glob("*/*.dcm"))
    names = {"pacs": _orthanc.source, "nobody": _orthanc.source}
    served.name_servers(names)
    contains(served.send_to("nobody"), "had it already")
    assert not list(served.OUTBOX.glob("*/*"))
    return message


def _sent_from_the_console() -> str:
    node = panel.logic().getParameterNode().result
    _orthanc.clear()
    assert panel.logic().send(node, _orthanc.source)
    assert not panel.logic().send(node, _orthanc.source)
    kinds = [len(served.results(_orthanc, modality)) for modality in ("SEG", "SR")]
    assert kinds == [1, 1], kinds
    return "a segmentation and its report"


def _sent_edited() -> str:
    """What was edited cannot be sent before it is saved; then the server has it as what it is."""
    parameters = panel.logic().getParameterNode()
    node, image = parameters.result, parameters.inputVolume
    (before,) = served.results(_orthanc)
    segment_id = node.GetSegmentation().GetNthSegmentID(0)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, image)
    mask[: len(mask) // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment_id, image)
    panel.until(lambda: not find("sendButton").enabled)
    contains(panel.save(), "Saved into the image's study")
    contains(served.send_to("pacs"), "pacs has it now")
    (tags,) = (one for one in served.results(_orthanc) if one != before)
    assert tags["SeriesDescription"].endswith(", edited"), tags["SeriesDescription"]
    reports = [one["SeriesDescription"] for one in served.results(_orthanc, "SR")]
    assert sorted(each.endswith(", edited") for each in reports) == [False, True], reports
    kinds = [segment["SegmentAlgorithmType"] for segment in tags["SegmentSequence"]]
    assert kinds == ["SEMIAUTOMATIC", "AUTOMATIC"], kinds
    corrected = tags["SourceImageSequence"][-1]["ReferencedSOPInstanceUID"]
    assert corrected == before["SOPInstanceUID"]
    return tags["DerivationDescription"]


def _retired() -> str:
    """It is not offered any more; what it has found can still be saved."""
    served.publish(_orthanc, _model)
    look_in("pacs")
    ((fit, *_),) = rows()
    served.retire(_orthanc, "misses small lesions")
    contains(look_in("pacs"), "retired", "misses small lesions")
    assert not rows() and not find("applyButton").enabled
    picture("retired", slicer.modules.iodeep.widgetRepresentation())
    message = said("modelsLabel")
    panel.logic().getParameterNode().showUnfitting = True
    wait(0.2)
    assert fit == "fits" and not rows()
    node = panel.logic().getParameterNode().result
    panel.logic().saveToDICOM(node, _section().models)
    return message


def _section():
    return slicer.modules.iodeep.widgetRepresentation().self().panel.models


def _steps() -> None:
    slicer.util.selectModule("IODeep")
    step("A scene that names a server", _from_a_scene)
    panel.load_image()
    panel.open_panel()
    step("Listed", _listed)
    step("Run", _run)
    step("Opened again, weights in the cache", _again)
    step("Console", _console)
    step("Nobody listens", _nobody)
    step("No source", _wrong)
    step("iodeep.toml is of no use", _broken_settings)
    step("Saved", _save)
    step("Sent", _sent)
    step("Sent to nobody", _sent_to_nobody)
    step("Sent from the console", _sent_from_the_console)
    step("Sent after an edit", _sent_edited)
    step("Retired", _retired)


with served.orthanc() as (_orthanc, _model):
    nobody = f"dicomweb+http://127.0.0.1:{served.closed_port()}"
    served.name_servers({"pacs": _orthanc.source, "nobody": nobody})
    _steps()
shutil.rmtree(served.WORK, ignore_errors=True)
finish()
