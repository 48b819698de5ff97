"""The bounding boxes of labels, by SimpleITK."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box


def label_boxes(array: npt.NDArray[np.unsignedinteger]) -> dict[int, Box]:
    """The smallest box around each label value in `array` (a0, a1, a2), 0 aside."""
    import SimpleITK as sitk  # noqa: N813

    measured = sitk.LabelShapeStatisticsImageFilter()
    measured.ComputePerimeterOff()
    measured.Execute(sitk.GetImageFromArray(np.asarray(array, order="C")))
    boxes = {}
    for value in measured.GetLabels():
        x, y, z, columns, rows, planes = measured.GetBoundingBox(value)
        boxes[value] = slice(z, z + planes), slice(y, y + rows), slice(x, x + columns)
    return boxes
