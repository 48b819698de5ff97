"""Epsilon is never below what the mechanism really gives away."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from IODeepLib.federation.accountant import epsilon


def exact(noise: float, rounds: int, delta: float) -> float:
    """The least epsilon of so many Gaussian mechanisms (Balle and Wang 2018, theorem 8).

    Of a length of 2C between two neighbors, and noise of the standard deviation zC in each round:
    together they are one mechanism with the length 2C sqrt(rounds).
    """
    mu = 2 * math.sqrt(rounds) / noise

    def excess(value: float) -> float:
        below = norm.cdf(mu / 2 - value / mu)
        above = math.exp(value + norm.logcdf(-mu / 2 - value / mu))
        return below - above - delta

    return brentq(excess, 0, 1e4)


@pytest.mark.parametrize("noise", [0.5, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("rounds", [1, 2, 50])
@pytest.mark.parametrize("delta", [1e-5, 1e-8])
def test_it_bounds_the_exact_epsilon_and_not_by_much(
    noise: float, rounds: int, delta: float
) -> None:
    told = epsilon([noise] * rounds, delta)
    assert told is not None
    least = exact(noise, rounds, delta)
    assert least <= told <= 1.5 * least


def test_rounds_of_different_noise_add_up() -> None:
    # Two rounds with the noise z are as one with z / sqrt(2).
    assert epsilon([4.0, 4.0], 1e-5) == pytest.approx(epsilon([4 / math.sqrt(2)], 1e-5))
    assert epsilon([1.0, 5.0], 1e-5) == epsilon([5.0, 1.0], 1e-5)


def test_without_noise_nothing_bounds_it() -> None:
    assert epsilon([0.0], 1e-5) is None
    assert epsilon([10.0, 0.0], 1e-5) is None
