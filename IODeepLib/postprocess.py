"""What is done to labels after the decision: largest component, holes, smallest volume.

Each step works on the bounding box of its label. It says in plain sentences what it took away or
filled, so that a person who reads the result knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.components import Mask, components, fill_holes
from IODeepLib.recipe import (
    AfterStep,
    Connectivity,
    FillHoles,
    Label,
    LargestComponent,
    MinimumVolume,
)
from IODeepLib.segmentation import Segmentation

Box = tuple[slice, slice, slice]


def postprocess(
    segmentation: Segmentation, steps: Sequence[AfterStep]
) -> tuple[Segmentation, list[str]]:
    """Do the recipe's `after` steps.

    Probabilities stay as the network gave them.

    Returns:
        The new segmentation, and a sentence for every change that was made.
    """
    if not steps:
        return segmentation, []
    work = _Work(segmentation)
    sentences: list[str] = []
    for step in steps:
        labels = work.named(step.labels)
        match step:
            case LargestComponent(together=True):
                sentences += work.remove(labels, _all_but_largest, step.connectivity)
            case LargestComponent():
                for label in labels:
                    sentences += work.remove([label], _all_but_largest, step.connectivity)
            case MinimumVolume():
                least = step.millilitres

                def smaller(volumes: npt.NDArray, least: float = least) -> Mask:
                    return volumes < least

                for label in labels:
                    sentences += work.remove([label], smaller, step.connectivity)
            case FillHoles():
                for label in labels:
                    sentences += work.fill(label)
    return work.segmentation(), sentences


def _all_but_largest(volumes: npt.NDArray) -> Mask:
    """The first of equals, in the order of voxels, is the largest."""
    others = np.ones(len(volumes), bool)
    others[volumes.argmax()] = False
    return others


@dataclass(frozen=True, slots=True)
class _Layer:
    """Where one label is written: an array and its value there."""

    array: npt.NDArray[np.unsignedinteger]
    value: int


class _Work:
    """A copy of a segmentation on which the steps work."""

    def __init__(self, segmentation: Segmentation) -> None:
        self._given = segmentation
        self._array = segmentation.array.copy()
        self._millilitres = segmentation.grid.voxel_volume / 1000

    def segmentation(self) -> Segmentation:
        given = self._given
        return Segmentation(self._array, given.grid, given.labels, given.probabilities)

    def named(self, names: tuple[str, ...] | None) -> list[Label]:
        """The labels of these names, or all."""
        return [label for label in self._given.labels if names is None or label.name in names]

    def remove(
        self,
        labels: list[Label],
        which: Callable[[npt.NDArray], Mask],
        connectivity: Connectivity,
    ) -> Iterator[str]:
        """Remove those components of `labels` together that `which` picks by their volumes."""
        layers = [self._layer(label) for label in labels]
        box = _around([found for layer in layers if (found := _bounding_box(layer))])
        if box is None:
            return
        mask = np.zeros([part.stop - part.start for part in box], bool)
        for layer in layers:
            mask |= layer.array[box] == layer.value
        numbers, counts = components(mask, connectivity)
        chosen = which(counts * self._millilitres)
        if not chosen.any():
            return
        unwanted = np.append(False, chosen)[numbers]
        for layer in layers:
            view = layer.array[box]
            view[unwanted & (view == layer.value)] = 0
        lost = float(counts[chosen].sum() * self._millilitres)
        names = ", ".join(label.name for label in labels)
        number = int(chosen.sum())
        pieces = "1 component" if number == 1 else f"{number} components"
        yield f"{names}: removed {pieces} of {len(counts)}, {lost:.3g} ml"

    def fill(self, label: Label) -> Iterator[str]:
        """Fill what `label` encloses; where labels exclude each other, only background in it."""
        layer = self._layer(label)
        box = _bounding_box(layer)
        if box is None:
            return
        view = layer.array[box]
        new = fill_holes(view == layer.value) & (view == 0)
        count = int(np.count_nonzero(new))
        if count:
            view[new] = layer.value
            yield f"{label.name}: filled holes, {count * self._millilitres:.3g} ml"

    def _layer(self, label: Label) -> _Layer:
        if self._given.overlapping:
            return _Layer(self._array[self._given.labels.index(label)], 1)
        return _Layer(self._array, label.value)


def _bounding_box(layer: _Layer) -> Box | None:
    """The voxels around all of a label, or None where there are none."""
    present = np.array([(plane == layer.value).any() for plane in layer.array], bool)
    if not present.any():
        return None
    planes = _extent(present)
    across = np.zeros(layer.array.shape[1:], bool)
    for plane in layer.array[planes]:
        across |= plane == layer.value
    return planes, _extent(across.any(1)), _extent(across.any(0))


def _extent(present: npt.NDArray | np.bool_) -> slice:
    found = np.flatnonzero(present)
    return slice(int(found[0]), int(found[-1]) + 1)


def _around(boxes: list[Box]) -> Box | None:
    """The smallest box around `boxes`."""
    if not boxes:
        return None
    a0, a1, a2 = (
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*boxes, strict=True)
    )
    return a0, a1, a2
