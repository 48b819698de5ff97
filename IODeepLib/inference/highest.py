"""Labels by the channel with the highest score, a plane at a time.

At most voxels of the network's grid one channel is the highest, and no other comes close. Between
such ones of the same channel interpolation changes nothing. Elsewhere scores are interpolated, tile
by tile, and only those of the channels that can win at such a place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.decision_rule import Argmax, LabelArray
from IODeepLib.inference.score_planes import Pair, Strip, Tile, mix, strips_of
from IODeepLib.inference.winners import INTERPOLATION_ERROR

_Cells = npt.NDArray[np.bool_]
# (corner, cell): where the corners of cells lie in a tile of the network's grid, row by row.
_Places = npt.NDArray[np.intp]


class Highest:
    """Paints planes by the rule `Argmax`.

    Args:
        rule: for the channels that there are.
        positions: of the rows and columns that are painted, in voxels of the network's grid.
        sizes: rows and columns of that grid.
    """

    def __init__(
        self, rule: Argmax, positions: list[npt.NDArray[np.float64]], sizes: tuple[int, ...]
    ) -> None:
        self._rule, self._channels = rule, len(rule.values)
        strips = [strips_of(axis, n) for axis, n in zip(positions, sizes, strict=True)]
        self._strips = strips
        self._below = [np.concatenate([strip.below for strip in axis]) for axis in strips]
        self._interpolated = [any(strip.interpolated for strip in axis) for axis in strips]

    def paint(self, labels: LabelArray, pair: Pair) -> None:
        """Write all of `labels` (rows, columns)."""
        rows, columns = self._below
        if not (any(self._interpolated) or pair[3]):
            winner = pair[1].first_highest(self._channels)
            labels[...] = self._rule.values[winner].take(rows, 0).take(columns, 1)
            return
        winner = pair[1].winners(self._channels).channel
        labels[...] = self._rule.values[winner].take(rows, 0).take(columns, 1)
        unclear = self._unclear(pair)
        for strip in self._strips[0]:
            among = unclear[strip.below[0] : strip.below[-1] + 1]
            if among.any():
                for across in self._strips[1]:
                    self._paint_tile(labels, pair, unclear, strip, across)

    def _unclear(self, pair: Pair) -> _Cells:
        """(rows, columns) of the network's grid: whether winners do not tell who wins there.

        And between there and the next row, column and plane.
        """
        _, below, above, part = pair
        winner, close, *_ = below.winners(self._channels)
        unclear = close.copy()
        if part:
            other = above.winners(self._channels)
            unclear |= other.close
            unclear |= winner != other.channel
        by_row, by_column = self._interpolated
        if by_row:
            unclear[:-1] |= unclear[1:]
            unclear[:-1] |= winner[:-1] != winner[1:]
        if by_column:
            unclear[:, :-1] |= unclear[:, 1:]
            unclear[:, :-1] |= winner[:, :-1] != winner[:, 1:]
        return unclear

    def _paint_tile(
        self, labels: LabelArray, pair: Pair, unclear: _Cells, rows: Strip, columns: Strip
    ) -> None:
        """Write what is unclear of a tile."""
        first, left = rows.below[0], columns.below[0]
        cells = unclear[first : rows.below[-1] + 1, left : columns.below[-1] + 1]
        if not cells.any():
            return
        where = cells[rows.below[:, None] - first, columns.below - left]
        piece = np.empty(where.shape, labels.dtype)
        channels = self._can_win(pair, cells, rows, columns)
        self._rule.paint_highest(piece, channels, Tile(*pair[1:], rows, columns))
        np.copyto(labels[rows.target, columns.target], piece, where=where)

    def _can_win(
        self, pair: Pair, cells: _Cells, rows: Strip, columns: Strip
    ) -> npt.NDArray[np.intp]:
        """The channels that can be the highest somewhere in `cells` of a tile.

        Between some voxels of the network no score can be beyond those of these. The winners at
        them tell first how high one of them is everywhere in a cell, so that most other channels
        need no look.
        """
        planes = [plane.winners(self._channels) for plane in (pair[1:3] if pair[3] else pair[1:2])]
        strips = rows.network, columns.network
        first, left = (strip.below[0] - strip.network.start for strip in (rows, columns))
        high_rows, wide = (strip.stop - strip.start for strip in strips)
        i, j = np.nonzero(cells)
        around = np.stack(
            [
                np.minimum(i + first + down, high_rows - 1) * wide
                + np.minimum(j + left + right, wide - 1)
                for down in range(1 + rows.interpolated)
                for right in range(1 + columns.interpolated)
            ]
        )
        strong = np.zeros(self._channels, bool)
        for plane in planes:
            strong[plane.channel[strips].take(around)] = True
        least, _ = _extremes(pair, np.flatnonzero(strong), strips, around)
        high = np.max([plane.high_in(rows.network) for plane in planes], axis=0)
        error = INTERPOLATION_ERROR * max(abs(high.max()), abs(least.min()))
        channels = np.flatnonzero(high >= least.min() - error)
        least, highest = _extremes(pair, channels, strips, around)
        return channels[(highest >= least - error).any(axis=1)]


def _extremes(
    pair: Pair, channels: npt.NDArray[np.intp], tile: tuple[slice, slice], around: _Places
) -> tuple[Float32, Float32]:
    """How high one of some channels is everywhere in each cell, and each is somewhere in it.

    Args:
        pair: of planes.
        channels: their indices.
        tile: rows and columns of the network's grid.
        around: the corners of the cells.

    Returns:
        (cell) and (channel, cell).
    """
    _, below, above, part = pair
    found = _taken(below.scores, channels, tile, around)
    if part:
        mix(found, _taken(above.scores, channels, tile, around), part)
    return found.min(axis=1).max(axis=0), found.max(axis=1)


def _taken(
    scores: Float32, channels: npt.NDArray[np.intp], tile: tuple[slice, slice], around: _Places
) -> Float32:
    """(channel, corner, cell) of scores (channel, rows, columns)."""
    found = np.empty((len(channels), *around.shape), np.float32)
    for row, channel in zip(found, channels, strict=True):  # at once takes eight times as long
        scores[channel][tile].take(around, out=row, mode="clip")
    return found
