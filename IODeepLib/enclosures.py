"""Which label encloses which hole, for many labels in one pass.

Regions of equal values are the nodes of a graph, whose edges join those that share a face. A label
encloses a region of background if no path leads from there to the outside past the label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.unsignedinteger]


def fill_enclosed(array: Labels, order: Sequence[int]) -> dict[int, int]:
    """Fill all background in `array` (a0, a1, a2) that one of the labels encloses.

    The result is that of filling label by label in the given `order`.

    Args:
        array: labels, 0 for background; is changed.
        order: the labels that are filled.

    Returns:
        How many voxels each label got, in that order; only those that got any.
    """
    import SimpleITK as sitk  # noqa: N813

    # With a margin all that is open is one region.
    padded = np.pad(array, 1)
    image = sitk.ScalarConnectedComponent(sitk.GetImageFromArray(padded), 0.0, False)
    numbers = sitk.GetArrayViewFromImage(image)  # good while `image` lives
    outside, count = int(numbers[0, 0, 0]), int(numbers.max()) + 1
    values = np.zeros(count, array.dtype)
    for where, plane in zip(numbers, padded, strict=True):
        values[where] = plane
    graph = _Graph(_pairs(numbers, count), count, outside, values)
    filler = np.zeros(count, array.dtype)
    for region in np.flatnonzero(values == 0):
        on_the_way = graph.values_to_outside(int(region))
        for value in order:
            if value in on_the_way and graph.encloses(value, int(region)):
                filler[region] = value
                break
    got = np.zeros(int(array.max(initial=0)) + 1, np.int64)
    for plane, where in zip(array, numbers[1:-1, 1:-1, 1:-1], strict=True):
        new = filler[where]
        got += np.bincount(new.ravel(), minlength=len(got))
        plane[new > 0] = new[new > 0]
    return {value: int(got[value]) for value in order if value < len(got) and got[value]}


class _Graph:
    """Regions that share a face.

    Args:
        pairs: (n, 2) neighbours, each pair once.
        count: one more than the highest number of a region.
        outside: the region around all others.
        values: of each region.
    """

    def __init__(
        self, pairs: npt.NDArray[np.int64], count: int, outside: int, values: Labels
    ) -> None:
        both = np.concatenate([pairs, pairs[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        self._begins = np.searchsorted(both[:, 0], np.arange(count + 1)).tolist()
        self._ends = both[:, 1].tolist()
        self._outside, self._values = outside, values.tolist()
        self._towards = self._search()

    def _around(self, region: int) -> list[int]:
        return self._ends[self._begins[region] : self._begins[region + 1]]

    def _search(self) -> dict[int, int]:
        """The next region on a shortest way from each one to the outside."""
        towards, generation = {self._outside: self._outside}, [self._outside]
        while generation:
            following = []
            for region in generation:
                for other in self._around(region):
                    if other not in towards:
                        towards[other] = region
                        following.append(other)
            generation = following
        return towards

    def values_to_outside(self, region: int) -> set[int]:
        """The values on one way from `region` to the outside: what encloses it is among them."""
        found = set()
        while region != self._outside and region in self._towards:
            region = self._towards[region]
            found.add(self._values[region])
        return found

    def encloses(self, value: int, region: int) -> bool:
        """Whether every way from `region` to the outside crosses `value`."""
        seen, stack = {region}, [region]
        while stack:
            for other in self._around(stack.pop()):
                if other == self._outside:
                    return False
                if other not in seen and self._values[other] != value:
                    seen.add(other)
                    stack.append(other)
        return True


def _pairs(numbers: npt.NDArray[np.uint32], count: int) -> npt.NDArray[np.int64]:
    """(n, 2): the regions that share a face, each pair once."""
    found = []
    for i, plane in enumerate(numbers):
        sides = [(plane[1:], plane[:-1]), (plane[:, 1:], plane[:, :-1])]
        if i:
            sides.append((plane, numbers[i - 1]))
        for one, other in sides:
            where = one != other
            a, b = one[where].astype(np.int64), other[where].astype(np.int64)
            found.append(np.unique(np.minimum(a, b) * count + np.maximum(a, b)))
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // count, codes % count], axis=1)
