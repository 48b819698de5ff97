"""Figures of masks, held against distances that are computed one by one, and against SimpleITK."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("monai")

import SimpleITK as sitk  # noqa: N813
from scipy import ndimage
from scipy.spatial.distance import cdist

from IODeepLib.evaluation.measures import measure

SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.7, 0.8), (0.5, 2.5, 1.25)]
SHAPE = (9, 14, 12)


def blob(seed: int) -> np.ndarray:
    """An irregular shape, maybe in pieces, that may touch the edges."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(SHAPE), 1.3)
    return noise > np.quantile(noise, 0.85)


def surface(mask: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """(n, 3) millimeters of voxels of which a face touches something else."""
    padded = np.pad(mask, 1)
    inside = padded.copy()
    for axis in range(mask.ndim):
        for step in (1, -1):
            inside &= np.roll(padded, step, axis)
    edge = padded & ~inside
    return np.argwhere(edge) * np.array(spacing)


def by_hand(
    one: np.ndarray, other: np.ndarray, spacing: tuple[float, ...], tolerance: float
) -> tuple[float, float]:
    """Surface Dice and Hausdorff 95 of all pairs of surface voxels."""
    apart = cdist(surface(one, spacing), surface(other, spacing))
    ways = apart.min(axis=1), apart.min(axis=0)
    near = sum(int((way <= tolerance + 1e-6).sum()) for way in ways)
    return near / sum(map(len, ways)), max(float(np.percentile(way, 95)) for way in ways)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(4))
def test_all_pairs_of_surface_voxels(seed: int, spacing: tuple[float, float, float]) -> None:
    one, other = blob(seed), blob(seed + 100)
    for tolerance in (0.0, 1.0, 2.5):
        values = measure(one, other, spacing, tolerance)
        wanted = by_hand(one, other, spacing, tolerance)
        assert (values.surface_dice, values.hausdorff95) == pytest.approx(wanted, abs=1e-5)
    assert values.dice == pytest.approx(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_simpleitk_measures_the_same(spacing: tuple[float, float, float]) -> None:
    """Dice; and for boxes, of which each voxel's nearest is one of the surface, the distance."""
    one, other = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    one[2:6, 3:9, 2:8] = True
    other[3:7, 4:9, 2:10] = True
    images = []
    for mask in (one, other):
        images.append(sitk.GetImageFromArray(mask.astype(np.uint8)))
        images[-1].SetSpacing(spacing[::-1])
    overlap, distance = sitk.LabelOverlapMeasuresImageFilter(), sitk.HausdorffDistanceImageFilter()
    overlap.Execute(*images)
    distance.Execute(*images)
    values = measure(one, other, spacing, 1.0)
    assert values.dice == pytest.approx(overlap.GetDiceCoefficient())
    assert values.hausdorff95 <= distance.GetHausdorffDistance() + 1e-5
    moved = np.roll(one, 2, axis=1)  # each surface voxel of the ends is as far
    images[1] = sitk.GetImageFromArray(moved.astype(np.uint8))
    images[1].SetSpacing(spacing[::-1])
    distance.Execute(*images)
    assert by_hand(one, moved, spacing, 1.0)[1] == pytest.approx(
        measure(one, moved, spacing, 1.0).hausdorff95, abs=1e-5
    )
    assert distance.GetHausdorffDistance() == pytest.approx(2 * spacing[1])


def test_a_shift_of_known_length() -> None:
    """A cube moved by two voxels of 3 mm, seen from its ends; within 6 mm all is near."""
    one = np.zeros((20, 10, 10), bool)
    one[4:12, 2:8, 2:8] = True
    other = np.roll(one, 2, axis=0)
    assert measure(one, other, (3.0, 1.0, 1.0), 6.0).surface_dice == 1.0
    assert measure(one, other, (3.0, 1.0, 1.0), 6.0).hausdorff95 == pytest.approx(6.0)
    assert measure(one, one, (3.0, 1.0, 1.0), 0.0) == measure(one.copy(), one, (3.0, 1, 1), 0.0)
    assert measure(one, one, (3.0, 1.0, 1.0), 0.0).hausdorff95 == 0.0


def test_a_single_slice_has_an_outline() -> None:
    one, other = np.zeros((2, 1, 16, 16), bool)
    one[0, 3:12, 3:12], other[0, 3:12, 5:14] = True, True
    values = measure(one, other, (5.0, 1.0, 0.5), 0.6)
    flat = by_hand(one[0], other[0], (1.0, 0.5), 0.6)
    assert (values.surface_dice, values.hausdorff95) == pytest.approx(flat, abs=1e-5)
    thick = np.zeros((3, 16, 16), bool)  # within a volume, a label of one slice has two faces
    thick[1, 3:12, 3:12] = True
    values = measure(thick, np.roll(thick, 2, axis=2), (5.0, 1.0, 0.5), 0.6)
    wanted = by_hand(thick, np.roll(thick, 2, axis=2), (5.0, 1.0, 0.5), 0.6)
    assert (values.surface_dice, values.hausdorff95) == pytest.approx(wanted, abs=1e-5)
    assert values.surface_dice != pytest.approx(flat[0])


@pytest.mark.parametrize(
    ("one", "other", "dice", "surface_dice"),
    [(0, 0, None, None), (1, 0, 0.0, 0.0), (0, 1, 0.0, 0.0)],
)
def test_what_is_empty_has_no_distance(
    one: int, other: int, dice: float | None, surface_dice: float | None
) -> None:
    masks = [np.full(SHAPE, bool(there)) for there in (one, other)]
    values = measure(*masks, (1.0, 1.0, 1.0), 1.0)
    assert (values.dice, values.surface_dice, values.hausdorff95) == (dice, surface_dice, None)
    assert values.why


def test_a_speck_far_away_costs_no_memory_of_the_image() -> None:
    """The same figures wherever the masks lie in a larger image."""
    one, other = blob(1), blob(2)
    large = [np.zeros((40, 60, 50), bool) for _ in range(2)]
    for mask, own in zip(large, (one, other), strict=True):
        mask[20:29, 30:44, 7:19] = own
    small = measure(np.pad(one, 1), np.pad(other, 1), (2.0, 1.0, 1.5), 1.0)
    found = measure(*large, (2.0, 1.0, 1.5), 1.0)
    assert math.isclose(found.hausdorff95 or 0, small.hausdorff95 or 1, rel_tol=1e-6)
    assert found.surface_dice == small.surface_dice
