"""How large a segment is, as far as the sizes of voxels are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from IODeepLib.geometry import Grid
from IODeepLib.geometry.arrays import Mask
from IODeepLib.series import Image
from IODeepLib.voxels.diameters import diameters
from IODeepLib.voxels.surface import surface_area


@dataclass(frozen=True, slots=True)
class Size:
    """How large a segment is; None for what is not known or has no meaning.

    Attributes:
        volume_ml: milliliters.
        long_axis_mm, short_axis_mm, surface_mm2: see `SegmentMeasurements`.
    """

    volume_ml: float | None = None
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    surface_mm2: float | None = None


def size_of(mask: Mask, grid: Grid, image: Image) -> Size:
    """The size of a segment.

    Args:
        mask: (a0, a1, a2), its voxels, with no plane at its ends that is empty.
        grid: of the voxels; `mask` is a part of it, wherever.
        image: says what of the grid is known, and what is made up.
    """
    if not mask.size:
        return Size()
    volume = surface = None
    if image.has_voxel_size:
        volume = np.count_nonzero(mask) * grid.voxel_volume / 1000
        surface = surface_area(mask, grid.spacing)
    axis = _normal(grid)
    if not image.has_patient_geometry or not image.has_spacing or (axis and not image.has_depth):
        return Size(volume, surface_mm2=surface)
    row, column = (step for i, step in enumerate(grid.spacing) if i != axis)
    planes = np.ascontiguousarray(np.moveaxis(mask, axis, 0))  # each is gone through many times
    return Size(volume, *diameters(planes, (row, column)), surface)


def _normal(grid: Grid) -> int:
    """The axis whose planes are the most nearly axial; of a single image, the one through it."""
    if grid.shape[0] == 1:
        return 0
    return next(i for i, letter in enumerate(grid.orientation) if letter in "SI")
