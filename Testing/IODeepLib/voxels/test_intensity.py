"""Intensity steps, judged by numpy's own statistics in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from IODeepLib.recipe import (
    Clip,
    MinMax,
    Over,
    Per,
    PercentileClip,
    Quantise,
    ScaleOffset,
    Window,
    ZScore,
)
from IODeepLib.voxels.intensity import apply_steps

SHAPE = (6, 7, 8)


def image(seed=0, zeros=0.3):
    rng = np.random.default_rng(seed)
    values = rng.gamma(2, 200, SHAPE) - 50
    values[rng.random(SHAPE) < zeros] = 0
    return values.astype(np.float32)


def after(array, *steps, **kwargs):
    result = array.copy(order="K")
    apply_steps(result, steps, **kwargs)
    return result


def mask():
    result = np.zeros(SHAPE, bool)
    result[1:5, 2:6, 1:7] = True
    return result


def chosen(array, over):
    return {Over.ALL: np.ones(SHAPE, bool), Over.NONZERO: array != 0, Over.MASK: mask()}[over]


def test_clip_window_scale():
    x = image().astype(np.float64)
    for step, judge in (
        (Clip(-10, 100), np.clip(x, -10, 100)),
        (Window(40, 400), np.clip((x - 40) / 400 + 0.5, 0, 1)),
        (ScaleOffset(0.004, -0.2), x * 0.004 - 0.2),
        (ScaleOffset(), x),
    ):
        np.testing.assert_allclose(after(image(), step), judge, rtol=1e-5, atol=1e-4)


def test_quantise_is_what_eight_bits_hold():
    x = np.linspace(-0.1, 1.1, 1000).astype(np.float32).reshape(10, 10, 10)
    judge = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    ours = after(x, Quantise(256))
    np.testing.assert_array_equal(np.rint(ours * 255).astype(np.uint8), judge)
    assert len(np.unique(ours)) == 256
    assert ours.min() == 0 and ours.max() == 1


@pytest.mark.parametrize("over", list(Over))
@pytest.mark.parametrize("percents", [(0.5, 99.5), (0, 99.9), (0, 100), (50, 50.5)])
def test_percentiles_are_numpys(over, percents):
    x = image()
    where = chosen(x, over)
    low, high = np.percentile(x[where].astype(np.float64), percents)
    judge = np.where(where, np.clip(x, low, high), x)
    ours = after(x, PercentileClip(*percents, over=over), mask=mask)
    np.testing.assert_allclose(ours, judge, rtol=1e-6)


@pytest.mark.parametrize("over", list(Over))
@pytest.mark.parametrize("unbiased", [False, True])
def test_z_score_is_measured_in_float64(over, unbiased):
    x = image() + np.float32(1e5)  # far from 0, where float32 sums would be off
    x[image() == 0] = 0
    where = chosen(x, over)
    values = x[where].astype(np.float64)
    judge = np.where(where, (x - values.mean()) / values.std(ddof=int(unbiased)), x)
    ours = after(x, ZScore(over=over, unbiased=unbiased), mask=mask)
    np.testing.assert_allclose(ours, judge, rtol=1e-3, atol=1e-3)


def test_z_score_with_given_figures():
    x = image().astype(np.float64)
    np.testing.assert_allclose(after(image(), ZScore(100, 50)), (x - 100) / 50, atol=1e-4)
    np.testing.assert_allclose(
        after(image(), ZScore(std=50)), (x - x.mean()) / 50, rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("over", list(Over))
def test_min_max(over):
    x = image()
    where = chosen(x, over)
    low, high = x[where].min(), x[where].max()
    judge = np.where(where, (x - low) / (high - low) * 3 - 1, x)
    ours = after(x, MinMax(-1, 2, over=over), mask=mask)
    np.testing.assert_allclose(ours, judge, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [ZScore, MinMax, lambda per: PercentileClip(5, 95, per=per)])
def test_once_a_slice(axis, step):
    x = image()
    ours = after(x, step(per=Per.SLICE), slice_axis=axis)
    for i in range(x.shape[axis]):
        plane = np.expand_dims(x.take(i, axis), 0)
        judge = after(plane, step(per=Per.VOLUME))
        np.testing.assert_allclose(ours.take(i, axis), judge[0], rtol=1e-6, atol=1e-6)


def test_nonzero_is_what_was_not_zero_at_first():
    x = image()
    steps = (ScaleOffset(1, 100), ZScore(over=Over.NONZERO))
    ours = after(x, *steps)
    assert (ours[x == 0] == 100).all()
    assert abs(ours[x != 0].mean()) < 1e-4


@pytest.mark.parametrize("over", list(Over))
@pytest.mark.parametrize("value", [0, 7, -1024])
def test_a_constant_image_stays_finite(over, value):
    x = np.full(SHAPE, value, np.float32)
    where = chosen(x, over)
    with np.errstate(all="raise"):
        z = after(x, ZScore(over=over, unbiased=True), mask=mask)
        m = after(x, MinMax(2, 5, over=over), mask=mask)
        p = after(x, PercentileClip(1, 99, over=over), mask=mask)
    np.testing.assert_array_equal(z, np.where(where, 0, value))
    np.testing.assert_array_equal(m, np.where(where, 2, value))
    np.testing.assert_array_equal(p, x)


def test_turned_memory_makes_no_difference():
    steps = (PercentileClip(1, 99), MinMax(), ZScore(over=Over.NONZERO), Quantise(16))
    straight = after(image(), *steps)
    turned = image().transpose(2, 0, 1).copy().transpose(1, 2, 0)
    np.testing.assert_array_equal(after(turned, *steps), straight)
    view = np.zeros((12, 7, 16), np.float32)[::2, :, ::-2]
    view[...] = image()
    apply_steps(view, steps)
    np.testing.assert_array_equal(view, straight)


def test_a_mask_that_is_not_there():
    with pytest.raises(ValueError, match="mask"):
        after(image(), ZScore(over=Over.MASK))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 50), st.floats(0, 100), st.floats(0, 100), st.integers(0, 9))
def test_percentiles_of_few_voxels(count, a, b, seed):
    low, high = min(a, b), max(a, b)
    assume(low < high)
    x = np.random.default_rng(seed).normal(size=(1, 1, count)).astype(np.float32)
    judge = np.clip(x, *np.percentile(x.astype(np.float64), (low, high)))
    np.testing.assert_allclose(after(x, PercentileClip(low, high)), judge, rtol=1e-6, atol=1e-6)
