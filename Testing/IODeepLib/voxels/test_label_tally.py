"""Labels counted, known again and measured, a slice at a time; SimpleITK is the judge."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from IODeepLib.voxels.label_tally import LabelTally

SHAPE = (7, 11, 13)


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 4, SHAPE, np.uint8)


def tally_of(labels: np.ndarray, image: np.ndarray | None = None, start=(0, 0, 0)) -> LabelTally:
    tally = LabelTally(SHAPE[2])
    for k, plane in enumerate(labels):
        tally.add(k + start[0], plane, start[1:], None if image is None else image[k])
    return tally


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32, np.uint8, np.int32])
def test_it_measures_as_simpleitk_does(labels: np.ndarray, kind: type) -> None:
    image = np.random.default_rng(4).normal(100, 30, SHAPE).clip(0).astype(kind)
    judge = SimpleITK.LabelIntensityStatisticsImageFilter()
    judge.SetNumberOfBins(2**16)
    judge.Execute(
        SimpleITK.GetImageFromArray(labels), SimpleITK.GetImageFromArray(image.astype(np.float64))
    )
    tally = tally_of(labels, image)
    for value in (1, 2, 3):
        found = tally.measured(value)
        assert tally.voxels(value) == judge.GetNumberOfPixels(value)
        assert found.mean == pytest.approx(judge.GetMean(value))
        assert found.stdev == pytest.approx(judge.GetStandardDeviation(value))
        assert found.minimum == judge.GetMinimum(value)
        assert found.maximum == judge.GetMaximum(value)
        assert found.median == np.median(image[labels == value])


def test_large_values_keep_their_digits() -> None:
    labels = np.ones((1, 1, 2), np.uint8)
    found = tally_of(labels, np.array([[[1_000_001.0, 1_000_003.0]]])).measured(1)
    assert found.stdev == pytest.approx(2**0.5)
    ends = np.array([[[-(2**15), 2**15 - 1]]], np.int16)
    found = tally_of(labels, ends).measured(1)
    assert (found.minimum, found.median, found.maximum) == (-(2**15), -0.5, 2**15 - 1)
    found = tally_of(labels, np.array([[[0, 2**16 - 1]]], np.uint16)).measured(1)
    assert (found.minimum, found.maximum) == (0, 2**16 - 1)


def test_a_voxel_alone_has_no_deviation_and_a_label_without_voxels_nothing() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 3, 4] = 1
    tally = tally_of(labels, np.full(SHAPE, 5, np.int16))
    assert tally.measured(1).stdev is None
    assert (tally.voxels(2), tally.fingerprint(2), tally.measured(2)) == (0, "", None)


def test_every_voxel_counts(labels: np.ndarray) -> None:
    former = tally_of(labels)
    for place in [(0, 0, 0), (3, 5, 6), (6, 10, 12)]:
        edited = labels.copy()
        edited[place] = 1 if labels[place] != 1 else 2
        now = tally_of(edited)
        changed = {v for v in (1, 2, 3) if now.fingerprint(v) != former.fingerprint(v)}
        assert changed == {labels[place], edited[place]} - {0}


def test_voxels_that_move_are_others() -> None:
    """In each direction, to the next one."""
    seen = set()
    for place in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (1, 0, 12)]:
        labels = np.zeros(SHAPE, np.uint8)
        labels[place] = 1
        seen.add(tally_of(labels).fingerprint(1))
    assert len(seen) == 5


def test_a_part_of_the_grid_with_other_values_is_the_same() -> None:
    """As Slicer keeps segments: cropped, in layers, each with values of its own."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:5, 3:6, 4:9] = 1
    labels[3, 4, 5] = 0
    whole = tally_of(labels)
    part = tally_of(labels[2:5, 3:6, 4:9].astype(np.int16) * 7, start=(2, 3, 4))
    assert part.fingerprint(7) == whole.fingerprint(1) != ""
    assert part.voxels(7) == whole.voxels(1)
