"""Which part of an image is kept: the box around the voxels that count, as the recipe says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.recipe import Crop, CropAbove, Input, OnGrid
from IODeepLib.voxels.largest_piece import largest_box


def crops_late(input_: Input) -> bool:
    """Whether it is the network's voxels that are cropped."""
    return isinstance(input_.crop, CropAbove) and input_.crop.on is OnGrid.NETWORK


def crop_box(channels: Sequence[npt.NDArray], crop: Crop | CropAbove) -> Box:
    """The voxels that are kept; all of an image without any that count.

    Args:
        channels: (a0, a1, a2), one or several of one shape.
        crop: which voxels count, and how many around them are kept.
    """
    whole = channels[0].shape
    largest = isinstance(crop, CropAbove) and crop.component is not None
    around = (largest_box if largest else _box)(_that_count(channels, crop))
    margin = crop.margin if isinstance(crop, CropAbove) else 0
    a0, a1, a2 = (
        slice(0, n) if around is None else _wider(around[axis], margin, n)
        for axis, n in enumerate(whole)
    )
    return a0, a1, a2


def _that_count(channels: Sequence[npt.NDArray], crop: Crop | CropAbove) -> Iterator[Mask]:
    """(a1, a2) plane by plane, which voxels count in any channel."""
    for planes in zip(*channels, strict=True):
        found = [
            plane > crop.above if isinstance(crop, CropAbove) else plane != 0 for plane in planes
        ]
        yield np.logical_or.reduce(found)


def _box(planes: Iterable[Mask]) -> Box | None:
    """The smallest box around all voxels that count."""
    here, rows, columns = [], [], []
    for plane in planes:
        rows.append(plane.any(axis=1))
        columns.append(plane.any(axis=0))
        here.append(rows[-1].any())
    present = np.array(here), np.any(rows, axis=0), np.any(columns, axis=0)
    if not present[0].any():
        return None
    a0, a1, a2 = (np.flatnonzero(axis)[[0, -1]].tolist() for axis in present)
    return slice(a0[0], a0[1] + 1), slice(a1[0], a1[1] + 1), slice(a2[0], a2[1] + 1)


def _wider(part: slice, margin: int, length: int) -> slice:
    return slice(max(0, part.start - margin), min(length, part.stop + margin))
