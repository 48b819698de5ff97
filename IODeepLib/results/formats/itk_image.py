"""Arrays on a grid as images of SimpleITK, which writes the formats of research."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy.typing as npt

from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813


def itk_image(array: npt.NDArray, grid: Grid) -> sitk.Image:
    """An image of SimpleITK, whose millimeters are LPS as ours and whose axes go the other way.

    Args:
        array: (a0, a1, a2).
        grid: where the voxels lie.
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(array)
    image.SetOrigin([float(v) for v in grid.origin])
    image.SetSpacing(grid.spacing[::-1])
    image.SetDirection([float(v) for v in grid.directions[:, ::-1].ravel()])
    return image


def grid_of(segmentation: Segmentation) -> Grid:
    """The grid of the labels of a run, which always lie evenly."""
    assert isinstance(segmentation.grid, Grid)  # noqa: S101 - see `pipeline.run`
    return segmentation.grid
