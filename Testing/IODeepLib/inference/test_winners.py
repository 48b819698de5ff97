"""The highest channel at each voxel of a plane, against all channels sorted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from IODeepLib.inference import winners
from IODeepLib.inference.winners import first_highest, winners_of


@settings(deadline=None, max_examples=60)
@given(
    channels=st.integers(1, 30),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    together=st.sampled_from([1, 40, 1 << 15]),
    levels=st.sampled_from([0, 2]),
    scale=st.sampled_from([1e-3, 1.0, 1e6]),
    seed=st.integers(0, 99),
)
def test_winners_are_the_highest_and_none_that_is_close_is_missed(
    channels, shape, together, levels, scale, seed
):
    chance = np.random.default_rng(seed)
    scores = chance.standard_normal((channels, *shape), np.float32)
    if levels:
        scores = np.rint(scores * levels)
    scores += 4 * chance.standard_normal((channels, 1, 1), np.float32).round(1)  # few can win
    scores *= np.float32(scale)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winners, "_TOGETHER", together)
        found, first = winners_of(scores), first_highest(scores)
    np.testing.assert_array_equal(first, scores.argmax(axis=0))
    taken = np.take_along_axis(scores, found.channel[None].astype(np.intp), 0)[0]
    highest = np.sort(scores, axis=0)[::-1]
    np.testing.assert_array_equal(taken, highest[0])
    if channels > 1:
        gap = highest[0] - highest[1]
        assert found.close[gap == 0].all()
        assert not found.close[gap > 1e-5 * np.abs(highest[0]).max()].any()
    else:
        assert not found.close.any()
    for start in range(shape[0]):
        rows = slice(start, min(start + 3, shape[0]))
        assert (found.high_in(rows) >= scores[:, rows].max(axis=(1, 2))).all()
    np.testing.assert_array_equal(found.high.max(axis=1), scores.max(axis=(1, 2)))
