"""Planes of scores on the network's grid, and the tiles in which they are worked through.

A tile is small enough for the processor's cache.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.inference.winners import Winners, first_highest, winners_of
from IODeepLib.voxels.taps import Taps, in_plane, linear_taps

# Scores in a tile: what the processor's second cache holds with its temporaries. The limits of a
# tile's side are measured: smaller ones cost calls, larger ones are less often of one label.
TILE_SCORES = 1 << 15
TILE_SIDE = (32, 96)


def is_whole(positions: npt.NDArray[np.float64]) -> bool:
    """Whether these are voxels of the grid itself, none between two."""
    return bool((np.abs(positions - np.rint(positions)) <= SAME_GRID_TOLERANCE).all())


class Plane:
    """One plane of the network's grid: scores (channel, rows, columns), and their bounds.

    Or what comes in the place of scores, see `Slab`: then `first_highest` is all that can be asked.
    """

    def __init__(self, scores: npt.NDArray[Any]) -> None:
        self.scores = scores
        self._bounds: tuple[Float32, Float32] | None = None
        self._winners: Winners | None = None
        self._working = threading.Lock()

    def bounds(self, strips: list[list[Strip]]) -> tuple[Float32, Float32]:
        """The lowest and highest score of each channel in each tile: (channel, rows, columns)."""
        with self._working:
            if self._bounds is None:
                low, high = (self._extremes(strips, which) for which in (np.minimum, np.maximum))
                self._bounds = low, high
            return self._bounds

    def first_highest(self, channels: int) -> npt.NDArray[np.uint16]:
        """Which one of the first `channels` is the highest at each voxel, the first of equals."""
        if self.scores.dtype == np.uint16:
            return self.scores[0]
        return first_highest(self.scores[:channels])

    def winners(self, channels: int) -> Winners:
        """Which one of the first `channels` is the highest at each voxel; always as many."""
        with self._working:
            if self._winners is None:
                self._winners = winners_of(self.scores[:channels])
            return self._winners

    def _extremes(self, strips: list[list[Strip]], which: np.ufunc) -> Float32:
        rows, columns = strips
        channels, _, size = self.scores.shape
        found = np.zeros((channels, len(rows), size + 1), np.float32)  # a part may end at `size`
        for i, strip in enumerate(rows):
            which.reduce(self.scores[:, strip.network], axis=1, out=found[:, i, :size])
        # Every other part is a strip, those between are of no use.
        ends = [end for strip in columns for end in (strip.network.start, strip.network.stop)]
        return which.reduceat(found, ends, axis=-1)[..., ::2]

    def keep(self) -> None:
        """Hold the scores beyond the life of the slab that they came in."""
        self.scores = self.scores.copy()


# A plane that is painted: its number, the planes of scores around it, the upper's part in it.
Pair = tuple[int, Plane, Plane, np.float32]


def pairs_of(slabs: Iterable[Slab], taps: Taps) -> Iterator[list[Pair]]:
    """Of each slab the target planes that can be made once it is there; they need it no longer
    than until the next one is asked for.
    """
    part = taps.weight[1]
    lower, upper = taps.index[0], np.where(part > 0, taps.index[1], taps.index[0])
    target = 0
    last: list[Plane] = []
    for start, scores in slabs:
        planes = [*last, *(Plane(scores[:, i]) for i in range(scores.shape[1]))]
        first = start - len(last)
        pairs: list[Pair] = []
        while target < len(taps) and upper[target] < first + len(planes):
            below, above = planes[lower[target] - first], planes[upper[target] - first]
            pairs.append((target, below, above, part[target]))
            target += 1
        yield pairs
        last = planes[-1:]
        for plane in last:
            plane.keep()


@dataclass(frozen=True, slots=True)
class Strip:
    """A part of an axis.

    Attributes:
        target: the voxels that are painted.
        network: the voxels of the network's grid that they are made from.
        taps: how; None where they are just these.
    """

    target: slice
    network: slice
    taps: Taps | None

    @property
    def below(self) -> npt.NDArray[np.intp]:
        """The voxel of the network's grid at or before each one that is painted."""
        if self.taps is None:
            return np.arange(self.network.start, self.network.stop)
        return self.taps.index[0] + self.network.start

    @property
    def interpolated(self) -> bool:
        """Whether voxels lie between two of the network's grid."""
        return self.taps is not None and len(self.taps.index) > 1


def strips_of(
    positions: npt.NDArray[np.float64], size: int, channels: int | None = None
) -> list[Strip]:
    """An axis in parts of a tile's side, for the scores of all `channels`, or of some of many."""
    side = TILE_SIDE[1]
    if channels is not None:
        side = int(np.clip(np.sqrt(TILE_SCORES / channels), *TILE_SIDE))
    whole = is_whole(positions)
    taps = linear_taps(np.rint(positions) if whole else positions, size)
    strips = []
    for start in range(0, len(taps), side):
        target = slice(start, min(start + side, len(taps)))
        index = taps.index[: 1 if whole else 2, target]
        low, high = int(index.min()), int(index.max()) + 1
        plain = whole and high - low == target.stop - target.start
        local = Taps(index - low, taps.weight[: len(index), target])
        strips.append(Strip(target, slice(low, high), None if plain else local))
    return strips


class Tile:
    """The scores of one tile of a plane that lies between two planes of the network's grid.

    Args:
        below: the plane before it.
        above: the plane behind it.
        part: how much of `above` is in it, 0 to 1.
        rows: of the tile.
        columns: of the tile.
    """

    def __init__(
        self, below: Plane, above: Plane, part: np.float32, rows: Strip, columns: Strip
    ) -> None:
        self._below, self._above, self._part = below, above, part
        self._rows, self._columns = rows, columns

    def __call__(self, channels: npt.NDArray[np.intp]) -> Float32:
        """Interpolated scores (channels, rows, columns), a new array."""
        rows, columns = self._rows.taps, self._columns.taps
        where = (channels, self._rows.network, self._columns.network)
        scores = self._below.scores[where]
        if self._part:
            mix(scores, self._above.scores[where], self._part)
        if rows is not None and columns is not None:
            return in_plane(scores, rows, columns)
        if rows is not None:
            return rows.along(scores, -2)
        return scores if columns is None else columns.along(scores, -1)


def mix(below: Float32, above: Float32, part: np.float32) -> None:
    """Make `below` the scores that lie between the two, with `part` of `above`, which is lost."""
    above -= below
    above *= part
    below += above
