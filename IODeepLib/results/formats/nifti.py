"""Labels as NIfTI, which the tools of research read: on the voxels of the series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results.formats.itk_image import grid_of, itk_image

FILE_NAME = "segmentation.nii.gz"


def write_nifti(segmentation: Segmentation, folder: Path) -> list[str]:
    """Write a label map into `folder`; of labels that may overlap, a volume of 0 and 1 for each."""
    import SimpleITK as sitk  # noqa: N813

    array, grid = segmentation.array, grid_of(segmentation)
    if segmentation.overlapping:
        image = sitk.JoinSeries([itk_image(layer.astype(np.uint8), grid) for layer in array])
    else:
        image = itk_image(array, grid)
    sitk.WriteImage(image, str(folder / FILE_NAME), useCompression=True)
    return [FILE_NAME]
