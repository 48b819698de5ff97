"""Connected components and holes of a mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Mask
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
