"""Series whose slices lie unevenly or aslant: each kind that is corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from makers.series import Stack

from IODeepLib.series import ImageSeries, find_series

# Of each slice: how many slice distances along the normal, how many rows and columns beside it.
UNEVEN = {
    "tilted": [(i, 2 * i, 0) for i in range(6)],
    "tilted to the other side and across": [(i, -i, 3 * i) for i in range(6)],
    "one missing": [(i, 0, 0) for i in (0, 1, 2, 4, 5, 6)],
    "two missing in a row": [(i, 0, 0) for i in (0, 1, 2, 3, 4, 7)],
    "closer in the middle": [(i, 0, 0) for i in (0, 1, 2, 2.5, 3, 4)],
    "tilted and one missing": [(i, -2 * i, 0) for i in (0, 1, 3, 4, 5, 6)],
}
VOXELS = np.random.default_rng(5).integers(0, 1000, (6, 16, 12)).astype(np.int16)
SPACING = (2.0, 0.5, 0.5)


def place_of(slice_: tuple[float, int, int]) -> np.ndarray:
    """LPS mm of the first voxel."""
    along, rows, columns = slice_
    return np.array([columns * 0.5 - 7, rows * 0.5 + 3, along * 2.0 + 11])


def uneven(folder: Path, places: list, voxels: np.ndarray = VOXELS, **common) -> ImageSeries:
    def move(i: int, ds) -> None:
        ds.ImagePositionPatient = place_of(places[i]).tolist()

    (series,) = find_series(Stack(voxels, SPACING, common=common).write(folder, move))
    return series
