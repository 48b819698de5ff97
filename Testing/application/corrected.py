"""A result is corrected and sent back, and what people say of it with it, in the real Slicer.

Orthanc on this machine is where it goes. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pydicom
import slicer

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
import served  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import finish, gaps, picture, step, wait  # noqa: E402

_GRAY = "Gray Matter"


def _result() -> slicer.vtkMRMLSegmentationNode:
    return panel.logic().getParameterNode().result


def _module() -> object:
    return slicer.modules.iodeep.widgetRepresentation()


def _decide(button: str, reason: str = "") -> str:
    """Say something of the result; what stands below it then."""
    panel.until(lambda: find(button).enabled)
    find("reasonLineEdit").text = reason
    find(button).click()
    return said("reviewLabel")


def _saved() -> list[pydicom.Dataset]:
    uids = _result().GetAttribute("IODeep.SavedInstanceUIDs").split()
    return [pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid)) for uid in uids]


def _said() -> list:
    from IODeepLib.results.assessment import read_assessment

    return [one for one in map(read_assessment, _saved()) if one is not None]


def _amended() -> str:
    """What was found is saved before it is another one; then the Segment Editor opens."""
    with gaps() as found:
        _decide("amendButton", "the rim is too wide")
        panel.until(lambda: slicer.util.selectedModule() == "SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    assert editor.segmentationNode() is _result()
    seg, report = _saved()
    assert (seg.Modality, report.Modality) == ("SEG", "SR")
    assert {one.SegmentAlgorithmType for one in seg.SegmentSequence} == {"AUTOMATIC"}
    return f"{seg.SeriesDescription}; the window stood still for {max(found):.2f} s at most"


def _corrected() -> str:
    """By an effect of the Segment Editor: a margin of gray matter goes."""
    before = _voxels(_GRAY)
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    segmentation = _result().GetSegmentation()
    editor.setCurrentSegmentID(segmentation.GetSegmentIdBySegmentName(_GRAY))
    editor.setActiveEffectByName("Margin")
    effect = editor.activeEffect()
    effect.setParameter("MarginSizeMm", -2)
    effect.self().onApply()
    editor.setActiveEffectByName("")
    after = _voxels(_GRAY)
    assert 0 < after < before, (before, after)
    picture("correcting")
    panel.open_panel()
    panel.until(lambda: find("saveButton").enabled)
    contains(said("reviewLabel"), "Amended by", "The segments were changed since then.")
    return f"{before} voxels became {after}"


def _voxels(name: str) -> int:
    node, image = _result(), panel.logic().getParameterNode().inputVolume
    segment_id = node.GetSegmentation().GetSegmentIdBySegmentName(name)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, image)
    return int(np.count_nonzero(array))


def _saved_corrected() -> str:
    """The correction names what it corrects, and so does what was said of that."""
    from IODeepLib.results.corrections import corrected_by

    original = _saved()[0].SOPInstanceUID
    contains(panel.save(), "Saved into the image's study")
    seg, report, assessment = _saved()
    assert corrected_by(seg) == original
    kinds = {one.SegmentLabel: one.SegmentAlgorithmType for one in seg.SegmentSequence}
    assert kinds == {_GRAY: "SEMIAUTOMATIC", "White Matter": "AUTOMATIC"}, kinds
    assert report.SeriesDescription.endswith(", edited"), report.SeriesDescription
    (one,) = _said()
    assert (one.verdict, one.assessed, one.corrected) == (
        *("amended", original, seg.SOPInstanceUID),
    )
    assert one.reason == "the rim is too wide" and one.by, one
    assert not find("saveButton").enabled
    picture("corrected", _module())
    return f"{assessment.SeriesDescription}: {one.by}, {one.reason}"


def _accepted() -> str:
    """The correction is accepted: that alone is saved, and sent with all that it is about."""
    corrected = _saved()[0].SOPInstanceUID
    contains(_decide("acceptButton", "as it should be"), "Accepted by", "as it should be")
    panel.until(lambda: find("saveButton").enabled)
    contains(find("saveButton").toolTip, "what was said of it")
    assert not find("sendButton").enabled
    contains(panel.save(), "Saved into the image's study")
    assert _saved()[0].SOPInstanceUID == corrected and len(_saved()) == 4
    last = _said()[-1]
    assert (last.verdict, last.assessed, last.corrected) == ("accepted", corrected, "")
    picture("accepted", _module())
    return _saved()[-1].SeriesDescription


def _sent() -> str:
    """Orthanc has the original, its report, the correction, its report, and both assessments."""
    from IODeepLib.results.assessment import latest
    from IODeepLib.results.corrections import corrected_by

    contains(served.send_to("pacs"), "pacs has it now")
    segs, reports = served.results(_orthanc), served.results(_orthanc, "SR")
    assert (len(segs), len(reports)) == (2, 4), (len(segs), len(reports))
    seg = _saved()[0]
    assert corrected_by(seg) in {tags["SOPInstanceUID"] for tags in segs}
    words = latest(_said())
    assert [words[uid].verdict for uid in (corrected_by(seg), seg.SOPInstanceUID)] == [
        *("amended", "accepted")
    ]
    contains(served.send_to("pacs"), "had it already")
    picture("corrected_sent", _module())
    return "; ".join(sorted(tags["SeriesDescription"] for tags in reports))


def _rejected() -> str:
    """A second result is rejected: without a reason it is not; its state is saved with that."""
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    contains(_decide("rejectButton"), "without a reason")
    contains(_decide("rejectButton", "the wrong patient"), "Rejected by", "the wrong patient")
    contains(panel.save(), "Saved into the image's study")
    (one,) = _said()
    assert (one.verdict, one.assessed) == ("rejected", _saved()[0].SOPInstanceUID)
    picture("rejected", _module())
    return f"{one.by}: {one.reason}"


_STEPS = (
    ("Amended", _amended),
    ("Corrected in the Segment Editor", _corrected),
    ("Saved", _saved_corrected),
    ("Accepted", _accepted),
    ("Sent back", _sent),
    ("Rejected", _rejected),
)

with served.orthanc() as (_orthanc, _model):
    served.name_servers({"pacs": _orthanc.source})
    panel.load_image()
    panel.open_panel()
    served.look_in("pacs")
    panel.until(served.rows)
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    for _name, _action in _STEPS:
        step(_name, _action)
shutil.rmtree(served.WORK, ignore_errors=True)
finish()
