"""A difference before it leaves the site, and where it arrives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from makers.rounds import round_of

from IODeepLib.errors import InputError
from IODeepLib.federation.clipping import ROUNDED, clipped, longest, norm
from IODeepLib.federation.records import Trained
from IODeepLib.federation.tensors import Tensor

SHAPES = {"a": (50, 40), "b": (7,)}


def held(values: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {
        name: Tensor(one.shape, memoryview(one.astype("<f4").tobytes()))
        for name, one in values.items()
    }


def weights(seed: int, scale: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        name: (scale * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in SHAPES.items()
    }


TENSORS = tuple(Trained(name, shape) for name, shape in SHAPES.items())


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e20])
@pytest.mark.parametrize("clip", [1e-6, 0.5, 1e6])
def test_no_difference_is_longer_than_the_norm(scale: float, clip: float) -> None:
    said = round_of(clip=clip, tensors=TENSORS)
    before, after = weights(1), weights(2, scale)
    found = clipped(after, held(before), said)
    length = math.sqrt(sum(float(np.sum(np.float64(one) ** 2)) for one in found.values()))
    whole = {name: np.float64(after[name]) - before[name] for name in SHAPES}
    true = math.sqrt(sum(float(np.sum(one**2)) for one in whole.values()))
    assert length <= clip * (1 + ROUNDED) == longest(said)
    assert length == pytest.approx(min(clip, true), rel=1e-6)
    assert norm(held(found).values()) == pytest.approx(length, rel=1e-9)
    for name in SHAPES:  # shorter, and in the same direction
        np.testing.assert_allclose(found[name], whole[name] * length / true, rtol=1e-5)


def test_no_change_is_no_change() -> None:
    found = clipped(weights(1), held(weights(1)), round_of(tensors=TENSORS))
    assert not any(one.any() for one in found.values())


def test_noise_is_as_much_as_the_round_says_and_never_the_same() -> None:
    said = round_of(clip=0.5, noise=3.0, tensors=TENSORS)
    first, second = (clipped(weights(1), held(weights(1)), said)["a"] for _ in range(2))
    assert not np.array_equal(first, second)
    assert np.std(np.concatenate([first, second])) == pytest.approx(1.5, rel=0.1)
    for one in (first, second):
        assert norm(held({"a": one}).values()) <= longest(said)
    assert longest(said) < 1.3 * 0.5 * 3.0 * math.sqrt(2007)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_training_that_went_astray_is_not_sent(value: float) -> None:
    after = weights(2)
    after["b"][3] = value
    with pytest.raises(InputError, match="not finite"):
        clipped(after, held(weights(1)), round_of(tensors=TENSORS))
    length = norm(held({"b": after["b"]}).values())
    assert not length <= longest(round_of(tensors=TENSORS))


def test_training_that_gave_something_else_is_not_sent() -> None:
    for after in ({"a": weights(1)["a"]}, weights(1) | {"b": np.zeros(8, np.float32)}):
        with pytest.raises(InputError, match="'b'"):
            clipped(after, held(weights(1)), round_of(tensors=TENSORS))
