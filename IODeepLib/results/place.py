"""Where the frames of a DICOM SEG lie: in the images themselves, or on a grid made from them.

Nothing of it is left to a library, which fills in what it is not told: a reader that is told a
wrong distance measures a wrong volume. What is not known, or not one number, is not said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from IODeepLib.geometry import Grid
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.inference.segmentation import same_place
from IODeepLib.results.encoding import encoded_sequence, encoded_text
from IODeepLib.series import Frame, ImageSeries

# Computed positions and distances are rounded to a picometer, which takes away the noise of the
# arithmetic and nothing else; a decimal string holds 16 characters anyway.
_DECIMALS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where the slices of a result lie.

    Attributes:
        grid: their grid or stack; None for an image without a place in the patient.
        images: of each slice the image that lies there, pixel upon pixel, or None.
    """

    grid: Grid | SliceStack | None
    images: Sequence[Frame | None]

    @property
    def is_regular(self) -> bool:
        """Whether the slices lie evenly and upright upon each other."""
        return isinstance(self.grid, Grid)

    def position(self, k: int) -> bytes:
        """Plane Position Sequence (0020,9113) of slice `k`, empty bytes where it has none.

        That of the image, as the image has it; images that count as even may be rounded.
        """
        if self.grid is None:
            return b""
        image = self.images[k]
        if image is not None and image.position is not None:
            values = [format_number_as_ds(float(v)) for v in image.position]
        else:
            values = [decimal(v) for v in self.grid.point((k, 0, 0))]
        text = encoded_text("ImagePositionPatient", *values)
        return encoded_sequence("PlanePositionSequence", text)

    def shared_groups(self) -> dict[str, list[Dataset]]:
        """Plane Orientation and Pixel Measures Sequence, by keyword. (PS3.3 C.7.6.16.2.1, .4)"""
        if self.grid is None:
            return {}
        orientation, measures = Dataset(), Dataset()
        orientation.ImageOrientationPatient = [
            decimal(v) for v in self.grid.directions[:, [2, 1]].T.ravel()
        ]
        measures.SliceThickness = decimal(self._thickness())
        between = self._distance()
        if between is not None:
            measures.SpacingBetweenSlices = decimal(between)
        measures.PixelSpacing = [decimal(v) for v in self.grid.spacing[1:]]
        return {"PlaneOrientationSequence": [orientation], "PixelMeasuresSequence": [measures]}

    def _distance(self) -> float | None:
        """From slice to slice, or from one place for a slice to the next; None if it is not one.

        Of a single image the depth of its voxels: without it, highdicom takes 1 mm.
        """
        assert self.grid is not None  # noqa: S101  callers ask for what has a place
        return self.grid.step if isinstance(self.grid, SliceStack) else self.grid.spacing[0]

    def _thickness(self) -> float:
        """What all images say; otherwise what a slice stands for, which is its distance."""
        stated = {
            None if image is None else image.millimetres("SliceThickness", "PixelMeasuresSequence")
            for image in self.images
        }
        same = stated.pop() if len(stated) == 1 else None
        assert self.grid is not None  # noqa: S101  as above
        return same or self.grid.spacing[0]


def place_of(grid: Grid | SliceStack, series: ImageSeries) -> Place:
    """Where the slices of a result on `grid` lie, and which images of `series` lie there too.

    The slices of a corrected series lie between its images; those that lie in one, with the same
    pixels, are of that image.
    """
    if same_place(grid, series.slices):
        # An image without a place in the patient has none in a SEG either.
        return Place(grid if series.has_patient_geometry else None, series.frames)
    images: list[Frame | None] = [None] * grid.shape[0]
    if same_place(grid, series.grid):
        for frame in series.frames:
            index = series.grid.index(np.asarray(frame.position))
            k = round(float(index[0]))
            upon = np.abs(index - (k, 0, 0)).max() <= SAME_GRID_TOLERANCE
            if upon and grid.shape[1:] == (frame.rows, frame.columns):
                images[k] = frame
    return Place(grid, images)


def decimal(value: float) -> str:
    """A number as a decimal string (DS)."""
    return format_number_as_ds(round(float(value), _DECIMALS) + 0.0)  # + 0.0: no negative nought
