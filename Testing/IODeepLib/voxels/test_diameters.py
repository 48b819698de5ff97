"""Diameters in planes; the judge tries all pairs, with scipy's pieces and hulls."""

from __future__ import annotations

import numpy as np
import pytest
from makers.label_maps import brute_diameters

from IODeepLib.voxels.diameters import diameters


def ellipsoid(rng: np.random.Generator, spacing: np.ndarray) -> np.ndarray:
    """Turned by chance."""
    shape = [int(28 / step) + 3 for step in spacing]
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    places = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True)]
    points = np.stack(np.meshgrid(*places, indexing="ij"), -1) @ turn
    return np.square(points / rng.uniform(2, 13, 3)).sum(axis=-1) <= 1


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.5, 0.7, 0.7), (3, 0.9, 0.6)])
@pytest.mark.parametrize("lost", [0, 0.1, 0.6])
def test_they_are_the_longest_of_all_pairs(
    spacing: tuple[float, float, float], lost: float
) -> None:
    """Whole, with holes, and in many pieces."""
    rng = np.random.default_rng(7)
    for _ in range(4):
        mask = ellipsoid(rng, np.array(spacing))
        mask &= rng.random(mask.shape) >= lost
        assert diameters(mask, spacing[1:]) == pytest.approx(
            brute_diameters(mask, spacing[1:]), rel=1e-9
        )


def test_a_pixel_is_as_long_as_it_is_wide() -> None:
    mask = np.zeros((3, 4, 5), bool)
    mask[2, 3, 4] = True
    assert diameters(mask, (0.5, 2)) == pytest.approx((2, 0.5))
    assert diameters(mask, (2, 2)) == pytest.approx((2, 2))


def test_a_line_is_a_pixel_wide() -> None:
    mask = np.zeros((1, 20, 20), bool)
    mask[0, 7, 3:13] = True
    assert diameters(mask, (1, 0.5)) == pytest.approx((5, 1))


def test_a_segment_that_fills_the_image() -> None:
    """The outline goes around the outermost pixels: 40 x 20 mm, and its corners are cut."""
    mask = np.ones((2, 20, 40), bool)
    found = diameters(mask, (1, 1))
    assert found == pytest.approx(brute_diameters(mask, (1, 1)))
    assert found[0] == pytest.approx(np.hypot(40, 19))


def test_pieces_are_measured_each() -> None:
    mask = np.zeros((1, 30, 30), bool)
    mask[0, 2:5, 2:9] = mask[0, 20:23, 20:29] = True
    alone = mask.copy()
    alone[0, 2:5, 2:9] = False
    assert diameters(mask, (1, 1)) == diameters(alone, (1, 1))


def test_pixels_that_touch_at_a_corner_are_one_piece() -> None:
    mask = np.eye(10, dtype=bool)[np.newaxis]
    assert diameters(mask, (1, 1))[0] == pytest.approx(np.hypot(10, 9))
    assert diameters(mask[:, ::-1], (1, 1))[0] == pytest.approx(np.hypot(10, 9))


def test_a_c_is_one_piece_and_two_rows_of_it_are_not_taken_for_more() -> None:
    """Rows with a run each that do not touch are pieces."""
    mask = np.zeros((1, 12, 12), bool)
    mask[0, 2, 1:5] = mask[0, 3, 7:11] = True
    assert diameters(mask, (1, 1)) == pytest.approx((4, 1))


def test_of_two_that_are_as_long_the_wider_one_counts() -> None:
    mask = np.zeros((2, 20, 20), bool)
    mask[0, 10, 2:18] = mask[1, 10, 2:18] = True
    mask[1, 8:13, 9:12] = True
    assert diameters(mask, (1, 1)) == pytest.approx((16, 5), rel=1e-9)
    assert diameters(mask[::-1], (1, 1)) == pytest.approx((16, 5), rel=1e-9)
