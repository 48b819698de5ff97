"""Whether Slicer shows each slice of a volume where its DICOM header puts it.

Slicer's reader takes all slices for an even stack, which may lie aslant: then the volume's axes do.
Where this displaces one by more than a thousandth of a millimeter, it puts a transform over the
volume that bends it, so that each slice is shown in its place: "Acquisition geometry
regularization" in the settings of the module DICOM.
https://github.com/Slicer/Slicer/blob/main/Modules/Scripted/DICOMPlugins/DICOMScalarVolumePlugin.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
import vtk

if TYPE_CHECKING:
    import numpy as np

    from IODeepLib.series import Frame, ImageSeries

# How far a corner may be shown from its place, as a part of a pixel: the arithmetic of the
# transform adds far less, and nobody moves an image by so little.
_IN_PLACE = 0.01


def orderShown(volumeNode: slicer.vtkMRMLScalarVolumeNode, series: ImageSeries) -> int | None:
    """How the slices of `volumeNode`, shown in their places, follow each other.

    Returns:
        1 for the order of `series`, -1 for the opposite one; None where they are not shown in their
        places, or are no longer the slices of the series.
    """
    import numpy as np

    first = series.frames[0]
    size = (first.columns, first.rows, len(series.frames))
    if volumeNode.GetImageData().GetDimensions() != size or not first.is_placed:
        return None
    assert first.spacing is not None  # noqa: S101 - it is placed
    wanted = np.array([_corners(frame) for frame in series.frames])
    shown = _cornersShown(volumeNode)
    for order in (1, -1):
        apart = np.linalg.norm(shown[::order] - wanted, axis=-1).max()
        if apart <= _IN_PLACE * min(first.spacing):
            return order
    return None


def _corners(frame: Frame) -> np.ndarray:
    """(3, 3) LPS mm: the first pixel, the last one of its row, the last one of its column."""
    import numpy as np

    assert frame.spacing is not None  # noqa: S101 - it is placed
    assert frame.position is not None  # noqa: S101
    lengths = np.array(
        [(frame.columns - 1) * frame.spacing[1], (frame.rows - 1) * frame.spacing[0]]
    )
    ends = frame.position + frame.orientation * lengths[:, None]
    return np.vstack([frame.position, ends])


def _cornersShown(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """(slice, 3, 3) LPS mm of the same corners, where the views have them."""
    import numpy as np
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    columns, rows, slices = volumeNode.GetImageData().GetDimensions()
    ijk = np.array(
        [
            (i, j, k, 1.0)
            for k in range(slices)
            for i, j in ((0, 0), (columns - 1, 0), (0, rows - 1))
        ]
    )
    ijkToRAS = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRAS)
    ras = ijk @ slicer.util.arrayFromVTKMatrix(ijkToRAS).T
    before, after = vtk.vtkPoints(), vtk.vtkPoints()
    for points in (before, after):
        points.SetDataTypeToDouble()
    before.SetData(numpy_to_vtk(np.ascontiguousarray(ras[:, :3]), deep=True))
    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        volumeNode.GetParentTransformNode(), None, toWorld
    )
    toWorld.TransformPoints(before, after)
    return vtk_to_numpy(after.GetData()).reshape(slices, 3, 3) * (-1, -1, 1)
