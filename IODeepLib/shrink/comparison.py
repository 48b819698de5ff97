"""How much alike two segmentations are, label by label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label


class Comparison:
    """Counts voxels of each label over pairs of segmentations of the same images.

    Args:
        labels: all that there may be.
    """

    def __init__(self, labels: Sequence[Label]) -> None:
        self._labels = tuple(labels)
        self._counts = np.zeros((2, len(self._labels)), np.int64)  # in both; in one and the other

    def add(self, one: Segmentation, other: Segmentation) -> None:
        """Count what two networks found on the same voxels."""
        if one.overlapping:
            pairs = zip(one.array, other.array, strict=True)
            for i, (first, second) in enumerate(pairs):
                for a, b in zip(first, second, strict=True):
                    self._counts[0, i] += np.count_nonzero(np.logical_and(a, b))
                    self._counts[1, i] += np.count_nonzero(a) + np.count_nonzero(b)
            return
        values = np.array([label.value for label in self._labels])
        length = int(values.max()) + 1
        for a, b in zip(one.array, other.array, strict=True):  # NumPy counts in 8 bytes a voxel
            self._counts[0] += np.bincount(a[a == b], minlength=length)[values]
            for plane in (a, b):
                self._counts[1] += np.bincount(plane.ravel(), minlength=length)[values]

    def dice(self) -> dict[str, float]:
        """Dice of each label by name, over all voxels of all pairs; none of what nobody found."""
        return {
            label.name: float(2 * both / all_)
            for label, both, all_ in zip(self._labels, *self._counts, strict=True)
            if all_
        }
