"""The surface of masks, held against balls, whose surface is known, and where it means nothing."""

from __future__ import annotations

import numpy as np
import pytest

from IODeepLib.voxels.surface import surface_area


def ball(radius: float, spacing: tuple[float, float, float]) -> np.ndarray:
    counts = [2 * int(radius / step) + 1 for step in spacing]
    places = [(np.arange(n) - n // 2) * step for n, step in zip(counts, spacing, strict=True)]
    z, y, x = np.ogrid[tuple(slice(0, n) for n in counts)]
    return places[0][z] ** 2 + places[1][y] ** 2 + places[2][x] ** 2 <= radius**2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (1.0, 0.5, 2.0)])
def test_a_ball(spacing: tuple[float, float, float]) -> None:
    assert surface_area(ball(20, spacing), spacing) == pytest.approx(4 * np.pi * 400, rel=0.01)


def test_a_ball_at_the_border_of_the_image_has_a_surface_there() -> None:
    half = ball(20, (1.0, 1.0, 1.0))[20:]
    assert surface_area(half, (1.0, 1.0, 1.0)) == pytest.approx(3 * np.pi * 400, rel=0.05)


@pytest.mark.parametrize(
    ("shape", "known"),
    [((1, 30, 30), False), ((30, 2, 30), False), ((3, 3, 3), True), ((3, 30, 3), True)],
)
def test_what_is_too_thin_has_none(shape: tuple[int, int, int], known: bool) -> None:
    assert (surface_area(np.ones(shape, bool), (1.0, 1.0, 1.0)) is not None) == known


def test_what_is_too_small_has_none() -> None:
    mask = np.ones((3, 3, 3), bool)
    mask[0, 0, 0] = False
    assert surface_area(mask, (1.0, 1.0, 1.0)) is None
