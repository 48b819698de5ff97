"""Where a stage looks, and what it found there on the whole image again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid
from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label, Region

# The spacing of a series is rounded; a margin of just so many voxels is that many.
_SAME_NUMBER = 1e-6


def region_box(found: Segmentation, region: Region) -> Box | None:
    """The voxels of the series around labels, wider by the region's margin; None if there are none.

    Args:
        found: the labels of the earlier stage on the voxels of the series.
        region: which labels, and the margin.
    """
    assert isinstance(found.grid, Grid)  # noqa: S101 - stages work on grids
    chosen = [
        label for label in found.labels if region.labels is None or label.name in region.labels
    ]
    present = [np.zeros(n, bool) for n in found.grid.shape]
    for i in range(found.grid.shape[0]):
        plane = _plane(found, chosen, i)
        present[0][i] = plane.any()
        present[1] |= plane.any(axis=1)
        present[2] |= plane.any(axis=0)
    if not present[0].any():
        return None
    a0, a1, a2 = (
        _extent(axis, int(region.margin / spacing + _SAME_NUMBER))
        for axis, spacing in zip(present, found.grid.spacing, strict=True)
    )
    return a0, a1, a2


def _plane(found: Segmentation, labels: Sequence[Label], i: int) -> Mask:
    """Where any of the labels is in plane `i`."""
    if found.overlapping:
        layers = [found.labels.index(label) for label in labels]
        return np.any(found.array[layers, i], axis=0)
    among = np.zeros(1 << 16, bool)  # values are 65535 at most
    among[[label.value for label in labels]] = True
    return np.asarray(among[found.array[i]])


def _extent(present: Mask, margin: int) -> slice:
    where = np.flatnonzero(present)
    return slice(max(0, int(where[0]) - margin), min(int(where[-1]) + 1 + margin, len(present)))


class Painting:
    """The labels of stages on one grid: a later one paints over an earlier one.

    Args:
        labels: all that there may be.
        grid: of the series.
        overlapping: whether a voxel may have several; then one stage has them all.
        probable: whether each label has its probability as well.
        confidence_layers: of `Segmentation.confidence`; 0 for none.
    """

    def __init__(
        self,
        labels: Sequence[Label],
        grid: Grid,
        *,
        overlapping: bool,
        probable: bool,
        confidence_layers: int = 0,
    ) -> None:
        self._labels, self._grid = tuple(labels), grid
        largest = max(label.value for label in labels)
        if overlapping:
            self._array = np.zeros((len(labels), *grid.shape), np.uint8)
        else:
            self._array = np.zeros(grid.shape, np.uint8 if largest <= 255 else np.uint16)
        self._probabilities = None
        if probable:
            self._probabilities = np.zeros((len(labels), *grid.shape), np.uint8)
        self._confidence = None
        if confidence_layers:
            self._confidence = np.zeros((confidence_layers, *grid.shape), np.uint16)

    def add(self, found: Segmentation, box: Box) -> None:
        """Paint what was found in `box`, the voxels that `found` lies on."""
        places = [self._labels.index(label) for label in found.labels]
        if found.overlapping:
            self._array[:, *box] = found.array
        else:
            for old, new in zip(self._array[box], found.array, strict=True):
                np.copyto(old, new, where=new != 0, casting="same_kind")
        if self._probabilities is not None and found.probabilities is not None:
            for place, probability in zip(places, found.probabilities, strict=True):
                self._probabilities[place][box] = probability
        if found.confidence is None:  # of a part nobody knows, so of the whole
            self._confidence = None
        elif self._confidence is not None:
            for k in range(found.confidence.shape[1]):
                painted = found.array[..., k, :, :] != 0
                new = found.confidence[:, k]
                if found.overlapping:
                    painted = painted.any(axis=0)
                _paint_confidence(self._confidence[(slice(None), *box)][:, k], new, painted)

    def segmentation(self) -> Segmentation:
        """What was painted."""
        return Segmentation(
            self._array, self._grid, self._labels, self._probabilities, self._confidence
        )


def _paint_confidence(
    old: npt.NDArray[np.uint16], new: npt.NDArray[np.uint16], painted: Mask
) -> None:
    """Change (layer, rows, columns) to that of a later stage.

    Where it painted over what was there, its own counts alone; where it left that as it was, both
    decided so, and the less sure one counts.
    """
    unsure = np.where(old == 0, new, np.minimum(old, new))[:1]
    both = np.concatenate([unsure, np.maximum(old[1:], new[1:])])
    seen = new[0] != 0
    np.copyto(old, np.where(painted, new, both), where=seen)
