"""The outlines of a mask, slice by slice: polygons along the borders of its voxels.

Whoever fills them gets the same voxels again: no center lies on an outline, and the area is that of
the voxels. A hole is joined to what is around it by a line there and back (a keyhole), so that one
polygon tells all of a piece. Pieces that touch at a corner only are two.

Ours because libraries of contours (contourpy, OpenCV, scikit-image) run through the centers of
voxels or cut their corners, and would all be new dependencies. Every corner of an outline ends one
straight line along its row and one along its column: sorted, they pair up with their neighbors
("Uniqueness of orthogonal connect-the-dots", O'Rourke 1988).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Mask

Indices = npt.NDArray[np.intp]

# So many voxels are looked at together.
_VOXELS_AT_A_TIME = 1 << 22


def outlines(mask: Mask) -> Iterator[tuple[int, Indices]]:
    """(slice, polygon) of every piece of `mask`, slice by slice.

    Args:
        mask: (slice, row, column).

    Yields:
        The index of the slice; (n, 2) of each corner the row and the column of the voxel that it is
        the first corner of: half a voxel less, in indices of voxels. The last corner is joined to
        the first one.
    """
    slices = max(1, _VOXELS_AT_A_TIME // max(1, mask[0].size)) if len(mask) else 1
    for first in range(0, len(mask), slices):
        corners = _Corners(mask[first : first + slices])
        for k, polygon in corners.polygons():
            yield first + k, polygon


class _Corners:
    """All corners of the outlines of a mask, in the order of slices, rows and columns.

    Where two voxels touch at a corner only, there are two corners in one place.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
        before, behind = padded[:, :-1], padded[:, 1:]  # rows
        above = (
            before[..., :-1] ^ before[..., 1:]
        )  # a border along the column ends here, from above
        below = behind[..., :-1] ^ behind[..., 1:]
        left = before[..., :-1] ^ behind[..., :-1]
        touching = above & below & left & (before[..., 1:] ^ behind[..., 1:])
        places = np.argwhere((above ^ below) | touching)
        twice = touching[tuple(places.T)]
        self.places: Indices = np.repeat(places, 1 + twice, axis=0)
        self._first_of_two = np.flatnonzero(twice) + np.arange(np.count_nonzero(twice))
        self._inside = behind[..., 1:][tuple(self.places.T)]  # is the voxel that begins here

    def polygons(self) -> Iterator[tuple[int, Indices]]:
        """(slice, polygon) of each piece."""
        if not len(self.places):
            return
        edges = self._edges_along_columns()
        loops = _loops(edges)
        inner = [not self._inside[loop[0]] for loop in loops]
        holes = [i for i, hole in enumerate(inner) if hole]
        for i in holes:  # the other way round, from the same corner
            loops[i] = [loops[i][0], *loops[i][:0:-1]]
        keyholes = self._keyholes(loops, holes, edges) if holes else _Keyholes({}, {})
        bridges = np.array([keyholes.bridges[i] for i in holes], np.intp).reshape(-1, 2)
        corners = np.concatenate([self.places[:, 1:], bridges])
        number = {hole: len(self.places) + i for i, hole in enumerate(holes)}
        for i, loop in enumerate(loops):
            if not inner[i]:
                order = _joined(i, loops, keyholes.of, number) if i in keyholes.of else loop
                yield int(self.places[loop[0], 0]), corners[order]

    def _edges_along_columns(self) -> Indices:
        """(n / 2, 2): the corners at both ends of each border along a column, in order."""
        rank = np.arange(len(self.places))
        # What touches at this corner: a voxel below on the left and one above on the right. The
        # border from the left, which is the first one, then goes down, and not up.
        crossed = self._first_of_two[~self._inside[self._first_of_two]]
        rank[crossed], rank[crossed + 1] = crossed + 1, crossed
        k, _, columns = self.places[rank].T
        order = rank[np.argsort(k * (self._mask.shape[2]) + columns, kind="stable")]
        return order.reshape(-1, 2)

    def _keyholes(self, loops: list[list[int]], holes: list[int], edges: Indices) -> _Keyholes:
        """What each hole is joined to.

        From the first corner of a hole a line goes to the left, through the piece that it is in,
        until a border ends it: that of the piece, or of a hole that begins before this one.
        """
        _, tall, wide = self._mask.shape
        loop_of, place_in, length = np.empty((3, len(self.places)), np.intp)
        for i, loop in enumerate(loops):
            loop_of[loop], place_in[loop], length[loop] = i, np.arange(len(loop)), len(loop)
        slices, rows, columns = self.places[[loops[i][0] for i in holes]].T
        ends = np.empty_like(columns)
        lines, first = np.unique(slices * tall + rows, return_index=True)
        for line, here in zip(lines, np.split(np.arange(len(holes)), first[1:]), strict=True):
            # Of the padded mask: the rows of voxels above and below of the line.
            k, row = divmod(int(line), tall)
            outside = ~self._mask[k, row : row + 2].all(axis=0)
            last = np.maximum.accumulate(np.where(outside, np.arange(wide), 0))
            ends[here] = last[columns[here]]
        k, upper, column = self.places[edges[:, 0]].T
        keys = (k * wide + column) * tall + upper
        found = np.searchsorted(keys, (slices * wide + ends) * tall + rows, side="right") - 1
        one, other = edges[found].T
        forward = place_in[other] == (place_in[one] + 1) % length[one]
        one = np.where(forward, one, other)
        parents, distances = loop_of[one], np.abs(rows - self.places[one, 1])
        of: dict[int, list[tuple[int, int]]] = {}
        for i in np.lexsort((distances, place_in[one], parents)).tolist():
            of.setdefault(int(parents[i]), []).append((int(place_in[one[i]]), holes[i]))
        points = zip(holes, zip(rows.tolist(), ends.tolist(), strict=True), strict=True)
        return _Keyholes(of, dict(points))


