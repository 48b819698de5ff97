"""Connected components and holes of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.recipe import Connectivity


def components(
    mask: Mask, connectivity: Connectivity
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The components of `mask` (a0, a1, a2), and the number of voxels of each.

    Returns:
        Component numbers on the voxels, from 1 in the order of their first voxels, 0 for none;
        and the counts, that of component 1 first.
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.asarray(mask, order="C").view(np.uint8))
    found = sitk.ConnectedComponent(image, connectivity is Connectivity.CORNERS)
    numbers = sitk.GetArrayFromImage(found)
    return numbers, _counts(numbers)


class InBoxes(NamedTuple):
    """The components of a label, each of which lies in one of several boxes.

    Attributes:
        counts: voxels of each component, in the order of their first voxels.
        parts: each box, with (a0, a1, a2) which of its own components a voxel belongs to, from 1,
            0 for none; and for each of its own, its index in `counts`.
    """

    counts: npt.NDArray[np.int64]
    parts: list[tuple[Box, npt.NDArray[np.uint32], npt.NDArray[np.intp]]]


def components_in_boxes(
    array: npt.NDArray[np.unsignedinteger],
    value: int,
    boxes: Sequence[Box],
    connectivity: Connectivity,
) -> InBoxes:
    """The components of `value` in `array`; none of them lies in two of the disjoint `boxes`."""
    found = [components(array[box] == value, connectivity) for box in boxes]
    counts = np.concatenate([own for _, own in found])
    places = np.arange(len(counts))
    if len(boxes) > 1:
        firsts = [
            _firsts(numbers, len(own), box, array.shape)
            for (numbers, own), box in zip(found, boxes, strict=True)
        ]
        order = np.concatenate(firsts).argsort()
        counts, places[order] = counts[order], places.copy()
    ends = np.cumsum([len(own) for _, own in found])
    of_boxes = np.split(places, ends[:-1])
    return InBoxes(
        counts,
        [
            (box, numbers, own)
            for box, (numbers, _), own in zip(boxes, found, of_boxes, strict=True)
        ],
    )


def _firsts(
    numbers: npt.NDArray[np.uint32], count: int, box: Box, shape: tuple[int, ...]
) -> npt.NDArray[np.intp]:
    """The index in the image of `shape` of the first voxel of each of `count` components."""
    there = np.flatnonzero(numbers)[::-1]
    first = np.empty(count + 1, np.intp)
    first[numbers.ravel()[there]] = there  # of several the last one stays
    within = np.unravel_index(first[1:], numbers.shape)
    return np.ravel_multi_index(
        tuple(part.start + index for part, index in zip(box, within, strict=True)), shape
    )


def components_of_values(
    array: npt.NDArray[np.unsignedinteger], connectivity: Connectivity
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.unsignedinteger]]:
    """The components of equal values in `array` (a0, a1, a2); 0 is background.

    Returns:
        Numbers and counts as `components` gives them, and the value of each component.
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.asarray(array, order="C"))
    whole = connectivity is Connectivity.CORNERS
    found = sitk.ScalarConnectedComponent(image, image != 0, 0, whole)
    numbers = sitk.GetArrayFromImage(found)
    counts = _counts(numbers)
    values = np.zeros(len(counts) + 1, array.dtype)
    for where, plane in zip(numbers, array, strict=True):
        values[where] = plane
    return numbers, counts, values[1:]


def _counts(numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Voxels of each number from 1 up; plane by plane, as numpy counts in 8 bytes a voxel."""
    counts = np.zeros(int(numbers.max(initial=0)) + 1, np.int64)
    for plane in numbers:
        found = np.bincount(plane.ravel())
        counts[: len(found)] += found
    return counts[1:]


def holes(mask: Mask) -> tuple[npt.NDArray[np.uint32], Mask]:
    """What `mask` (a0, a1, a2) leaves, and what of it no path over faces leads out of.

    Returns:
        Numbers of the components of the rest, as `components` gives them; and of each number
        whether it is a hole.
    """
    numbers, counts = components(~mask, Connectivity.FACES)
    enclosed = np.ones(len(counts) + 1, bool)
    enclosed[0] = False  # the mask itself
    for axis in range(3):
        for end in (0, -1):
            enclosed[np.unique(numbers.take(end, axis))] = False
    return numbers, enclosed


def fill_holes(mask: Mask) -> Mask:
    """`mask` (a0, a1, a2) and its holes.

    Not SimpleITK's BinaryFillhole: that fills some background at the border of the image too.
    """
    numbers, enclosed = holes(mask)
    enclosed[0] = True
    return enclosed[numbers]
