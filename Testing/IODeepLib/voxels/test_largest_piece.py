"""The box around the largest piece, judged by SimpleITK's components of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from IODeepLib.voxels.largest_piece import largest_box


def judge(mask):
    """The box of the component with the most voxels, the first one of equals."""
    numbers = sitk.GetArrayFromImage(
        sitk.ConnectedComponent(sitk.GetImageFromArray(mask * 1), False)
    )
    counts = np.bincount(numbers.ravel())[1:]
    if not len(counts):
        return None
    where = np.argwhere(numbers == 1 + counts.argmax())
    low, high = where.min(axis=0), where.max(axis=0) + 1
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


@settings(deadline=None, max_examples=80)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    part=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_mask(shape, part, seed):
    mask = np.random.default_rng(seed).random(shape) < part
    assert largest_box(iter(mask)) == judge(mask)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_piece_that_joins_late(axis):
    """Two legs that meet in the last plane are more than the body between them."""
    mask = np.zeros((9, 9, 9), bool)
    mask[:, 1, 1] = mask[:, 7, 7] = True
    mask[8, 1:8, 1], mask[8, 7, 1:8] = True, True
    mask[2:5, 3:5, 3:6] = True
    mask = np.moveaxis(mask, 0, axis)
    for one in (mask, mask[::-1], mask[:, ::-1]):
        assert largest_box(one) == judge(one) is not None


def test_pieces_over_corners_are_apart_and_the_first_of_equals_counts():
    mask = np.zeros((3, 4, 4), bool)
    mask[1, 0, 0] = mask[2, 1, 1] = mask[0, 3, 3] = True
    assert largest_box(mask) == (slice(0, 1), slice(3, 4), slice(3, 4))


def test_nothing_at_all():
    assert largest_box(np.zeros((3, 4, 5), bool)) is None
    assert largest_box([]) is None
