"""What people said of results, saved as DICOM SR beside them, in the order in which people work."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
import slicer
import slicer_application
from IODeepSlicer.scene import assessments, images, nodes, reviews, saved, segments
from IODeepSlicer.scene.reviews import addReview
from IODeepSlicer.work import saving
from judges import standard_errors

from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.results.assessment import Assessment, Verdict, read_assessment
from IODeepLib.results.corrections import corrected_by

pytestmark = pytest.mark.usefixtures("scene")

Result = slicer.vtkMRMLSegmentationNode
ACCEPTED, AMENDED, REJECTED = reviews.Verdict


@pytest.fixture
def result(scene: object, study: Path, network: Model) -> Result:
    volume = slicer_application.load(study)
    found = run(images.imageOf(volume), network)
    return nodes.createSegmentationNode(volume, network, found.segmentation, found.document())


def edit(result: Result, where: tuple = (slice(0, 2),), value: int = 0) -> None:
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName("grey")
    volume = nodes.imageNodeOf(result)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, volume)
    mask[where] = value
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, volume)


def review(
    result: Result, verdict: reviews.Verdict, reason: str = "", by: str = "Jane Doe"
) -> None:
    addReview(result, verdict, by, reason, segments.now(result))


def header(uid: str) -> pydicom.Dataset:
    path = slicer.dicomDatabase.fileForInstance(uid)
    assert standard_errors(Path(path)) == []
    return pydicom.dcmread(path, stop_before_pixels=True)


def save(result: Result, network: Model) -> tuple[str, str, list[Assessment]]:
    """UIDs of the segmentation and the report, and what people said."""
    seg, report, *others = saving.saveToDatabase(result, [network])
    found = [read_assessment(header(uid)) for uid in others]
    assert None not in found
    assert saving.isSaved(result, segments.now(result))
    return seg, report, [one for one in found if one is not None]


def test_corrected_and_accepted(result: Result, network: Model) -> None:
    """Amend saves what was found; the correction names it, and so does what is said of it."""
    review(result, AMENDED, "the rim is too wide")
    assert assessments.pendingOf(result, segments.now(result)) == []
    original, _report, said = save(result, network)
    assert said == []
    edit(result)
    assert not saving.isSaved(result, segments.now(result))
    corrected, report, (amended,) = save(result, network)
    assert corrected_by(header(corrected)) == original
    assert (amended.verdict, amended.assessed, amended.corrected) == (
        *(Verdict.AMENDED, original, corrected),
    )
    assert (amended.by, amended.reason) == ("Doe^Jane", "the rim is too wide")
    (kept,) = reviews.reviewsOf(result)
    assert amended.when.isoformat() == kept.when

    review(result, ACCEPTED, by="Ada")
    again, same, (_, accepted) = save(result, network)
    assert (again, same) == (corrected, report), "what is there is not saved again"
    assert (accepted.verdict, accepted.assessed, accepted.by.rstrip("^")) == (
        *(Verdict.ACCEPTED, corrected, "Ada"),
    )
    files = saved.filesToSend(result, segments.now(result))
    uids = [file.stem for file in files]
    assert uids[0] == original and {corrected, report} < set(uids) and len(uids) == 6
    (_, _, said) = save(result, network)
    assert len(said) == 2, "and so is what was said"


def test_the_last_word_on_a_state_is_written(result: Result, network: Model) -> None:
    review(result, ACCEPTED)
    review(result, REJECTED, "it is the other kidney")
    seg, _report, (rejected,) = save(result, network)
    assert (rejected.verdict, rejected.assessed, rejected.corrected) == (Verdict.REJECTED, seg, "")
    review(result, ACCEPTED, "after all")
    _seg, _report, said = save(result, network)
    assert [one.verdict for one in said] == [Verdict.REJECTED, Verdict.ACCEPTED]


def test_what_was_said_of_a_state_that_is_gone_is_not_said_of_another(
    result: Result, network: Model
) -> None:
    review(result, REJECTED, "no good")
    edit(result)
    _seg, _report, said = save(result, network)
    assert said == []


def test_all_that_was_found_was_wrong(result: Result, network: Model) -> None:
    """Nothing is left: the report says so, and is what is right instead."""
    original = save(result, network)[0]
    review(result, AMENDED, "there is nothing")
    for segment_id in result.GetSegmentation().GetSegmentIDs():
        result.GetSegmentation().RemoveSegment(segment_id)
    report, other = saving.saveToDatabase(result, [network])
    said = read_assessment(header(other))
    assert said is not None
    assert (said.assessed, said.corrected) == (original, report)


def test_a_scene_that_comes_back(result: Result, network: Model, tmp_path: Path) -> None:
    review(result, ACCEPTED)
    save(result, network)
    bundle = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(bundle)
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(bundle)
    (back,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert saving.isSaved(back, segments.now(back))


@pytest.mark.parametrize(
    ("attribute", "kept"),
    [
        ("IODeep.SavedHistory", "x"),
        ("IODeep.SavedHistory", '{"a": 1}'),
        ("IODeep.SavedHistory", '[1, {"segments": {}, "uids": ["../../x"]}, {"uids": []}, {}]'),
        ("IODeep.SavedReviews", "x"),
        ("IODeep.SavedReviews", "[1, null]"),
        ("IODeep.SavedReviews", "{}"),
    ],
)
def test_a_scene_from_elsewhere(result: Result, network: Model, attribute: str, kept: str) -> None:
    result.SetAttribute(attribute, kept)
    document = json.loads(result.GetAttribute(nodes.DOCUMENT))
    marks = reviews.marksOf(segments.now(result))
    said = {"verdict": "accepted", "by": "Ada", "when": "2026-01-01T00:00:00", "segments": marks}
    document["reviews"] = [said, said | {"verdict": "rejected"}, said | {"by": "<b>"}]
    result.SetAttribute(nodes.DOCUMENT, json.dumps(document))
    assert save(result, network)[2] == []
