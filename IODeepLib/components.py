"""Connected components and holes of a mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from IODeepLib.recipe import Connectivity

Mask = npt.NDArray[np.bool_]


def components(
    mask: Mask, connectivity: Connectivity
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The components of `mask` (a0, a1, a2), and the number of voxels of each.

    Returns:
        Component numbers on the voxels, from 1 in the order of their first voxels, 0 for none;
        and the counts, that of component 1 first.
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    found = sitk.ConnectedComponent(image, connectivity is Connectivity.CORNERS)
    numbers = sitk.GetArrayFromImage(found)
    return numbers, np.bincount(numbers.ravel())[1:]


def fill_holes(mask: Mask) -> Mask:
    """`mask` (a0, a1, a2) and all that it encloses: what no path over faces leads out of.

    Not SimpleITK's BinaryFillhole: that fills some background at the border of the image too.
    """
    numbers, counts = components(~mask, Connectivity.FACES)
    enclosed = np.ones(len(counts) + 1, bool)
    for axis in range(3):
        for end in (0, -1):
            enclosed[np.unique(numbers.take(end, axis))] = False
    enclosed[0] = True  # the mask itself
    return enclosed[numbers]
