"""Some of what a network is given in a run, kept on the disk: few, of all images, in few bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of one network. More hardly move the least and the largest value that layers give.
MOST_SAMPLES = 50


class Samples:
    """Draws evenly from what it is offered, however much that is (reservoir sampling).

    What is drawn depends on the order alone, so that the same run gives the same network.

    Args:
        folder: a folder of its own, where they lie.
        most_bytes: all of them together, unless one alone is more.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir()
        self._folder, self._most_bytes = folder, most_bytes
        self._generator = np.random.default_rng(0)
        self._names: tuple[str, ...] = ()
        self._offered = 0
        self._most = MOST_SAMPLES

    def __len__(self) -> int:
        return min(self._offered, self._most)

    def offer(self, feeds: Mapping[str, NDArray[Any]]) -> None:
        """Maybe keep an array for each input of the network, all offers of like size."""
        if self._offered == 0:
            size = sum(array.nbytes for array in feeds.values())
            self._most = max(1, min(MOST_SAMPLES, self._most_bytes // max(1, size)))
            self._names = tuple(feeds)
        place = self._offered
        self._offered += 1
        if place >= self._most:
            place = int(self._generator.integers(self._offered))
        if place < self._most:
            np.savez(self._path(place), *(feeds[name] for name in self._names))

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        for place in range(len(self)):
            with np.load(self._path(place)) as arrays:
                yield dict(zip(self._names, arrays.values(), strict=True))

    def _path(self, place: int) -> Path:
        return self._folder / f"{place}.npz"
