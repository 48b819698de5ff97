"""Which label encloses which hole, for many labels.

A label can only enclose what all of them together do, and it stands in every direction from there.
So the holes of all labels together are found in one pass, and few labels have to be looked at by
themselves, each within its bounding box.

The components, the boxes and the filling are SimpleITK's. What is ours is whom to look at: filling
each label within its box alone takes fifteen times as long (25 s against 1.6 s for 60 labels of
512x512x100) where a network has left specks of all labels all over the image, whose boxes are all
of it. On label maps without specks both take about a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Mask
from IODeepLib.voxels.boxes import label_boxes
from IODeepLib.voxels.components import fill_holes, holes

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
    numbers, enclosed = holes(array != 0)
    if not enclosed.any():
        return {}
    suspects = {value for place in _places(numbers, enclosed) for value in _around(array, place)}
    del numbers
    boxes = label_boxes(array)
    filled = {}
    for value in order:
        if value in suspects:
            view = array[boxes[value]]
            new = fill_holes(view == value) & (view == 0)
            count = int(np.count_nonzero(new))
            if count:
                view[new] = value
                filled[value] = count
    return filled


def _places(numbers: npt.NDArray[np.uint32], wanted: Mask) -> Iterator[tuple[int, int, int]]:
    """The first voxel of each wanted component; they are numbered in the order of these."""
    known = 0
    for i, plane in enumerate(numbers):
        if plane.max(initial=0) > known:
            found, at = np.unique(plane, return_index=True)
            for index in at[(found > known) & wanted[found]].tolist():
                yield i, *divmod(index, plane.shape[1])
            known = int(found[-1])


def _around(array: Labels, place: tuple[int, int, int]) -> set[int]:
    """The labels that stand on all six straight ways from `place` to the outside."""
    i, j, k = place
    ways = (
        *(array[:i, j, k], array[i:, j, k]),
        *(array[i, :j, k], array[i, j:, k]),
        *(array[i, j, :k], array[i, j, k:]),
    )
    return set.intersection(*(set(np.unique(way).tolist()) for way in ways)) - {0}
