"""How long runs took, counted from the beginning of the service."""

from __future__ import annotations

import bisect
import threading

# Seconds: of each as many runs are counted as took no longer than that.
BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)


class Durations:
    """Counts runs by how long they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts, self._total = [0] * (len(BOUNDS) + 1), 0.0

    def add(self, seconds: float) -> None:
        """A run ended well that took so long."""
        with self._lock:
            self._counts[bisect.bisect_left(BOUNDS, seconds)] += 1
            self._total += seconds

    def so_far(self) -> tuple[list[int], float]:
        """How many took no longer than each of `BOUNDS`, and all; and the seconds of all."""
        with self._lock:
            counts, total = list(self._counts), self._total
        return [sum(counts[: end + 1]) for end in range(len(counts))], total
