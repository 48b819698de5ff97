"""What people say of a result, kept with its node, in Slicer's own core."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import slicer
from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.replacing import replaceContent
from IODeepSlicer.scene.reviews import Review, Verdict, addReview, isOutdated, reviewsOf
from IODeepSlicer.scene.segments import Origin, SegmentNow

from IODeepLib.errors import ImageError, UsageError

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture(params=["vtkMRMLSegmentationNode", "vtkMRMLTableNode"])
def result(request: pytest.FixtureRequest, scene: object) -> slicer.vtkMRMLNode:
    node = slicer.mrmlScene.AddNewNodeByClass(request.param, "result")
    node.SetAttribute(nodes.DOCUMENT, json.dumps({"empty": False}))
    return node


def test_what_is_said_is_kept_in_order_and_comes_back(
    result: slicer.vtkMRMLNode, tmp_path: Path
) -> None:
    assert reviewsOf(result) == []
    before = datetime.now().astimezone() - timedelta(seconds=1)
    said = [
        addReview(result, Verdict.AMENDED, "Ada", " the rim is too wide "),
        addReview(result, Verdict.ACCEPTED, "Ben"),
    ]
    assert said[0].reason == "the rim is too wide"
    for review in said:
        assert before <= datetime.fromisoformat(review.when) <= datetime.now().astimezone()
    bundle = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(bundle)
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(bundle)
    back = slicer.util.getNode("result")
    assert reviewsOf(back) == said
    assert back.GetDescription() == str(said[1])
    assert "Ben" in str(said[1]) and "rim" in str(said[0])
    assert nodes.documentOf(back)["empty"] is False


def test_who_rejects_says_why_and_everybody_has_a_name(result: slicer.vtkMRMLNode) -> None:
    with pytest.raises(UsageError, match="without a reason"):
        addReview(result, Verdict.REJECTED, "Ada", "  ")
    with pytest.raises(UsageError, match="without a name"):
        addReview(result, Verdict.ACCEPTED, " ")
    assert reviewsOf(result) == [] and result.GetDescription() in ("", None)


def test_only_results_are_reviewed() -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    with pytest.raises(ImageError, match="not made by IODeep"):
        addReview(node, Verdict.ACCEPTED, "Ada")


@pytest.mark.parametrize(
    "kept",
    [
        "x",
        [1, None, {}, [], {"verdict": "accepted"}],
        [{"verdict": "perfect", "by": "A", "when": "2026-01-01T00:00:00+00:00"}],
        [{"verdict": "accepted", "by": 1, "when": "2026-01-01T00:00:00+00:00"}],
        [{"verdict": "accepted", "by": "A", "when": "<b>now</b>"}],
        [{"verdict": "accepted", "by": "A" * 2000, "when": "2026-01-01T00:00:00+00:00"}],
        [{"verdict": [], "by": "A", "when": "2026-01-01T00:00:00+00:00"}],
    ],
)
def test_what_a_scene_from_elsewhere_has_instead_is_passed_over(
    result: slicer.vtkMRMLNode, kept: object
) -> None:
    result.SetAttribute(nodes.DOCUMENT, json.dumps({"reviews": kept}))
    assert reviewsOf(result) == []
    review = addReview(result, Verdict.ACCEPTED, "Ada", "<b>right</b>")
    assert reviewsOf(result) == [review]
    assert "<" not in result.GetDescription()


def test_a_review_of_other_segments_is_outdated(result: slicer.vtkMRMLNode) -> None:
    def segments(**voxels: str) -> list[SegmentNow]:
        return [
            SegmentNow(name, name, (1, 0, 0), "", Origin.FOUND, 1, len(which), which, None)
            for name, which in voxels.items()
        ]

    addReview(result, Verdict.ACCEPTED, "Ada", found=segments(liver="abc", spleen="d"))
    (review,) = reviewsOf(result)
    assert not isOutdated(review, segments(liver="abc", spleen="d", heart=""))
    assert isOutdated(review, segments(liver="abd", spleen="d"))
    assert isOutdated(review, segments(liver="abc"))
    assert isOutdated(review, segments(liver="abc", spleen="d", heart="e"))
    unknown = addReview(result, Verdict.ACCEPTED, "Ada")
    assert not isOutdated(unknown, segments(liver="a"))


def test_another_content_is_not_reviewed() -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "result")
    node.SetAttribute(nodes.DOCUMENT, "{}")
    addReview(node, Verdict.ACCEPTED, "Ada")
    new = slicer.vtkMRMLSegmentationNode()
    new.SetAttribute(nodes.DOCUMENT, "{}")
    replaceContent(node, new)
    assert reviewsOf(node) == [] and node.GetDescription() == ""


def test_a_review_in_words() -> None:
    review = Review(Verdict.REJECTED, "Ada", "2026-11-27T01:02:03+01:00", "it is the other kidney")
    assert str(review) == "Rejected by Ada, 2026-11-27 01:02: it is the other kidney"
