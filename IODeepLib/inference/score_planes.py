"""Planes of scores on the network's grid, and the tiles in which they are worked through.

Only two planes are held, and a tile is small enough for the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.voxels.taps import Taps, in_plane, linear_taps

# Scores in a tile: what the processor's second cache holds with its temporaries. The limits of a
# tile's side are measured: smaller ones cost calls, larger ones are less often of one label.
TILE_SCORES = 1 << 15
TILE_SIDE = (32, 96)


def is_whole(positions: npt.NDArray[np.float64]) -> bool:
    """Whether these are voxels of the grid itself, none between two."""
    return bool((np.abs(positions - np.rint(positions)) <= SAME_GRID_TOLERANCE).all())


class Plane:
    """Scores of one plane of the network's grid, (channel, rows, columns), and their bounds."""

    def __init__(self, scores: Float32) -> None:
        self.scores = scores
        self._bounds: tuple[Float32, Float32] | None = None

    def bounds(self, strips: list[list[Strip]]) -> tuple[Float32, Float32]:
        """The lowest and highest score of each channel in each tile: (channel, rows, columns)."""
        if self._bounds is None:
            low, high = (
                np.stack(
                    [extreme(self.scores[:, strip.network], axis=1) for strip in strips[0]], axis=1
                )
                for extreme in (np.min, np.max)
            )
            self._bounds = (
                np.stack([low[..., strip.network].min(axis=-1) for strip in strips[1]], axis=-1),
                np.stack([high[..., strip.network].max(axis=-1) for strip in strips[1]], axis=-1),
            )
        return self._bounds

    def keep(self) -> None:
        """Hold the scores beyond the life of the slab that they came in."""
        self.scores = self.scores.copy()


def planes_of(slabs: Iterable[Slab]) -> Iterator[tuple[int, Plane]]:
    for start, scores in slabs:
        plane = None
        for i in range(scores.shape[1]):
            plane = Plane(scores[:, i])
            yield start + i, plane
        if plane is not None:
            plane.keep()


def pairs_of(slabs: Iterable[Slab], taps: Taps) -> Iterator[tuple[Plane, Plane, np.float32]]:
    """For each target plane, as soon as it can be made: the planes around it, the upper's part."""
    part = taps.weight[1]
    lower, upper = taps.index[0], np.where(part > 0, taps.index[1], taps.index[0])
    target, previous = 0, None
    for i, plane in planes_of(slabs):
        while target < len(taps) and upper[target] == i:
            below = plane if lower[target] == i or previous is None else previous
            yield below, plane, part[target]
            target += 1
        previous = plane


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


def strips_of(positions: npt.NDArray[np.float64], size: int, channels: int) -> list[Strip]:
    """An axis in parts of a tile's side."""
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


def tile_of(
    below: Plane,
    above: Plane,
    part: np.float32,
    channels: npt.NDArray[np.intp],
    rows: Strip,
    columns: Strip,
) -> Float32:
    """Interpolated scores (channels, rows, columns) of one tile, a new array."""
    where = (channels, rows.network, columns.network)
    scores = below.scores[where]
    if part:
        difference = above.scores[where]
        difference -= scores
        difference *= part
        scores += difference
    if rows.taps is not None and columns.taps is not None:
        return in_plane(scores, rows.taps, columns.taps)
    if rows.taps is not None:
        return rows.taps.along(scores, -2)
    return scores if columns.taps is None else columns.taps.along(scores, -1)
