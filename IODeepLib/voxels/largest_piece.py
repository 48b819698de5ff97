"""The box around the largest connected piece of a mask that comes plane by plane.

The pieces of a plane are joined with those that reach it from the planes before. Of each only the
number of voxels and the box are held, and only while it can grow: what is needed beside the mask
is two planes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.recipe import Connectivity
from IODeepLib.voxels.components import components

_Ints = npt.NDArray[np.int64]


class _Pieces(NamedTuple):
    """Some pieces.

    Attributes:
        counts: (piece,) how many voxels each has.
        least: (piece, 7) the least of: when it came; its indices along the three axes; what is left
            of these when they are taken from 0.
    """

    counts: _Ints
    least: _Ints

    def and_those(self, others: _Pieces) -> _Pieces:
        return _Pieces(*map(np.concatenate, zip(self, others, strict=True)))

    def some(self, which: Mask) -> _Pieces:
        return _Pieces(self.counts[which], self.least[which])

    def together(self, group: npt.NDArray[np.intp]) -> _Pieces:
        """Those of one group as one piece."""
        counts = np.zeros(group.max(initial=-1) + 1, np.int64)
        least = np.full((len(counts), 7), np.iinfo(np.int64).max)
        np.add.at(counts, group, self.counts)
        np.minimum.at(least, group, self.least)
        return _Pieces(counts, least)

    def largest(self) -> _Pieces:
        """The largest one alone; of equals that which came first."""
        order = np.lexsort((self.least[:, 0], -self.counts))
        return _Pieces(self.counts[order[:1]], self.least[order[:1]])


def largest_box(planes: Iterable[Mask]) -> Box | None:
    """The smallest box around the component with the most voxels; None if no voxel is set.

    Voxels are connected over faces. Of components that are as large as each other it is that whose
    first voxel comes first.

    Args:
        planes: (a1, a2), one for each index along a0.
    """
    nothing = _Pieces(np.zeros(0, np.int64), np.zeros((0, 7), np.int64))
    growing = largest = nothing
    reached: npt.NDArray[np.intp] | None = None  # (a1, a2) which of `growing`, from 1; 0 for none
    came = 0
    for index, plane in enumerate(planes):
        own, new = _pieces_of(plane, index, came)
        came += len(new.counts)
        old = len(growing.counts)
        group = _groups(reached, own, old, len(new.counts))
        both = growing.and_those(new).together(group)
        grows = np.isin(np.arange(len(both.counts)), group[old:])
        largest = largest.and_those(both.some(~grows)).largest()
        growing = both.some(grows)
        reached = np.append(0, np.cumsum(grows)[group[old:]])[own]
    largest = largest.and_those(growing).largest()
    if not len(largest.counts):
        return None
    _, *low = largest.least[0, :4].tolist()
    a0, a1, a2 = (
        slice(start, 1 - last)
        for start, last in zip(low, largest.least[0, 4:].tolist(), strict=True)
    )
    return a0, a1, a2


def _pieces_of(plane: Mask, index: int, came: int) -> tuple[npt.NDArray[np.uint32], _Pieces]:
    """(a1, a2) which piece of a plane a voxel belongs to, from 1, and these pieces."""
    numbers, counts = components(plane[None], Connectivity.FACES)
    rows, columns = np.nonzero(numbers[0])
    piece = numbers[0, rows, columns].astype(np.intp) - 1
    least = np.zeros((len(counts), 7), np.int64)
    least[:, 0] = np.arange(came, came + len(counts))
    least[:, 1], least[:, 4] = index, -index
    for axis, places in ((2, rows), (3, columns)):
        for column, values in ((axis, places), (axis + 3, -places)):
            least[:, column] = max(plane.shape)
            np.minimum.at(least[:, column], piece, values)
    return numbers[0], _Pieces(counts, least)


def _groups(
    reached: npt.NDArray[np.intp] | None, own: npt.NDArray[np.uint32], old: int, new: int
) -> npt.NDArray[np.intp]:
    """(old + new,) which of all these pieces are one, from 0: those that lie on each other are."""
    first = np.arange(old + new)
    if reached is not None:
        touch = (reached > 0) & (own > 0)
        pairs = np.unique(reached[touch] * (new + 1) + own[touch])
        below, above = pairs // (new + 1) - 1, pairs % (new + 1) - 1 + old
        while (first[below] != first[above]).any():
            low, high = np.sort([first[below], first[above]], axis=0)
            np.minimum.at(first, high, low)
            while (first[first] != first).any():
                first = first[first]
    return np.unique(first, return_inverse=True)[1]
