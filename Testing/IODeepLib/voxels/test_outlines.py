"""Outlines of masks, filled again by matplotlib, which asks whether a center lies in a polygon."""

from __future__ import annotations

import numpy as np
import pytest
from judges import filled

from IODeepLib.voxels import outlines as module
from IODeepLib.voxels.outlines import outlines


def area(polygon: np.ndarray) -> float:
    """Positive where the voxels lie on the right."""
    rows, columns = polygon.T.astype(float)
    return float((columns * np.roll(rows, -1) - rows * np.roll(columns, -1)).sum() / 2)


def check(mask: np.ndarray) -> int:
    """Filled, all outlines give the mask and its area; how many there are."""
    found = list(outlines(mask))
    again = np.zeros_like(mask)
    for k, polygon in found:
        inside = filled(polygon - 0.5, mask.shape[1:])
        assert not (again[k] & inside).any()
        again[k] |= inside
        assert area(polygon) == inside.sum()
        assert (polygon[0] != polygon[1]).any()
    np.testing.assert_array_equal(again, mask)
    return len(found)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.7, 0.95, 1.0])
def test_masks_by_chance(share: float) -> None:
    check(np.random.default_rng(1).random((4, 11, 17)) <= share)


def test_a_voxel_is_a_square() -> None:
    mask = np.zeros((2, 3, 4), bool)
    mask[1, 2, 3] = True
    ((k, polygon),) = outlines(mask)
    assert k == 1
    assert polygon.tolist() == [[2, 3], [2, 4], [3, 4], [3, 3]]


def test_straight_lines_have_two_points() -> None:
    ((_, polygon),) = outlines(np.ones((1, 50, 70), bool))
    assert len(polygon) == 4


def test_rings_within_rings_are_as_many_outlines() -> None:
    rows, columns = np.mgrid[:41, :41]
    mask = (np.maximum(abs(rows - 20), abs(columns - 20)) % 4 < 2)[np.newaxis]
    assert check(mask) == 6


def test_many_holes_beside_each_other_are_joined_one_to_another() -> None:
    mask = np.ones((1, 3, 6001), bool)
    mask[0, 1, 1::2] = False
    ((_, polygon),) = outlines(mask)
    assert area(polygon) == mask.sum()
    assert len(polygon) == 4 + 3000 * 7


def test_what_touches_at_a_corner_only_is_two_pieces() -> None:
    for mask in (np.eye(2, dtype=bool), np.eye(2, dtype=bool)[::-1]):
        assert check(mask[np.newaxis]) == 2
        assert check(np.pad(~mask, 1, constant_values=True)[np.newaxis]) == 1


def test_there_may_be_nothing() -> None:
    assert list(outlines(np.zeros((0, 3, 3), bool))) == []
    assert list(outlines(np.zeros((2, 3, 3), bool))) == []


def test_many_slices_are_looked_at_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(2).random((7, 6, 5)) < 0.5
    whole = [(k, polygon.tolist()) for k, polygon in outlines(mask)]
    monkeypatch.setattr(module, "_VOXELS_AT_A_TIME", 70)
    assert [(k, polygon.tolist()) for k, polygon in outlines(mask)] == whole
