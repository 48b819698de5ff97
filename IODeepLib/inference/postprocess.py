"""What is done to labels after the decision: largest component, holes, smallest volume.

Each step works on the bounding box of its label. It says in plain sentences what it took away or
filled, so that a person who reads the result knows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import (
    AfterStep,
    Connectivity,
    FillHoles,
    Label,
    LargestComponent,
    MinimumVolume,
    OnGrid,
    Output,
)
from IODeepLib.text.wording import counted
from IODeepLib.voxels.components import (
    InBoxes,
    components,
    components_in_boxes,
    components_of_values,
)
from IODeepLib.voxels.enclosures import fill_enclosed
from IODeepLib.voxels.separate_boxes import separate_boxes

# Which components go, by their volumes in mL.
Which = Callable[[npt.NDArray], Mask]

# From so many exclusive labels on, all are searched for components or holes in one pass: it takes
# about as long as so many passes for one label each.
MANY_LABELS = 10
# Of more labels than these a sentence gives the number only.
NAMED_LABELS = 5


def postprocess(
    segmentation: Segmentation, steps: Sequence[AfterStep], *, sized: bool = True
) -> tuple[Segmentation, list[str]]:
    """Do the recipe's `after` steps.

    Probabilities and confidence stay as the network gave them.

    Args:
        segmentation: what was found.
        steps: what is done, in order.
        sized: whether the size of a voxel is known; otherwise no volume is given or asked for.

    Returns:
        The new segmentation, and a sentence for every change that was made.
    """
    if not steps:
        return segmentation, []
    work = _Work(segmentation, sized)
    sentences: list[str] = []
    for step in steps:
        labels = work.named(step.labels)
        match step:
            case LargestComponent(together=True):
                sentences += work.remove(labels, _all_but_largest, step.connectivity)
            case LargestComponent():
                sentences += work.remove_of_each(labels, _all_but_largest, step.connectivity)
            case MinimumVolume() if not sized:
                sentences.append(
                    f"components below {step.millilitres:g} mL were not removed: the size of a "
                    "voxel is not known"
                )
            case MinimumVolume():
                smaller = functools.partial(_below, step.millilitres)
                sentences += work.remove_of_each(labels, smaller, step.connectivity)
            case FillHoles():
                sentences += work.fill_each(labels)
    return work.segmentation(), sentences


def steps_on_network(
    steps: Sequence[AfterStep], output: Output
) -> tuple[list[AfterStep], list[AfterStep]]:
    """Steps on the network's voxels, if labels are decided there; and those on the series'."""
    if not output.decides_on_network:
        return [], list(steps)
    early = [isinstance(step, LargestComponent) and step.on is OnGrid.NETWORK for step in steps]
    pairs = list(zip(steps, early, strict=True))
    return [step for step, is_early in pairs if is_early], [
        step for step, is_early in pairs if not is_early
    ]


def _below(least: float, volumes: npt.NDArray) -> Mask:
    return volumes < least


def _all_but_largest(volumes: npt.NDArray) -> Mask:
    """The first of equals, in the order of voxels, is the largest."""
    others = np.ones(len(volumes), bool)
    others[volumes.argmax()] = False
    return others


@dataclass(frozen=True, slots=True)
class _Layer:
    """Where labels are written: an array (a0, a1, a2) and their values in it."""

    array: npt.NDArray[np.unsignedinteger]
    values: tuple[int, ...]

    def holds(self, where: Box | int) -> Mask:
        """Where in this part of the array one of the values is."""
        part = self.array[where]
        if len(self.values) == 1:
            return part == self.values[0]
        among = np.zeros(1 << 16, bool)  # values are 65535 at most
        among[list(self.values)] = True
        return among[part]

    def bounding_box(self) -> Box | None:
        """The voxels around all of it, or None where there are none."""
        present = np.zeros(len(self.array), bool)
        across = np.zeros(self.array.shape[1:], bool)
        for i in range(len(self.array)):
            plane = self.holds(i)
            present[i] = plane.any()
            if present[i]:
                across |= plane
        if not present.any():
            return None
        return _extent(present), _extent(across.any(1)), _extent(across.any(0))


class _Work:
    """A copy of a segmentation on which the steps work."""

    def __init__(self, segmentation: Segmentation, sized: bool) -> None:
        self._given, self._sized = segmentation, sized
        self._array = segmentation.array.copy()
        self._millilitres = segmentation.grid.voxel_volume / 1000

    def segmentation(self) -> Segmentation:
        return dataclasses.replace(self._given, array=self._array)

    def named(self, names: tuple[str, ...] | None) -> list[Label]:
        """The labels of these names, or all."""
        return [label for label in self._given.labels if names is None or label.name in names]

    def remove(
        self, labels: list[Label], which: Which, connectivity: Connectivity
    ) -> Iterator[str]:
        """Remove those components of `labels` together that `which` picks by their volumes."""
        layers = self._layers(labels)
        box = _around([found for layer in layers if (found := layer.bounding_box())])
        if box is None:
            return
        mask = layers[0].holds(box)
        for layer in layers[1:]:
            mask |= layer.holds(box)
        numbers, counts = components(mask, connectivity)
        chosen = which(counts * self._millilitres)
        if not chosen.any():
            return
        unwanted = np.append(False, chosen)[numbers]
        for layer in layers:
            layer.array[box][unwanted & layer.holds(box)] = 0
        names = ", ".join(label.name for label in labels[:NAMED_LABELS])
        if len(labels) > NAMED_LABELS:
            names = f"{len(labels)} labels together"
        yield self._removed(names, counts, chosen)

    def remove_of_each(
        self, labels: list[Label], which: Which, connectivity: Connectivity
    ) -> Iterator[str]:
        """Remove those components of each of `labels` that `which` picks by their volumes."""
        for layer, own in self._apart(labels):
            boxes = separate_boxes(layer.array, layer.values)
            if boxes is not None:
                for label, value in zip(own, layer.values, strict=True):
                    if value in boxes:
                        found = components_in_boxes(layer.array, value, boxes[value], connectivity)
                        yield from self._remove_in_boxes(layer.array, label, found, which)
            elif len(own) < MANY_LABELS:
                for label in own:
                    yield from self.remove([label], which, connectivity)
            else:
                yield from self._remove_in_one_pass(layer, own, which, connectivity)

    def _remove_in_boxes(
        self, array: npt.NDArray, label: Label, found: InBoxes, which: Which
    ) -> Iterator[str]:
        chosen = which(found.counts * self._millilitres)
        if chosen.any():
            for box, numbers, places in found.parts:
                array[box][np.append(False, chosen[places])[numbers]] = 0
            yield self._removed(label.name, found.counts, chosen)

    def _remove_in_one_pass(
        self, layer: _Layer, labels: list[Label], which: Which, connectivity: Connectivity
    ) -> Iterator[str]:
        """The same for labels that are all over the image."""
        box = layer.bounding_box()
        if box is None:
            return
        view = layer.array[box]
        numbers, counts, values = components_of_values(view, connectivity)
        unwanted = np.zeros(len(counts) + 1, bool)
        for label, value in zip(labels, layer.values, strict=True):
            own = np.flatnonzero(values == value)
            if not len(own):
                continue
            chosen = which(counts[own] * self._millilitres)
            if chosen.any():
                unwanted[own[chosen] + 1] = True
                yield self._removed(label.name, counts[own], chosen)
        for i, plane in enumerate(numbers):
            view[i][unwanted[plane]] = 0

    def fill_each(self, labels: list[Label]) -> Iterator[str]:
        """Fill what each of `labels` encloses, one after the other.

        Where labels exclude each other, only background in it.
        """
        for layer, own in self._apart(labels):
            filled = fill_enclosed(layer.array, layer.values)
            for label, value in zip(own, layer.values, strict=True):
                if value in filled:
                    yield f"{label.name}: filled holes, {self._size(filled[value])}"

    def _size(self, count: int) -> str:
        if not self._sized:
            return counted(count, "voxel")
        return f"{count * self._millilitres:.3g} mL"

    def _apart(self, labels: list[Label]) -> Iterator[tuple[_Layer, list[Label]]]:
        """Exclusive labels in their array; of overlapping ones each in its own."""
        if self._given.overlapping:
            yield from ((self._layers([label])[0], [label]) for label in labels)
        elif labels:
            yield self._layers(labels)[0], labels

    def _layers(self, labels: list[Label]) -> list[_Layer]:
        if self._given.overlapping:
            indices = [self._given.labels.index(label) for label in labels]
            return [_Layer(self._array[i], (1,)) for i in indices]
        return [_Layer(self._array, tuple(label.value for label in labels))]

    def _removed(self, names: str, counts: npt.NDArray, chosen: Mask) -> str:
        pieces = counted(int(chosen.sum()), "component")
        lost = self._size(int(counts[chosen].sum()))
        return f"{names}: removed {pieces} of {len(counts)}, {lost}"


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
