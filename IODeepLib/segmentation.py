"""What a segmentation network found, on the voxels of the series itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid
from IODeepLib.recipe import Label


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Labels on a grid, exclusive or overlapping.

    Attributes:
        array: unsigned integers. Exclusive labels: (a0, a1, a2), label values, 0 for background.
            Overlapping ones: (label, a0, a1, a2), 0 or 1, in the order of `labels`.
        grid: where the voxels lie: the grid of the series.
        labels: all labels that the network can find, present or not.
        probabilities: (label, a0, a1, a2) uint8, 0 to 255 for 0 to 1, where they were asked for.
    """

    array: npt.NDArray[np.unsignedinteger]
    grid: Grid
    labels: tuple[Label, ...]
    probabilities: npt.NDArray[np.uint8] | None = None

    @property
    def overlapping(self) -> bool:
        """Whether one voxel can have several labels."""
        return self.array.ndim == 4

    def mask(self, label: Label) -> npt.NDArray[np.bool_]:
        """(a0, a1, a2): where `label` is."""
        if self.overlapping:
            return self.array[self.labels.index(label)] != 0
        return self.array == label.value

    def volumes(self) -> dict[str, float]:
        """Millilitres of each label by name; 0 for one that was not found."""
        if self.overlapping:
            counts = [int(np.count_nonzero(layer)) for layer in self.array]
        else:
            largest = max(label.value for label in self.labels)
            by_value = np.bincount(self.array.ravel(), minlength=largest + 1)
            counts = [int(by_value[label.value]) for label in self.labels]
        millilitre = self.grid.voxel_volume / 1000
        return {x.name: n * millilitre for x, n in zip(self.labels, counts, strict=True)}

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not self.array.any()
