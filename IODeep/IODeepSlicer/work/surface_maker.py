"""What the process does that makes surfaces: Slicer's own conversion, label by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from IODeepLib.machine.progress import Progress

_LABELMAP, _SURFACE = "Binary labelmap", "Closed surface"


def makeSurfaces(
    folder: Path,
    layers: Sequence[Mapping[str, Any]],
    parameters: Mapping[str, str],
    progress: Progress,
) -> None:
    """Write a surface for each segment of each layer, numbered in this order, into `folder`."""
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule()
    for name, value in parameters.items():
        rule.SetConversionParameter(name, value)
    count = sum(len(layer["values"]) for layer in layers)
    number = 0
    for layer in layers:
        array = np.load(folder / layer["file"], mmap_mode="r", allow_pickle=False)
        for value in layer["values"].values():
            progress(number / count, "making surfaces")
            segment = slicer.vtkSegment()
            segment.AddRepresentation(_LABELMAP, _labelmap(array, value, layer))
            segment.SetLabelValue(1)
            rule.Convert(segment)
            _write(segment.GetRepresentation(_SURFACE), folder / f"surface-{number}.vtp")
            number += 1


def _labelmap(
    array: np.ndarray, value: int, layer: Mapping[str, Any]
) -> slicer.vtkOrientedImageData:
    """The voxels of one label alone, 1 where it is, no more of them than it needs."""
    labelmap = slicer.vtkOrientedImageData()
    first, mask = _cropped(array, value)
    if mask is not None:
        i, j, k = (start + offset for start, offset in zip(layer["first"], first, strict=True))
        depth, height, width = mask.shape
        labelmap.SetExtent(i, i + width - 1, j, j + height - 1, k, k + depth - 1)
        scalars = numpy_to_vtk(mask.ravel(), deep=True)
        scalars.SetName("ImageScalars")
        labelmap.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(layer["ijkToRAS"])
    labelmap.SetImageToWorldMatrix(matrix)
    return labelmap


def _cropped(array: np.ndarray, value: int) -> tuple[tuple[int, int, int], np.ndarray | None]:
    """(i, j, k) of the first voxel of the box that holds the label, and 1 where it is in there."""
    slices = [k for k in range(len(array)) if (array[k] == value).any()]
    if not slices:
        return (0, 0, 0), None
    k = slices[0]
    mask = (array[k : slices[-1] + 1] == value).astype(np.uint8)
    rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    j, i = int(rows[0]), int(columns[0])
    box = mask[:, j : rows[-1] + 1, i : columns[-1] + 1]
    return (i, j, k), np.ascontiguousarray(box)


def _write(surface: vtk.vtkPolyData, path: Path) -> None:
    writer = vtk.vtkXMLPolyDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(surface)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.SetCompressorTypeToNone()
    if not writer.Write():
        raise OSError(f"{path.name} cannot be written")
