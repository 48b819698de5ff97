"""Several differences become one, a piece at a time: the same bits on every machine.

Each value is computed in float64 by single additions in the order of the updates, never by a sum
whose order is left to the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from IODeepLib.federation.records import Rule
from IODeepLib.federation.tensors import Float64, Tensor

# No site counts for more than this times the median of what the sites say they have: a number of
# cases is a word that nobody can prove.
MOST_TIMES_MEDIAN = 2


def counted(cases: Sequence[int]) -> list[int]:
    """How many cases of each site count.

    >>> counted([10, 30, 12]), counted([10, 10**6])
    ([10, 24, 12], [10, 20])
    """
    lower_median = sorted(cases)[(len(cases) - 1) // 2]
    return [min(one, MOST_TIMES_MEDIAN * lower_median) for one in cases]


def combined(
    tensors: Sequence[Tensor], weights: Sequence[int], rule: Rule, trim: int
) -> Iterator[Float64]:
    """One tensor of all differences, as pieces of the same tensor of what comes of them.

    Args:
        tensors: it in each of the differences; all of one shape, and finite.
        weights: how much each counts in the mean; the other rules pass it over, for what a site
            says of itself must not decide where one of them may be hostile.
        rule: how they become one.
        trim: see `Round.trim`; there are more than twice as many tensors.
    """
    for pieces in zip(*(tensor.pieces() for tensor in tensors), strict=True):
        yield _mean(pieces, weights) if rule is Rule.MEAN else _middle(pieces, rule, trim)


def _mean(pieces: Sequence[Float64], weights: Sequence[int]) -> Float64:
    total = np.zeros_like(pieces[0])
    for piece, weight in zip(pieces, weights, strict=True):
        total += piece * weight
    return total / sum(weights)


def _middle(pieces: Sequence[Float64], rule: Rule, trim: int) -> Float64:
    """The mean of the values in the middle: of one or two of them, that is the median."""
    count = len(pieces)
    left = (count - 1) // 2 if rule is Rule.MEDIAN else trim
    ordered = np.sort(np.stack(pieces), axis=0)
    total = np.zeros_like(pieces[0])
    for row in ordered[left : count - left]:
        total += row
    return total / (count - 2 * left)
