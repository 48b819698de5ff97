"""Names for the kinds of arrays that go from room to room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]  # voxels and scores
Float64 = npt.NDArray[np.float64]  # places, in millimeters or voxels
Mask = npt.NDArray[np.bool_]
# From where to where along each axis of a volume.
Box = tuple[slice, slice, slice]
