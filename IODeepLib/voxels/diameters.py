"""The longest diameter of a mask in one of its planes, and the one at right angles to it.

As RECIST measures lesions (Eisenhauer et al., Eur. J. Cancer 45 (2009) 228), from outline to
outline. The outline goes through the middles of the edges between pixels that are in and pixels
that are not, as the surface does of which PyRadiomics takes its Maximum 2D Diameter. Ours because
SimpleITK's Feret diameter is between centers of voxels and in three dimensions, and tries all
pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float64, Mask
from IODeepLib.recipe import Connectivity
from IODeepLib.voxels.components import components

# Directions in which planes and pieces are measured first, to leave out those that are shorter than
# what was found: the widest of them is less than the longest diameter by half a percent at most.
_DIRECTIONS = 16
# Lengths that differ by less are the same: coordinates are rounded.
_SAME = 1e-9


def diameters(mask: Mask, spacing: tuple[float, float]) -> tuple[float, float]:
    """The longest diameter in any plane of `mask`, and the longest one at right angles to it.

    Both lie in one plane, and in one piece of it: pixels that touch, at a corner at least. The
    second one lies within the convex hull of the piece; where there are several longest ones, it
    is that of the one with the longer second one.

    Args:
        mask: (plane, row, column), not empty.
        spacing: millimeters from row to row and from column to column.

    Returns:
        Millimeters.
    """
    best = 0.0, 0.0
    planes = [k for k in range(len(mask)) if mask[k].any()]
    longest = {k: _at_most(_outline(mask[k]) * spacing) for k in planes}
    for k in sorted(planes, key=lambda k: -longest[k]):
        if longest[k] < best[0] * (1 - _SAME):
            break
        for longest_of_piece, piece in _pieces(mask[k], spacing):
            if longest_of_piece < best[0] * (1 - _SAME):
                break
            points = _outline(piece) * spacing
            if _at_most(points) >= best[0] * (1 - _SAME):
                best = _longer(best, _of_points(points))
    return best


def _longer(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The longer of two; of two that are the same, that with the longer second diameter."""
    if abs(one[0] - other[0]) <= _SAME * max(one[0], other[0]):
        return max(one, other, key=lambda both: both[1])
    return max(one, other)


def _pieces(plane: Mask, spacing: tuple[float, float]) -> Iterator[tuple[float, Mask]]:
    """Of each piece of (row, column) what its diameter does not exceed, and its pixels.

    The largest ones first: of noise there may be thousands.
    """
    if _is_one_piece(plane):
        yield math.inf, plane
        return
    numbers, counts = components(plane[np.newaxis], Connectivity.CORNERS)
    first, last = _boxes(numbers[0], len(counts))
    diagonals = np.hypot(*((last - first) * spacing).T)
    for i in np.argsort(-diagonals, kind="stable"):
        box = tuple(slice(*ends) for ends in zip(first[i], last[i], strict=True))
        yield float(diagonals[i]), numbers[0][box] == i + 1


def _is_one_piece(plane: Mask) -> bool:
    """Whether that is plain to see: a run in each row, which touches that of the row before.

    Looking for pieces takes ten times as long.
    """
    (there,) = np.nonzero(plane.any(axis=1))
    rows = plane[there]
    starts = np.count_nonzero(rows[:, 1:] & ~rows[:, :-1], axis=1) + rows[:, 0]
    if starts.max() > 1 or there[-1] - there[0] >= len(there):
        return False
    first = rows.argmax(axis=1)
    last = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    touching = (first[1:] <= last[:-1] + 1) & (first[:-1] <= last[1:] + 1)
    return bool(touching.all())


def _boxes(
    numbers: npt.NDArray[np.uint32], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(count, 2) twice: the first row and column of each piece, and those behind its last ones.

    From the ends of runs in rows, of which there are far fewer than pixels.
    """
    padded = np.pad(numbers, ((0, 0), (1, 1)))
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
    first, last = np.full((count, 2), max(numbers.shape)), np.zeros((count, 2), np.int64)
    for behind in (0, 1):  # of each change what begins there, and what has ended
        piece = padded[rows, columns + 1 - behind].astype(np.int64) - 1
        there = piece >= 0
        places = np.column_stack((rows, columns))[there]
        if behind:
            np.maximum.at(last, piece[there], places + np.array((1, 0)))
        else:
            np.minimum.at(first, piece[there], places)
    return first, last


def _outline(plane: Mask) -> Float64:
    """(n, 2) rows and columns: both ends of each row and of each column, at the edge of pixels.

    The convex hull of these is that of the whole outline.
    """
    parts = []
    for axis in (0, 1):
        lines = plane if axis == 0 else plane.T
        (there,) = np.nonzero(lines.any(axis=1))
        lines = lines[there]
        first = lines.argmax(axis=1) - 0.5
        last = lines.shape[1] - lines[:, ::-1].argmax(axis=1) - 0.5
        for end in (first, last):
            points = np.column_stack((there, end))
            parts.append(points if axis == 0 else points[:, ::-1])
    return np.concatenate(parts)


def _at_most(points: Float64) -> float:
    """What no diameter of points (n, 2) exceeds, and hardly more."""
    angles = np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS
    along = points @ np.array([np.cos(angles), np.sin(angles)])
    return float(np.ptp(along, axis=0).max() / np.cos(np.pi / 2 / _DIRECTIONS))


def _of_points(points: Float64) -> tuple[float, float]:
    """Of the convex hull of points (n, 2)."""
    hull = _hull(points)
    apart = np.hypot(*(hull[:, np.newaxis] - hull).transpose(2, 0, 1))
    longest = float(apart.max())
    pairs = np.argwhere(np.triu(apart) >= longest * (1 - _SAME))
    return longest, max(_across(hull, int(a), int(b)) for a, b in pairs)


def _across(hull: Float64, a: int, b: int) -> float:
    """The longest line within `hull` at right angles to that from its corner `a` to `b` > `a`.

    How long it is grows and falls evenly between corners, so that it is longest at one of them.
    """
    along = (hull[b] - hull[a]) / np.hypot(*(hull[b] - hull[a]))
    places = np.column_stack(((hull - hull[a]) @ along, (hull - hull[a]) @ (-along[1], along[0])))
    there, back = places[a : b + 1], np.concatenate((places[b:], places[: a + 1]))[::-1]
    at = places[:, 0]
    return float(np.abs(np.interp(at, *back.T) - np.interp(at, *there.T)).max())


def _hull(points: Float64) -> Float64:
    """(m, 2) corners of the convex hull in their order, none on a straight line."""
    ordered = points[np.lexsort(points.T[::-1])]
    new = np.flatnonzero(np.diff(ordered[:, 0])) + 1
    below = ordered[np.concatenate(([0], new))]
    above = ordered[np.concatenate((new, [len(ordered)])) - 1]
    way = _convex(below)
    back = _convex(above[::-1])
    ends = [tuple(way[-1]) == tuple(back[0]), tuple(way[0]) == tuple(back[-1])]
    return np.concatenate((way, back[ends[0] : len(back) - ends[1]]))


def _convex(chain: Float64) -> Float64:
    """The corners of a chain that turn left, without those that its hull has inside.

    Whatever lies to the left of the line between two others is no corner, whether they stay or not:
    all are taken away at once, and the rest is looked at again.
    """
    while len(chain) > 2:
        (ax, ay), (bx, by) = (chain[1:-1] - chain[:-2]).T, (chain[2:] - chain[1:-1]).T
        corners = ax * by > ay * bx
        if corners.all():
            break
        chain = chain[np.concatenate(([True], corners, [True]))]
    return chain
