"""Voxel grids in the patient: where each voxel lies, and exact ways to turn, crop and re-grid.

Conventions, everywhere in IODeep:

- points are LPS millimeters (DICOM Patient-Based Coordinate System, PS3.3 C.7.6.2.1.1): x grows
  toward the patient's Left, y toward Posterior, z toward Superior;
- an affine maps the array index (a0, a1, a2, 1), zero based, in the array's own axis order, to the
  point at the center of that voxel. A DICOM series read by IODeep has a0 = slice, a1 = row,
  a2 = column;
- an orientation is three letters, one an array axis, naming the side toward which the index grows:
  "SPL" is what an axial DICOM series usually has.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry.arrays import Float64
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE

# Of a number of voxels, those that the rounding of spacings leaves as they are.
_DECIMALS = 6

# Sine of the angle to the patient's axes from which on MONAI takes a grid for aslant: below it, an
# affine in float32 moves a corner of 100 voxels by less than MONAI's tolerance.
_ASLANT = 5e-3

_LETTERS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
_LETTER_OF = {pair: letter for letter, pair in _LETTERS.items()}


def is_orientation(codes: str) -> bool:
    """Whether `codes` names three different patient axes, such as "RAS" or "SPL"."""
    return (
        len(codes) == 3
        and all(c in _LETTERS for c in codes)
        and len({_LETTERS[c][0] for c in codes}) == 3
    )


@dataclass(frozen=True, slots=True)
class AxisMap:
    """A permutation of the axes followed by flips: exact, and done as a view.

    Attributes:
        order: `order[i]` is the old axis that becomes the new axis i.
        flips: `flips[i]` tells whether the new axis i runs the other way.
    """

    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def apply(self, array: npt.NDArray) -> npt.NDArray:
        """A view of `array`, whose last three axes are the spatial ones."""
        lead = array.ndim - 3
        turned = array.transpose(*range(lead), *(lead + axis for axis in self.order))
        index = tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)
        return turned[(..., *index)]

    def inverse(self) -> AxisMap:
        """The map that undoes this one."""
        order = tuple(self.order.index(axis) for axis in range(3))
        flips = tuple(self.flips[new] for new in order)
        return AxisMap(order, flips)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the voxels of an array lie.

    Attributes:
        shape: number of voxels along the three array axes.
        affine: (4, 4) float64, array index to LPS millimeters (see the module's conventions).
        frame_of_reference: Frame of Reference UID (0020,0052), or None where there is none.
    """

    shape: tuple[int, int, int]
    affine: Float64
    frame_of_reference: str | None = None

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise ValueError("an affine is 4 x 4 finite numbers")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() == 0 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-9:
            raise ValueError("an affine must not be singular")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres from one voxel to the next along each array axis."""
        return tuple(float(s) for s in np.linalg.norm(self.affine[:3, :3], axis=0))  # type: ignore[return-value]

    @property
    def origin(self) -> Float64:
        """LPS millimeters of the center of voxel (0, 0, 0)."""
        return self.affine[:3, 3]

    @property
    def directions(self) -> Float64:
        """(3, 3): column i is the unit vector of array axis i, in LPS."""
        return self.affine[:3, :3] / np.asarray(self.spacing)

    @property
    def voxel_volume(self) -> float:
        """Cubic millimeters of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def orientation(self) -> str:
        """The closest orientation letters of the three array axes, such as "SPL".

        As nibabel's `io_orientation` (and so MONAI's Orientation): the array axis that runs most
        nearly along a patient axis chooses first.
        """
        closeness = np.abs(self.directions)  # (patient axis, array axis)
        letters = [""] * 3
        for axis in np.argsort(-closeness.max(axis=0), kind="stable"):
            patient_axis = int(closeness[:, axis].argmax())
            sign = 1 if self.directions[patient_axis, axis] >= 0 else -1
            letters[axis] = _LETTER_OF[(patient_axis, sign)]
            closeness[patient_axis] = -1  # taken
        return "".join(letters)

    def point(self, index: Sequence[float] | npt.NDArray) -> Float64:
        """LPS millimeters of the array index (..., 3)."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def index(self, point: Sequence[float] | npt.NDArray) -> Float64:
        """Array index, with fractions, of the LPS point (..., 3)."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(point, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]

    def axis_map(self, orientation: str) -> AxisMap:
        """The permutation and flips that bring this grid closest to `orientation`.

        >>> import numpy as np
        >>> Grid((10, 20, 30), np.eye(4)).axis_map("SPR")  # its own orientation is LPS
        AxisMap(order=(2, 1, 0), flips=(False, False, True))
        """
        if not is_orientation(orientation):
            raise ValueError(f"{orientation!r} does not name three patient axes, such as 'RAS'")
        own = [_LETTERS[c] for c in self.orientation]
        order, flips = [], []
        for axis, sign in (_LETTERS[c] for c in orientation):
            old = next(i for i in range(3) if own[i][0] == axis)
            order.append(old)
            flips.append(own[old][1] != sign)
        return AxisMap(tuple(order), tuple(flips))  # type: ignore[arg-type]

    def turned(self, axis_map: AxisMap) -> Grid:
        """This grid with its axes permuted and flipped; the voxels stay where they are."""
        shape = tuple(self.shape[axis] for axis in axis_map.order)
        affine = np.eye(4)
        affine[:3, :3] = self.affine[:3, list(axis_map.order)]
        affine[:3, 3] = self.affine[:3, 3]
        for i, flip in enumerate(axis_map.flips):
            if flip:
                affine[:3, 3] += affine[:3, i] * (shape[i] - 1)
                affine[:3, i] *= -1
        return Grid(shape, affine, self.frame_of_reference)  # type: ignore[arg-type]

    def cropped(self, start: Sequence[int], shape: Sequence[int]) -> Grid:
        """The grid of `shape` that begins at the index `start` (negative: it is padded)."""
        affine = self.affine.copy()
        affine[:3, 3] = self.point(start)
        return Grid(tuple(shape), affine, self.frame_of_reference)  # type: ignore[arg-type]

    def resized(self, shape: Sequence[int]) -> Grid:
        """The field of view of this grid, edge to edge, divided into `shape` voxels."""
        step = np.asarray(self.shape) / np.asarray(shape)
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * step
        # The outer edges stay: the first center moves by half the difference of the voxel sizes.
        affine[:3, 3] = self.point((step - 1) / 2)
        return Grid(tuple(shape), affine, self.frame_of_reference)  # type: ignore[arg-type]

    def respaced(self, spacing: Sequence[float]) -> Grid:
        """Voxels of `spacing` mm over the same field of view, centered; a whole number of them."""
        step = np.asarray(spacing, dtype=np.float64) / np.asarray(self.spacing)
        shape = np.maximum(1, np.rint(np.asarray(self.shape) / step)).astype(int)
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * step
        affine[:3, 3] = self.point((np.asarray(self.shape) - 1) / 2 - (shape - 1) / 2 * step)
        return Grid(tuple(shape), affine, self.frame_of_reference)

    def stretched(self, spacing: Sequence[float]) -> Grid:
        """About voxels of `spacing` mm: a whole number of them fills the field of view.

        As nnU-Net's compute_new_shape, which rounds halves to even numbers.
        """
        return self.resized(self._counts(np.asarray(self.shape), spacing, 0))

    def respaced_from_first(self, spacing: Sequence[float]) -> Grid:
        """Voxels of `spacing` mm behind the first one, which stays, as far as the last one is.

        As MONAI's compute_shape_offset, which rounds halves to even numbers. Of an aslant grid none
        of its corners is the first one but for rounding (of a NIfTI file's affine to float32, or of
        DICOM's decimals), and it then lays index n / 2 on index n / 2 instead.
        """
        affine = self.affine.copy()
        affine[:3, :3] *= np.asarray(spacing, dtype=np.float64) / np.asarray(self.spacing)
        shape = self._counts(np.asarray(self.shape) - 1, spacing, 1)
        if np.sort(np.abs(self.directions), axis=0)[1].max() > _ASLANT:
            halves = np.asarray(self.shape) / 2, np.asarray(shape) / 2
            affine[:3, 3] += self.affine[:3, :3] @ halves[0] - affine[:3, :3] @ halves[1]
        return Grid(shape, affine, self.frame_of_reference)

    def _counts(
        self, old: npt.NDArray, spacing: Sequence[float], more: int
    ) -> tuple[int, int, int]:
        """How many steps of `spacing` mm are about `old` steps of this grid, and `more`."""
        exact = np.asarray(self.spacing) / np.asarray(spacing, dtype=np.float64) * old + more
        # What is a half but for the rounding of the affine is a half.
        counts = np.maximum(1, np.rint(np.round(exact, _DECIMALS))).astype(int)
        return int(counts[0]), int(counts[1]), int(counts[2])

    def conformed(self, spacing: Sequence[float], shape: Sequence[int]) -> Grid:
        """Voxels of `spacing` mm, then cropped or padded around the center to `shape` of them.

        By whole voxels, the odd one behind: voxels that have the right size already stay as they
        are, where half a voxel's shift would blur the image.
        """
        respaced = self.respaced(spacing)
        start = [
            (old - new) // 2 if old > new else -((new - old) // 2)
            for old, new in zip(respaced.shape, shape, strict=True)
        ]
        return respaced.cropped(start, shape)

    def conformed_to_patient(self, spacing: Sequence[float], shape: Sequence[int]) -> Grid:
        """As `conformed`, along the axes of the patient that those of this grid are closest to.

        Where they are the same, nothing else is done. At an angle every voxel is interpolated, and
        the middle of the one field of view is that of the other.
        """
        straight = np.zeros((3, 3))
        for i, letter in enumerate(self.orientation):
            axis, sign = _LETTERS[letter]
            straight[axis, i] = sign
        affine = np.eye(4)
        affine[:3, :3] = straight * np.asarray(spacing, dtype=np.float64)
        middle = self.point((np.asarray(self.shape) - 1) / 2)
        affine[:3, 3] = middle - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
        turned = Grid(tuple(shape), affine, self.frame_of_reference)  # type: ignore[arg-type]
        parallel = self.steps_along_axes(turned) is not None
        return self.conformed(spacing, shape) if parallel else turned

    def steps_along_axes(self, other: Grid) -> tuple[tuple[float, float], ...] | None:
        """How the index of `other` runs along the axes of this grid, if their axes are parallel.

        Returns:
            For each axis (scale, offset), so that `own = scale * other_index + offset`; None where
            the axes are not parallel, and resampling needs all three coordinates at once.
        """
        matrix = np.linalg.inv(self.affine) @ other.affine
        scale, offset = np.diag(matrix)[:3], matrix[:3, 3]
        drift = np.abs(matrix[:3, :3] - np.diag(scale)) @ np.asarray(other.shape)
        if (drift > SAME_GRID_TOLERANCE).any():
            return None
        return tuple((float(s), float(o)) for s, o in zip(scale, offset, strict=True))

    def same_as(self, other: Grid) -> bool:
        """Whether both grids have the same voxels in the same places (and frame, where known)."""
        if self.shape != other.shape:
            return False
        frames = {self.frame_of_reference, other.frame_of_reference} - {None}
        if len(frames) > 1:
            return False
        corners = np.array(list(itertools.product(*((0, n - 1) for n in self.shape))))
        apart = np.abs(self.index(other.point(corners)) - corners)
        return bool((apart <= SAME_GRID_TOLERANCE).all())


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An array of voxels and the grid on which they lie.

    Attributes:
        array: (a0, a1, a2), in the grid's axis order.
        grid: where the voxels lie.
        padding: (a0, a1, a2), the voxels that are no part of the image and hold what stands for
            nothing in it; None where there are none.
    """

    array: npt.NDArray
    grid: Grid
    padding: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ImageError(
                f"an array of shape {self.array.shape} on a grid of shape {self.grid.shape}",
                "equal shapes",
                "make the grid from the array's own shape",
            )

    def oriented(self, orientation: str) -> Volume:
        """The voxels with array axes in `orientation`: a view, nothing is resampled."""
        return self.turned(self.grid.axis_map(orientation))

    def turned(self, axis_map: AxisMap) -> Volume:
        """The voxels with their axes permuted and flipped: a view."""
        padding = None if self.padding is None else axis_map.apply(self.padding)
        return Volume(axis_map.apply(self.array), self.grid.turned(axis_map), padding)

    def cropped(self, box: tuple[slice, slice, slice]) -> Volume:
        """The voxels in `box`: a view."""
        array = self.array[box]
        grid = self.grid.cropped([part.start for part in box], array.shape)
        return Volume(array, grid, None if self.padding is None else self.padding[box])
