"""What people said of a result decides whether it is a truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from makers.cohorts import images_of, organs, write_result

from IODeepLib.cohort import collect
from IODeepLib.cohort.objects import SegObject, objects_in
from IODeepLib.cohort.standing import obstacles
from IODeepLib.model_object import Model
from IODeepLib.results.assessment import Assessment, Verdict, make_assessment
from IODeepLib.series import find_series

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def said(seg: SegObject, verdict: Verdict, days: int = 0, corrected: str = "") -> Assessment:
    when = NOW + timedelta(days=days)
    return Assessment(verdict, seg.sop_uid, "Somebody", when, corrected=corrected)


@pytest.fixture(scope="module")
def segs(tmp_path_factory: pytest.TempPathFactory) -> list[SegObject]:
    """A result, and two corrections of it."""
    folder = tmp_path_factory.mktemp("results")
    truth = organs(0)
    images_of(truth, 0).write(folder / "images")
    (series,) = find_series(folder / "images")
    stored = write_result(folder / "0.dcm", series, truth)
    for i in (1, 2):
        moved = truth.copy()
        moved[0, 0, i] = 1
        write_result(folder / f"{i}.dcm", series, moved, stored)
    found = objects_in([folder / f"{i}.dcm" for i in range(3)])
    assert not found.left_out
    return found.segs


def test_a_result_counts_once_it_is_accepted(segs: list[SegObject]) -> None:
    result = segs[:1]
    assert obstacles(result, [], automatic=True)
    assert not obstacles(result, [said(result[0], Verdict.ACCEPTED)], automatic=False)


@pytest.mark.parametrize("verdict", [Verdict.REJECTED, Verdict.AMENDED])
def test_the_last_word_counts(segs: list[SegObject], verdict: Verdict) -> None:
    result = segs[:1]
    words = [said(result[0], Verdict.ACCEPTED, 1), said(result[0], verdict, 2)]
    assert result[0].sop_uid in obstacles(result, words, automatic=False)
    words = [said(result[0], verdict, 1), said(result[0], Verdict.ACCEPTED, 2)]
    assert not obstacles(result, words, automatic=False)


def test_a_rejected_correction_leaves_the_other_one(
    segs: list[SegObject],
) -> None:
    words = [said(segs[2], Verdict.REJECTED)]
    why = obstacles(segs, words, automatic=False)
    assert set(why) == {segs[0].sop_uid, segs[2].sop_uid}


def test_of_two_corrections_the_newer_one(segs: list[SegObject], tmp_path: Path) -> None:
    words = [said(segs[1], Verdict.ACCEPTED, 5), said(segs[2], Verdict.ACCEPTED, 1)]
    why = obstacles(segs, words, automatic=False)
    assert set(why) == {segs[0].sop_uid, segs[2].sop_uid}
    assert "newer correction" in why[segs[2].sop_uid]


def test_corrections_that_go_round_in_circles_end(segs: list[SegObject]) -> None:
    from dataclasses import replace

    one, other = segs[1:]
    circle = [replace(one, corrects=other.sop_uid), replace(other, corrects=one.sop_uid)]
    assert set(obstacles(circle, [], automatic=False)) == {one.sop_uid, other.sop_uid}


def test_an_assessment_that_lies_beside_it_is_found(model: Model, tmp_path: Path) -> None:
    truth = organs(0)
    images_of(truth, 0).write(tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    write_result(tmp_path / "result.dcm", series, truth)
    assert not collect(tmp_path, model).cases
    for i, verdict in enumerate((Verdict.ACCEPTED, Verdict.REJECTED)):
        when = NOW + timedelta(days=i)
        made = make_assessment(
            tmp_path / "result.dcm", verdict, by="Doe^Jane", when=when, reason="of no use"
        )
        made.save(tmp_path / f"said{i}.dcm")
        assert len(collect(tmp_path, model).cases) == 1 - i