@dataclass(frozen=True, slots=True)
class _Keyholes:
    """How holes are joined to what is around them.

    Attributes:
        of: of a loop all (place in the loop, hole) that are joined to it, in this order.
        bridges: of a hole the place, row and column, on what it is joined to.
    """

    of: dict[int, list[tuple[int, int]]]
    bridges: dict[int, tuple[int, int]]


def _joined(
    start: int,
    loops: list[list[int]],
    keyholes: dict[int, list[tuple[int, int]]],
    bridges: dict[int, int],
) -> list[int]:
    """The corners of a loop and of all holes that are joined to it, as one polygon."""
    polygon: list[int] = []

    def steps(i: int) -> Iterator[int]:
        begin = 0
        for place, hole in keyholes.get(i, ()):
            polygon.extend([*loops[i][begin : place + 1], bridges[hole]])
            yield hole
            polygon.extend([loops[hole][0], bridges[hole]])
            begin = place + 1
        polygon.extend(loops[i][begin:])

    waiting = [steps(start)]  # holes are joined to holes deeper than Python may call itself
    while waiting:
        hole = next(waiting[-1], None)
        if hole is None:
            waiting.pop()
        else:
            waiting.append(steps(hole))
    return polygon


def _loops(edges: Indices) -> list[list[int]]:
    """The corners of each outline in order, from its first one along its row.

    Args:
        edges: the corners at both ends of each border along a column; along rows each corner with
            an even number is joined to the next one.
    """
    along_column = np.empty(edges.size, np.intp)
    along_column[edges[:, 0]], along_column[edges[:, 1]] = edges[:, 1], edges[:, 0]
    across, seen = along_column.tolist(), bytearray(edges.size)
    loops = []
    for start in range(0, edges.size, 2):
        if seen[start]:
            continue
        loop: list[int] = []
        i = start
        while True:
            j = i ^ 1
            seen[i] = seen[j] = 1
            loop += (i, j)
            i = across[j]
            if i == start:
                break
        loops.append(loop)
    return loops
