"""A small image in Slicer's scene with anisotropic voxels, and two organs found in it."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from IODeepSlicer.scene import images
from makers.recipes import label, recipe

from IODeepLib.inference.segmentation import Segmentation

SHAPE = (6, 8, 10)
LABELS = recipe(
    output={"channels": 8, "labels": [label(1, "kidney"), label(3, "liver"), label(7, "spleen")]}
).output.labels


def image_node() -> slicer.vtkMRMLScalarVolumeNode:
    """Voxels of 0.5 x 2 x 3 mm, all different."""
    voxels = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    matrix = vtk.vtkMatrix4x4()
    for axis, spacing in enumerate((0.5, 2.0, 3.0)):
        matrix.SetElement(axis, axis, spacing)
    return slicer.util.addVolumeFromArray(voxels, matrix, "image")


def found_in(volume: slicer.vtkMRMLScalarVolumeNode, *, overlapping: bool) -> Segmentation:
    """A kidney of 12 voxels and a liver of 8; no spleen."""
    array = np.zeros(SHAPE, np.uint8)
    array[1:3, 2:4, 2:5], array[3:5, 4:6, 5:7] = 1, 3
    if overlapping:
        array = np.stack([array == each.value for each in LABELS]).astype(np.uint8)
    return Segmentation(array, images.imageOf(volume).grid, LABELS)
