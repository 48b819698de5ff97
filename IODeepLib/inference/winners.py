"""Which channel is the highest at each voxel of a plane of the network's grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32

# Rounding in the interpolation of a score, as a part of the scores around: it is a few times the
# 6e-8 of float32.
INTERPOLATION_ERROR = 1e-6
# Voxels that are worked through at once: they lie in the processor's second cache, with what is
# made of them, while channel after channel is.
_TOGETHER = 1 << 15


class Winners(NamedTuple):
    """What is known of a plane.

    Attributes:
        channel: (rows, columns) the highest one; where another is close, one of these.
        close: (rows, columns) whether another one is as high, but for rounding.
        high: (channels, bands) the highest score of each channel in some rows.
        band: how many rows.
    """

    channel: npt.NDArray[np.uint16]
    close: npt.NDArray[np.bool_]
    high: Float32
    band: int

    def high_in(self, rows: slice) -> Float32:
        """(channels,) the highest score of each in the bands of some rows."""
        return self.high[:, rows.start // self.band : -(-rows.stop // self.band)].max(axis=1)


def winners_of(scores: Float32) -> Winners:
    """Those of a plane (channels, rows, columns)."""
    channels, rows, columns = scores.shape
    band = max(1, _TOGETHER // columns)
    starts = range(0, rows, band)
    winner, close = np.zeros((rows, columns), np.uint16), np.empty((rows, columns), bool)
    high = np.empty((channels, len(starts)), np.float32)
    for i, start in enumerate(starts):
        part = slice(start, start + band)
        np.max(scores[:, part], axis=(1, 2), out=high[:, i])
        close[part] = _find(scores[:, part], high[:, i], winner[part])
    return Winners(winner, close, high, band)


def first_highest(scores: Float32) -> npt.NDArray[np.uint16]:
    """(rows, columns) the highest channel, the first of equals, of (channels, rows, columns)."""
    _, rows, columns = scores.shape
    winner = np.empty((rows, columns), np.uint16)
    band = max(1, _TOGETHER // columns)
    for start in range(0, rows, band):
        part = slice(start, start + band)
        some, found = scores[:, part], winner[part]
        high = some.max(axis=(1, 2))
        can = np.flatnonzero(high >= some[high.argmax()].min()).astype(np.uint16)
        best, found[...] = some[can[0]].copy(), can[0]
        higher = np.empty(best.shape, bool)
        for channel in can[1:]:
            np.greater(some[channel], best, out=higher)
            np.copyto(found, channel, where=higher)
            np.maximum(best, some[channel], out=best)
    return winner


def _find(scores: Float32, high: Float32, winner: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Write the winners of some rows; where another one is close.

    The strongest channel goes first, so that of most others none has to be looked at.
    """
    order = np.argsort(-high).astype(np.uint16)
    winner[...] = order[0]
    best = scores[order[0]].copy()
    second = np.full(best.shape, -np.inf, np.float32)
    higher, lower = np.empty(best.shape, bool), np.empty_like(best)
    for channel in order[1:]:
        floor = best.min()
        error = INTERPOLATION_ERROR * max(abs(floor), abs(high[order[0]]))
        if high[channel] < floor - error:
            break
        score = scores[channel]
        np.greater(score, best, out=higher)
        np.copyto(winner, channel, where=higher)
        np.minimum(score, best, out=lower)
        np.maximum(second, lower, out=second)
        np.maximum(best, score, out=best)
    error = INTERPOLATION_ERROR * max(abs(best.min()), abs(high[order[0]]))
    best -= second
    return best <= error
