"""What a segmentation network found, on the voxels that it read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.recipe import Label
from IODeepLib.voxels.label_tally import LabelTally

# What stands for 1 in `Segmentation.confidence`.
CERTAIN = 65535


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Labels on a grid or on slices, exclusive or overlapping.

    Attributes:
        array: unsigned integers. Exclusive labels: (a0, a1, a2), label values, 0 for background.
            Overlapping ones: (label, a0, a1, a2), 0 or 1, in the order of `labels`.
        grid: where the voxels lie: the grid of the series. Where its slices lie unevenly or aslant,
            that is the one that they were corrected to; what `on_slices` gives lies on the slices.
        labels: all labels that were looked for, present or not.
        probabilities: (label, a0, a1, a2) uint8, 0 to 255 for 0 to 1, where they were asked for.
        confidence: (layer, a0, a1, a2) uint16, 0 to 65535 for 0 to 1, where it was asked for: the
            probability of what was decided, 0 where the network did not look and nowhere else; the
            entropy of what could have been decided; and, of several networks or mirror images, the
            share of them that decide otherwise. See `certainty` and `votes`.
    """

    array: npt.NDArray[np.unsignedinteger]
    grid: Grid | SliceStack
    labels: tuple[Label, ...]
    probabilities: npt.NDArray[np.uint8] | None = None
    confidence: npt.NDArray[np.uint16] | None = None

    @property
    def overlapping(self) -> bool:
        """Whether one voxel can have several labels."""
        return self.array.ndim == 4

    def mask(self, label: Label) -> npt.NDArray[np.bool_]:
        """(a0, a1, a2): where `label` is."""
        if self.overlapping:
            return self.array[self.labels.index(label)] != 0
        return self.array == label.value

    def only(self, names: Collection[str]) -> Segmentation:
        """Only the labels with these names; what others alone covered is background."""
        kept = tuple(label for label in self.labels if label.name in names)
        if kept == self.labels:
            return self
        places = [self.labels.index(label) for label in kept]
        if self.overlapping:
            array = self.array[places]
        else:
            table = np.zeros(max(label.value for label in self.labels) + 1, self.array.dtype)
            values = [label.value for label in kept]
            table[values] = values
            array = table[self.array]
        probabilities = None if self.probabilities is None else self.probabilities[places]
        return Segmentation(array, self.grid, kept, probabilities, self.confidence)

    def volumes(self) -> dict[str, float]:
        """Millilitres of each label by name; 0 for one that was not found."""
        if isinstance(self.grid, SliceStack):
            counts = np.array([np.count_nonzero(self.mask(x), axis=(1, 2)) for x in self.labels])
            cubic_millimetres = counts @ self.grid.voxel_volumes
        else:
            cubic_millimetres = np.array(self._counts()) * self.grid.voxel_volume
        return {
            label.name: float(volume) / 1000
            for label, volume in zip(self.labels, cubic_millimetres, strict=True)
        }

    def fingerprints(self) -> dict[str, str]:
        """Of the voxels of each label by name, see `LabelTally`; "" for one that was not found."""
        layers = self.array if self.overlapping else self.array[np.newaxis]
        tallies = []
        for layer in layers:
            tallies.append(LabelTally(layer.shape[-1]))
            for k, plane in enumerate(layer):
                tallies[-1].add(k, plane)
        if self.overlapping:
            marks = [tally.fingerprint(1) for tally in tallies]
        else:
            marks = [tallies[0].fingerprint(label.value) for label in self.labels]
        return {label.name: mark for label, mark in zip(self.labels, marks, strict=True)}

    def _counts(self) -> list[int]:
        """How many voxels each label has."""
        if self.overlapping:
            return [int(np.count_nonzero(layer)) for layer in self.array]
        largest = max(label.value for label in self.labels)
        by_value = np.zeros(largest + 1, np.int64)
        for plane in self.array:  # numpy counts in 8 bytes a voxel
            by_value += np.bincount(plane.ravel(), minlength=largest + 1)[: largest + 1]
        return [int(by_value[label.value]) for label in self.labels]

    def lies_on(self, place: Grid | SliceStack) -> bool:
        """Whether these are the voxels of `place`."""
        return same_place(self.grid, place)

    def on_slices(self, slices: SliceStack) -> Segmentation:
        """The labels on the slices of whose even grid they are, of each voxel the nearest.

        Raises:
            ValueError: the labels lie elsewhere.
        """
        if not self.lies_on(slices.even_grid):
            raise ValueError("labels go to slices from their own even grid only")
        return self._moved(slices.labels_of_even, slices)

    def on_even_grid(self) -> Segmentation:
        """The labels of slices on their even grid, each slice as far as it is the nearest one.

        Raises:
            ValueError: these are not the labels of slices.
        """
        if not isinstance(self.grid, SliceStack):
            raise ValueError("labels go to an even grid from slices only")
        return self._moved(self.grid.labels_on_even, self.grid.even_grid)

    def _moved(
        self, move: Callable[[npt.NDArray], npt.NDArray], place: Grid | SliceStack
    ) -> Segmentation:
        probabilities = None if self.probabilities is None else move(self.probabilities)
        confidence = None if self.confidence is None else move(self.confidence)
        return Segmentation(move(self.array), place, self.labels, probabilities, confidence)

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not self.array.any()


def same_place(one: Grid | SliceStack, other: Grid | SliceStack) -> bool:
    """Whether the two have the same voxels."""
    if isinstance(one, Grid) and isinstance(other, Grid):
        return one.same_as(other)
    if isinstance(one, SliceStack) and isinstance(other, SliceStack):
        return one.same_as(other)
    return False
