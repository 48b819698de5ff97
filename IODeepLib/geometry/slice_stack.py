"""Parallel slices that do not lie evenly and upright upon each other, and the way to a grid.

A gantry tilt, a missing slice, a distance that changes: no affine describes such slices. A network
reads them resampled onto `even_grid`. What it finds there counts where a slice lies, and each slice
stands for what is nearer to it than to the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Float64
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE, UPRIGHTNESS, lies_on_line

# Where two slices are closer than three quarters of the median distance, the even grid becomes
# finer, so that both have a plane of their own there; but not finer than a quarter of the median.
CLOSE, FINEST = 0.75, 0.25


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Where the slices lie, each in its own place.

    Attributes:
        first: the first slice, (1, rows, columns); its array axis 0 runs along the normal, a
            median slice distance long.
        origins: (n, 3) LPS millimeters of the center of each slice's first voxel, in the order of
            the normal.
    """

    first: Grid
    origins: Float64

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return len(self.origins), *self.first.shape[1:]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres from slice to slice (their median), row to row, column to column."""
        return self.first.spacing

    @property
    def directions(self) -> Float64:
        """(3, 3): column i is the unit vector of array axis i, in LPS; axis 0 is the normal."""
        return self.first.directions

    @property
    def step(self) -> float | None:
        """The distance of which all distances are multiples, where slices are missing; or None."""
        places = self._places[:, 0]
        numbers = np.concatenate(([0.0], np.cumsum(np.rint(np.diff(places)))))
        if np.diff(numbers).min() < 1 or not lies_on_line(numbers, places * self.spacing[0]):
            return None
        return float(places[-1] / numbers[-1] * self.spacing[0])

    @property
    def voxel_volumes(self) -> Float64:
        """(n,) cubic millimeters of a voxel of each slice, which reaches halfway to the next one.

        The outer slices reach as far outwards as inwards.
        """
        gaps = np.diff(self._places[:, 0])
        around = np.concatenate([gaps[:1], gaps, gaps[-1:]])
        return np.asarray((around[:-1] + around[1:]) / 2 * self.first.voxel_volume)

    @property
    def voxel_volume(self) -> float:
        """Cubic millimeters of a voxel, on average."""
        return float(self.voxel_volumes.mean())

    def point(self, index: tuple[int, float, float]) -> Float64:
        """(3,) LPS millimeters of the index (slice, row, column)."""
        return np.asarray(self.origins[index[0]] + self.first.affine[:3, 1:3] @ index[1:])

    def same_as(self, other: SliceStack) -> bool:
        """Whether both have the same slices in the same places."""
        if self.shape != other.shape or not self.first.same_as(other.first):
            return False
        apart = np.abs(self.first.index(other.origins) - self._places)
        return bool((apart <= SAME_GRID_TOLERANCE).all())

    @cached_property
    def _places(self) -> Float64:
        """(n, 3) of each slice: median distances along the normal, rows, columns."""
        places = self.first.index(self.origins)
        if np.abs(places[:, 1:]).max() <= UPRIGHTNESS:
            places[:, 1:] = 0
        return places

    @cached_property
    def even_grid(self) -> Grid:
        """The upright grid that holds all slices: their pixels, at even distances."""
        places = self._places
        closest = float(np.diff(places[:, 0]).min())
        step = 1.0 if closest >= CLOSE else max(closest, FINEST)
        planes = int(np.ceil(places[-1, 0] / step - SAME_GRID_TOLERANCE)) + 1
        start, stop = np.floor(places[:, 1:].min(axis=0)), np.ceil(places[:, 1:].max(axis=0))
        rows, columns = (np.array(self.shape[1:]) + stop - start).astype(int)
        affine = self.first.affine.copy()
        affine[:3, 0] *= step
        affine[:3, 3] = self.first.point((0, *start))
        return Grid((planes, rows, columns), affine, self.first.frame_of_reference)

    def evened(self, array: npt.NDArray, padding: npt.NDArray[np.bool_] | None = None) -> Volume:
        """The values on `even_grid`, interpolated linearly in each slice and between two.

        Args:
            array: (slice, row, column).
            padding: the same, see `Volume`; what is interpolated is padding where the nearest
                slice is.

        Returns:
            float32; the smallest value stands where no slice reaches.
        """
        grid, places = self.even_grid, self._on_grid
        outside = np.float32(array.min())
        shifted = lru_cache(maxsize=2)(
            lambda i: _shifted(array[i], places[i, 1:], grid.shape[1:], outside)
        )
        even = np.empty(grid.shape, np.float32)
        between = np.interp(np.arange(len(even)), places[:, 0], np.arange(len(places)))
        for k, position in enumerate(between):
            below, part = int(position), np.float32(position % 1)
            even[k] = shifted(below)
            if part:
                even[k] += part * (shifted(below + 1) - even[k])
        return Volume(even, grid, None if padding is None else self.labels_on_even(padding))

    def labels_of_even(self, array: npt.NDArray) -> npt.NDArray:
        """(..., slice, row, column): of each voxel the nearest on `even_grid`."""
        _, rows, columns = self.shape
        found = np.empty((*array.shape[:-3], *self.shape), array.dtype)
        for i, (k, row, column) in enumerate(np.rint(self._on_grid).astype(int)):
            found[..., i, :, :] = array[..., k, row : row + rows, column : column + columns]
        return found

    def labels_on_even(self, array: npt.NDArray) -> npt.NDArray:
        """(..., a0, a1, a2) on `even_grid`: of each plane the nearest slice, 0 outside of it."""
        _, rows, columns = self.shape
        even = np.zeros((*array.shape[:-3], *self.even_grid.shape), array.dtype)
        places = self._on_grid
        for k in range(even.shape[-3]):
            i = int(np.abs(places[:, 0] - k).argmin())
            row, column = np.rint(places[i, 1:]).astype(int)
            even[..., k, row : row + rows, column : column + columns] = array[..., i, :, :]
        return even

    @cached_property
    def _on_grid(self) -> Float64:
        """(n, 3): where on `even_grid` the first voxel of each slice lies, with fractions."""
        start = self.first.index(self.even_grid.origin)
        steps = np.array(self.even_grid.spacing) / self.first.spacing
        return (self._places - start) / steps


def _shifted(
    plane: npt.NDArray, by: Float64, shape: tuple[int, ...], outside: np.float32
) -> npt.NDArray[np.float32]:
    """`plane` (row, column) moved by pixels and parts of them, in a larger one of `shape`."""
    moved = plane.astype(np.float32)
    whole = np.floor(by + SAME_GRID_TOLERANCE).astype(int)
    for axis, part in enumerate((by - whole).astype(np.float32)):
        if part > SAME_GRID_TOLERANCE:
            pad = [(1, 1) if a == axis else (0, 0) for a in range(2)]
            padded = np.moveaxis(np.pad(moved, pad, mode="edge"), axis, 0)
            moved = np.moveaxis(padded[1:] + part * (padded[:-1] - padded[1:]), 0, axis)
    larger = np.full(shape, outside, np.float32)
    row, column = whole
    larger[row : row + moved.shape[0], column : column + moved.shape[1]] = moved
    return larger
