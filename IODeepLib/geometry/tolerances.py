"""How far apart is still the same: every comparison of places in the patient, in one place.

Positions, directions and distances come as decimal strings, which devices round as they like: their
digits say nothing. What counts is by how many millimeters a voxel is displaced, against its size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float64

# Two grids are the same if no corner differs by more than this part of a voxel: positions come as
# decimal strings of up to 16 characters, so that their rounding stays well below it.
SAME_GRID_TOLERANCE = 1e-3

# Slices whose first voxels lie within half a pixel of the normal are taken as upright: every voxel
# is nearest to its place in an upright stack, and shifting them would only blur the image. So with
# two fields of view, and with rows and columns at nearly a right angle.
UPRIGHTNESS = 0.5

# Images are parallel if, laid upon each other at the first pixel, the corner farthest from it lies
# within a pixel of where the mean of their directions has it; all others are displaced less, by
# half of that on average. Cosines with four decimals move it by 0.1 pixels over 512.
PARALLEL = 1.0  # pixels

# No rounding turns an image so far (cosines with two decimals: 0.5 degrees), however small it is.
WIDEST_ROUNDING = 0.5  # degrees

# Images have the same pixels if these are so equal that the last one of a row or column is
# displaced by less than this part of one: what is measured on them differs by less.
SAME_PIXELS = 0.1

# How far a slice may lie from its place in an even stack, as a part of the slice distance: less
# than what any interpolation of the image could show.
EVENNESS = 0.05
# Positions with one decimal are off by 0.05 mm along each axis, 0.09 mm along an oblique normal;
# that counts as rounding up to a quarter of the slice distance, half of what a label would show.
ROUNDING_MM = 0.1
MOST_ROUNDED = 0.25

# Two slices closer than this along the normal are in the same place; the thinnest slices (micro-CT)
# are some micrometers apart. Where slices lie farther apart, rounding is allowed for.
SAME_PLACE_MM = 1e-3


def groups(
    values: npt.NDArray, apart: Callable[[npt.NDArray, npt.NDArray], Float64], tolerance: float
) -> npt.NDArray[np.intp]:
    """(n,) the number of the group of each value.

    A group is what lies within `tolerance` of its mean; where that is not well defined, of its
    first value.

    Args:
        values: (n, ...).
        apart: how far (m, ...) values are from one of them: (m,).
        tolerance: how far at most.

    Returns:
        Groups are counted by their first value.
    """
    found = np.full(len(values), -1, dtype=np.intp)
    number = 0
    while len(left := np.flatnonzero(found < 0)):
        from_first = apart(values[left], values[left[0]])
        near = left[from_first <= 2 * tolerance]  # around one mean none is farther from another
        if apart(values[near], values[near].mean(axis=0)).max() > tolerance:
            near = left[from_first <= tolerance]
        found[near] = number
        number += 1
    return found


def parallel(
    directions: Float64, size: tuple[int, int], spacing: tuple[float, float]
) -> npt.NDArray[np.intp]:
    """(n,) the number of the group of parallel images that each one belongs to.

    Args:
        directions: (n, 2, 3) unit vectors along a row and along a column.
        size: rows and columns.
        spacing: millimeters from row to row and from column to column.
    """
    edges = _edges(size, spacing)
    pixel = min(spacing)

    def apart(some: Float64, one: Float64) -> Float64:
        turned = some - one
        moved = turned * edges[:, None]  # the ends of the first row and of the first column
        corners = np.stack([moved[:, 0], moved[:, 1], moved.sum(axis=1)])
        by_pixels = np.linalg.norm(corners, axis=-1).max(axis=0) / (PARALLEL * pixel)
        by_angle = np.linalg.norm(turned, axis=-1).max(axis=-1) / np.radians(WIDEST_ROUNDING)
        return np.asarray(np.maximum(by_pixels, by_angle))

    return groups(directions, apart, 1.0)


def same_pixels(spacings: Float64, size: tuple[int, int]) -> npt.NDArray[np.intp]:
    """(n,) the number of the group of images with pixels of one size.

    Args:
        spacings: (n, 2) millimeters from row to row and from column to column.
        size: rows and columns.
    """
    steps = np.maximum(np.array(size) - 1, 1)

    def apart(some: Float64, one: Float64) -> Float64:
        return np.asarray((np.abs(some - one) * steps / one).max(axis=-1))

    return groups(spacings, apart, SAME_PIXELS)


def at_right_angle(
    directions: Float64, size: tuple[int, int], spacing: tuple[float, float]
) -> bool:
    """Whether rows and columns, (2, 3), are so nearly at a right angle that no pixel shows it."""
    skew = abs(float(np.dot(directions[0], directions[1])))
    moved = skew * _edges(size, spacing).max()
    return moved <= UPRIGHTNESS * min(spacing) and skew <= np.sin(np.radians(WIDEST_ROUNDING))


def is_even(distances: Float64) -> bool:
    """Whether slices at these increasing distances along their normal lie evenly."""
    return lies_on_line(np.arange(len(distances)), distances)


def lies_on_line(numbers: npt.NDArray, distances: Float64) -> bool:
    """Whether slices with these numbers lie evenly: each near its place on the best line."""
    if len(distances) < 2:
        return True
    step, start = np.polyfit(numbers, distances, 1)
    off = np.abs(distances - (start + step * numbers)).max()
    return bool(off <= max(EVENNESS * step, min(ROUNDING_MM, MOST_ROUNDED * step)))


def places(distances: Float64) -> npt.NDArray[np.intp]:
    """(n,) the number of the place of each distance, from the smallest; equal ones share it."""
    order = np.argsort(distances, kind="stable")
    sorted_ = np.asarray(distances)[order]
    steps = np.diff(sorted_)
    wide = steps[steps > ROUNDING_MM]
    rounding = min(ROUNDING_MM, 0.1 * float(np.median(wide))) if len(wide) else 0.0
    for tolerance in (max(rounding, SAME_PLACE_MM), SAME_PLACE_MM):
        numbers = np.concatenate(([0], np.cumsum(steps > tolerance)))
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        extents = sorted_[np.append(starts[1:], len(sorted_)) - 1] - sorted_[starts]
        if extents.max() <= tolerance:  # else thin slices one behind the other, and a gap
            break
    found = np.empty(len(distances), dtype=np.intp)
    found[order] = numbers
    return found


def _edges(size: tuple[int, int], spacing: tuple[float, float]) -> Float64:
    """(2,) millimeters from the first pixel to the end of its row, and of its column."""
    rows, columns = size
    return np.array([max(columns - 1, 1) * spacing[1], max(rows - 1, 1) * spacing[0]])
