"""How the slices of a volume lie to each other: their order, distances, tilt and gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid
from IODeepLib.headers import text
from IODeepLib.series.frames import Frame
from IODeepLib.slice_stack import UPRIGHTNESS, SliceStack

FloatArray = npt.NDArray[np.float64]

# Two slices closer than this along the normal are in the same place. Positions are written with
# three decimals or more, and the thinnest slices (micro-CT) are some micrometres apart.
SAME_PLACE_MM = 1e-3

# How far a slice may lie from its place in an even stack, as a part of the slice distance: more
# than the rounding of positions to 0.01 mm at 0.5 mm slices, less than what any interpolation of
# the image could show.
EVENNESS = 0.05

# Cosine between the row and the column direction: 1e-3 is 0.06 degrees, half a pixel over 512.
PERPENDICULARITY = 1e-3

# A stated distance or thickness contradicts the measured one from this part of it on.
STATED_DIFFERS = 0.01

# Wider distances in more than this part of all places are no lost slices: it was scanned so.
MISSING_PART = 0.4

# What resampling still corrects. Beyond, too much would be made up: a gap of more than two missing
# slices; a stack that leans more than it rises; a grid that is mostly empty around the slices.
WIDEST_GAP = 3.0  # median distances
STEEPEST_TILT = 45.0  # degrees; CT gantries reach 30
MOST_VOXELS = 8.0  # of the even grid, for each voxel of the slices


@dataclass(frozen=True, slots=True, eq=False)
class SliceGeometry:
    """What was measured on a stack of slices.

    Attributes:
        grid: the even, upright stack on which the series is read; where `fault` is set, the
            closest one to the slices, which serves for display only.
        slices: where the slices lie: `grid`, or a stack from which `grid` is made by resampling.
        distances: (n,) millimetres of each slice along the normal, from the first one.
        tilt_degrees: angle between the normal and the way from the first to the last slice.
        missing: how many slices are missing, if the distances are multiples of one another.
        irregularity: what keeps the slices from being an even, upright stack, with the measured
            figures, or "".
        fault: why the slices cannot be read as a volume, or None.
        notes: what a careful reader should know, such as a stated distance that is not true.
    """

    grid: Grid
    slices: Grid | SliceStack
    distances: FloatArray
    tilt_degrees: float
    missing: int
    irregularity: str
    fault: ImageError | None
    notes: tuple[str, ...]

    @property
    def correction(self) -> str:
        """What is corrected by resampling, with the measured figures, or ""."""
        if self.fault is not None or not self.irregularity:
            return ""
        return (
            f"{self.irregularity}: corrected by resampling to {self.grid.shape[0]} slices "
            f"{self.grid.spacing[0]:.3g} mm apart, upon each other; what is found there is brought "
            f"back to the series' own {len(self.distances)} slices"
        )


def normal_of(frame: Frame) -> FloatArray:
    """(3,) unit vector along which slices are counted: row direction x column direction, LPS."""
    assert frame.orientation is not None  # noqa: S101  callers ask for placed frames only
    normal = np.cross(frame.orientation[0], frame.orientation[1])
    return normal / np.linalg.norm(normal)


def along_normal(frames: Sequence[Frame]) -> FloatArray:
    """(n,) millimetres of placed frames along the normal of the first one."""
    return np.array([f.position for f in frames], dtype=np.float64) @ normal_of(frames[0])


def is_even(distances: FloatArray) -> bool:
    """Whether slices at these increasing distances along their normal lie evenly."""
    if len(distances) < 2:
        return True
    step = (distances[-1] - distances[0]) / (len(distances) - 1)
    places = distances[0] + step * np.arange(len(distances))
    return bool(np.abs(distances - places).max() <= EVENNESS * step)


def measure(frames: Sequence[Frame]) -> SliceGeometry:
    """Measure frames of one orientation and size that are sorted along their normal."""
    if not frames[0].is_placed:
        return _unplaced(frames)
    first = frames[0]
    normal = normal_of(first)
    positions = np.array([f.position for f in frames], dtype=np.float64)
    offsets = positions - positions[0]
    distances = offsets @ normal
    beside = np.linalg.norm(offsets - np.outer(distances, normal), axis=1)
    gaps = np.diff(distances)
    notes: list[str] = []
    if len(frames) == 1:
        step, note = _single_slice_step(first)
        notes.append(note)
    else:
        step = distances[-1] / (len(frames) - 1)
        notes += _contradictions(first, float(np.median(gaps)))
    tilt = float(np.degrees(np.arctan2(beside[-1], distances[-1]))) if len(frames) > 1 else 0.0
    even = is_even(distances)
    missing = 0 if even else _missing(gaps)
    if not even:  # not let a gap stretch every slice
        step = float(np.median(gaps))
    grid = _grid(frames, positions[0], normal, max(step, SAME_PLACE_MM))
    lean = _Lean(float(beside.max()), beside.max() / min(first.spacing or (1.0,)), tilt)
    fault = _unreadable(first, gaps)
    found = "" if fault else " and ".join(_irregularities(gaps, even, missing, lean))
    slices: Grid | SliceStack = grid
    if found:
        slices = SliceStack(grid.cropped((0, 0, 0), (1, *grid.shape[1:])), positions)
        fault = _beyond_correction(slices, gaps, lean, found)
        if fault is None:
            grid = slices.even_grid
    return SliceGeometry(grid, slices, distances, tilt, missing, found, fault, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Lean:
    """How far the slices lie beside the normal through the first one: at most, and at the end."""

    millimetres: float
    pixels: float
    degrees: float


def _grid(frames: Sequence[Frame], origin: FloatArray, normal: FloatArray, step: float) -> Grid:
    first = frames[0]
    assert first.orientation is not None and first.spacing is not None  # noqa: S101
    along_row = first.orientation[0]
    along_column = np.cross(normal, along_row)  # the column direction, made perpendicular
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = along_column * first.spacing[0]
    affine[:3, 2] = along_row * first.spacing[1]
    affine[:3, 3] = origin
    frame_of_reference = text(first.file.header, "FrameOfReferenceUID") or None
    return Grid((len(frames), first.rows, first.columns), affine, frame_of_reference)


def _unplaced(frames: Sequence[Frame]) -> SliceGeometry:
    first = frames[0]
    notes = ["it has no position in the patient"]
    if first.spacing is None:
        notes.append("it has no pixel spacing: 1 mm is taken")
    elif first.spacing_keyword == "ImagerPixelSpacing":
        notes.append("its pixel spacing is that at the detector (ImagerPixelSpacing)")
    if len(frames) > 1:
        notes.append(f"its {len(frames)} frames are stacked in stored order, as if 1 mm apart")
    rows, columns = first.spacing or (1.0, 1.0)
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = 1.0, rows, columns, 1.0
    frame_of_reference = text(first.file.header, "FrameOfReferenceUID") or None
    grid = Grid((len(frames), first.rows, first.columns), affine, frame_of_reference)
    distances = np.arange(len(frames), dtype=np.float64)
    return SliceGeometry(grid, grid, distances, 0.0, 0, "", None, tuple(notes))


def _single_slice_step(frame: Frame) -> tuple[float, str]:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        stated = frame.millimetres(keyword, "PixelMeasuresSequence")
        if stated:
            return stated, f"a single slice: its depth, {stated:g} mm, is its {keyword}"
    return 1.0, "a single slice without a stated depth: 1 mm is taken"


def _contradictions(frame: Frame, measured: float) -> list[str]:
    found = []
    stated = frame.millimetres("SpacingBetweenSlices", "PixelMeasuresSequence")
    if stated and abs(stated - measured) > STATED_DIFFERS * measured:
        found.append(
            f"SpacingBetweenSlices says {stated:g} mm, but the slices lie {measured:.4g} mm apart"
        )
    thickness = frame.millimetres("SliceThickness", "PixelMeasuresSequence")
    if thickness and thickness < (1 - STATED_DIFFERS) * measured:
        found.append(f"the slices are {thickness:g} mm thick, but {measured:.4g} mm apart")
    return found


def _missing(gaps: FloatArray) -> int:
    """How many slices are missing, if the wider distances are multiples of the common one."""
    if gaps.min() < SAME_PLACE_MM:
        return 0
    usual = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    steps = gaps / usual
    whole = np.rint(steps)
    lost = np.abs(steps - whole).max() <= EVENNESS and (whole > 1).mean() <= MISSING_PART
    return int((whole - 1).sum()) if lost else 0


def _unreadable(first: Frame, gaps: FloatArray) -> ImageError | None:
    """What no resampling corrects."""
    assert first.orientation is not None  # noqa: S101
    skew = abs(float(np.dot(first.orientation[0], first.orientation[1])))
    if skew > PERPENDICULARITY:
        return ImageError(
            f"rows and columns at {np.degrees(np.arccos(skew)):.2f} degrees to each other",
            "a right angle",
            "export the series again, or choose another series",
        )
    repeated = int((gaps < SAME_PLACE_MM).sum())
    if repeated:
        return ImageError(
            f"{repeated} of {len(gaps) + 1} slices in the place of another one ({_spread(gaps)}), "
            "and no attribute tells them apart",
            "one slice in each place",
            "remove the extra slices, or choose another series",
        )
    return None


def _irregularities(gaps: FloatArray, even: bool, missing: int, lean: _Lean) -> list[str]:
    """What keeps the slices from being an even, upright stack, with the measured figures."""
    found = []
    if lean.pixels > UPRIGHTNESS:
        found.append(
            f"slices shifted by up to {lean.millimetres:.1f} mm ({lean.pixels:.0f} pixels) within "
            f"their plane, a tilt of {lean.degrees:.1f} degrees"
        )
    if missing:
        places = np.flatnonzero(np.rint(gaps / gaps.min()) > 1)
        found.append(
            f"{missing} missing slices: gaps after slice {_few(places + 1)} of {len(gaps) + 1} "
            f"({_spread(gaps)})"
        )
    elif not even:
        found.append(f"unevenly spaced slices ({_spread(gaps)})")
    return found


def _beyond_correction(
    slices: SliceStack, gaps: FloatArray, lean: _Lean, found: str
) -> ImageError | None:
    """Why resampling would make up too much, or None."""
    other = "or choose another series"
    if gaps.max() > (WIDEST_GAP + EVENNESS) * np.median(gaps):
        wanted = f"no distance above {WIDEST_GAP:g} times the median one, to be bridged"
        return ImageError(found, wanted, f"fetch the missing slices from the PACS, {other}")
    if lean.degrees > STEEPEST_TILT:
        wanted = f"a tilt of at most {STEEPEST_TILT:g} degrees, to be corrected"
        return ImageError(found, wanted, f"export the series again, {other}")
    if math.prod(slices.even_grid.shape) > MOST_VOXELS * math.prod(slices.shape):
        wanted = f"slices that fill an {MOST_VOXELS:g}th of the upright grid around them"
        return ImageError(found, wanted, f"export the series again, {other}")
    return None


def _spread(gaps: FloatArray) -> str:
    return (
        f"along the normal they lie {gaps.min():.3g} to {gaps.max():.3g} mm apart, "
        f"median {np.median(gaps):.3g} mm"
    )


def _few(numbers: npt.NDArray) -> str:
    shown = ", ".join(str(n) for n in numbers[:3])
    return f"{shown} and {len(numbers) - 3} more" if len(numbers) > 3 else shown
