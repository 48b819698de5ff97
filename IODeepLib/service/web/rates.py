"""How often something may happen for each address: so often at once, so often a second later."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

_MOST_ADDRESSES = 4096  # that are remembered


class Rate(NamedTuple):
    """How often.

    Attributes:
        at_once: how many times in one go.
        each_second: how many later, on average.
    """

    at_once: int
    each_second: float


class Rates:
    """Counts for each address.

    Args:
        now: the clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # What each address has left, and when that was so.
        self._left: dict[tuple[str, Rate], tuple[float, float]] = {}

    def wait(self, address: str, rate: Rate) -> int:
        """The seconds until it may happen again for this address; 0 if it may now, and does."""
        now = self._now()
        left, since = self._left.pop((address, rate), (float(rate.at_once), now))
        left = min(rate.at_once, left + (now - since) * rate.each_second)
        if len(self._left) >= _MOST_ADDRESSES:
            del self._left[next(iter(self._left))]  # who was seen longest ago
        self._left[(address, rate)] = (left - 1 if left >= 1 else left, now)
        return 0 if left >= 1 else math.ceil((1 - left) / rate.each_second)
