"""What a site gives away in rounds with noise: epsilon, by Rényi differential privacy.

Two neighboring worlds differ in all that one site has. Whatever it trained with, its difference is
clipped to the length C, so that two of them are 2C apart at most; it adds Gaussian noise of the
standard deviation zC. Such a mechanism has, of each order a, the Rényi divergence
a (2C)^2 / (2 (zC)^2) = 2a / z^2 (Mironov 2017, proposition 7). Those of several rounds add up
(proposition 1). What has the divergence Sa is (Sa + ln(1/delta) / (a - 1), delta)-differentially
private (proposition 3), which is least at a = 1 + sqrt(ln(1/delta) / S). All sites take part in
every round, so that nothing is gained by sampling. https://arxiv.org/abs/1702.07476
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def epsilon(noises: Sequence[float], delta: float) -> float | None:
    """What rounds with these noise multipliers have spent; None if one had no noise.

    >>> epsilon([0.0], 1e-5) is None, round(epsilon([10.0, 10.0], 1e-5), 2)
    (True, 1.4)

    Args:
        noises: standard deviation of each round's noise, as a multiple of the clipping norm.
        delta: the probability with which more may be given away.
    """
    if any(noise <= 0 for noise in noises):
        return None
    slope = sum(2 / noise**2 for noise in noises)
    return slope + 2 * math.sqrt(slope * math.log(1 / delta))
