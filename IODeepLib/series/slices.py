"""How the slices of a volume lie to each other: their order, distances, tilt and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid
from IODeepLib.geometry.arrays import Float64
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.geometry.tolerances import (
    ROUNDING_MM,
    SAME_PLACE_MM,
    WIDEST_ROUNDING,
    is_even,
    lies_on_line,
)
from IODeepLib.headers import text
from IODeepLib.series.frames import Frame
from IODeepLib.series.irregular import (
    Tilt,
    beyond_correction,
    irregularities,
    lost_slices,
    unreadable,
)
from IODeepLib.series.left_out import LeftOut
from IODeepLib.text.wording import counted

# A stated distance or thickness contradicts the measured one from this part of it on.
STATED_DIFFERS = 0.01

# Wider distances in more than this part of all places are no lost slices: it was scanned so.
MISSING_PART = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class SliceGeometry:
    """What was measured on a stack of slices.

    Attributes:
        grid: the even, upright stack on which the series is read; where `fault` is set, the
            closest one to the slices, which serves for display only.
        slices: where the slices lie: `grid`, or a stack from which `grid` is made by resampling.
        distances: (n,) millimeters of each slice along the normal, from the first one.
        tilt_degrees: angle between the normal and the way from the first to the last slice.
        missing: how many slices are missing, if the distances are multiples of one another.
        irregularity: what keeps the slices from being an even, upright stack, with the measured
            figures, or "".
        fault: why the slices cannot be read as a volume, or None.
        notes: what a careful reader should know, such as a stated distance that is not true.
    """

    grid: Grid
    slices: Grid | SliceStack
    distances: Float64
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
        even = counted(self.grid.shape[0], "slice")
        return (
            f"{self.irregularity}: corrected by resampling to {even} {self.grid.spacing[0]:.3g} mm "
            "apart, upon each other, on which the result lies"
        )


def directions_of(frames: Sequence[Frame]) -> Float64:
    """(2, 3) unit vectors of a row and of a column of parallel, placed frames: their mean."""
    mean = np.array([f.orientation for f in frames], dtype=np.float64).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean, axis=1)[:, None])


def normal_of(frames: Sequence[Frame]) -> Float64:
    """(3,) unit vector along which slices are counted: row direction x column direction, LPS."""
    normal = np.cross(*directions_of(frames))
    return np.asarray(normal / np.linalg.norm(normal))


def along_normal(frames: Sequence[Frame]) -> Float64:
    """(n,) millimeters of parallel, placed frames along their normal."""
    return np.array([f.position for f in frames], dtype=np.float64) @ normal_of(frames)


def measure(
    frames: Sequence[Frame], left_out: Sequence[LeftOut] = (), damaged: int = 0
) -> SliceGeometry:
    """Measure frames of one orientation and size that are sorted along their normal.

    Args:
        frames: the slices.
        left_out: images of the same series that do not fit upon them; where one of them lies, no
            slice is missing.
        damaged: how many files of the series cannot be read.
    """
    if not frames[0].is_placed:
        return _unplaced(frames)
    first = frames[0]
    normal = normal_of(frames)
    positions = np.array([f.position for f in frames], dtype=np.float64)
    offsets = positions - positions[0]
    distances = offsets @ normal
    beside = np.linalg.norm(offsets - np.outer(distances, normal), axis=1)
    gaps = np.diff(distances)
    notes: list[str] = []
    even = is_even(distances)
    missing = 0 if even else _missing(distances)
    if len(frames) == 1:
        step, note = _single_slice_step(first)
        notes.append(note)
    else:
        intervals = len(gaps) + missing
        # The mean is free of the rounding of each distance; but no gap may stretch every slice.
        step = float(distances[-1] / intervals if even or missing else np.median(gaps))
        notes += _contradictions(first, step, 2 * ROUNDING_MM / intervals)
    degrees = float(np.degrees(np.arctan2(beside[-1], distances[-1]))) if len(frames) > 1 else 0.0
    grid = _grid(frames, positions[0], normal, max(step, SAME_PLACE_MM))
    tilt = Tilt(float(beside.max()), beside.max() / min(first.spacing or (1.0,)), degrees)
    fault = unreadable(frames, directions_of(frames), distances)
    lost = ""
    if missing:
        dropped = _in_gaps(left_out, positions[0], normal, distances, step)
        lost = lost_slices(missing, dropped, len(left_out) + damaged - len(dropped))
    found = "" if fault else " and ".join(irregularities(gaps, step, even, missing, lost, tilt))
    slices: Grid | SliceStack = grid
    if found:
        slices = SliceStack(grid.cropped((0, 0, 0), (1, *grid.shape[1:])), positions)
        fault = beyond_correction(slices, gaps, tilt, found)
        if fault is None:
            grid = slices.even_grid
    return SliceGeometry(grid, slices, distances, degrees, missing, found, fault, tuple(notes))


def _grid(frames: Sequence[Frame], origin: Float64, normal: Float64, step: float) -> Grid:
    first = frames[0]
    assert first.spacing is not None  # noqa: S101
    along_row = directions_of(frames)[0]
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
        why = "".join(f": {one}" for one in first.invalid if one.keyword == "PixelSpacing")
        notes.append(f"it has no pixel spacing{why}: 1 mm is taken")
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
    if any(frame.misplaced for frame in frames):  # they are refused, and told why
        notes.clear()
    return SliceGeometry(grid, grid, distances, 0.0, 0, "", None, tuple(notes))


def stated_depth(frame: Frame) -> tuple[float, str] | None:
    """The depth of a slice that says it, and the keyword."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        stated = frame.millimetres(keyword, "PixelMeasuresSequence")
        if stated:
            return stated, keyword
    return None


def _single_slice_step(frame: Frame) -> tuple[float, str]:
    found = stated_depth(frame)
    if found is None:
        return 1.0, "a single slice without a stated depth: 1 mm is taken"
    return found[0], f"a single slice: its depth, {found[0]:g} mm, is its {found[1]}"


def _contradictions(frame: Frame, measured: float, rounding: float) -> list[str]:
    """What is stated and not true. `rounding`: how far off the measured distance may be."""
    found = []
    stated = frame.millimetres("SpacingBetweenSlices", "PixelMeasuresSequence")
    if stated and abs(stated - measured) > STATED_DIFFERS * measured + rounding:
        found.append(
            f"SpacingBetweenSlices says {stated:g} mm, but the slices lie {measured:.4g} mm apart"
        )
    thickness = frame.millimetres("SliceThickness", "PixelMeasuresSequence")
    if thickness and thickness < (1 - STATED_DIFFERS) * measured - rounding:
        found.append(f"the slices are {thickness:g} mm thick, but {measured:.4g} mm apart")
    return found


def _missing(distances: Float64) -> int:
    """How many slices are missing, if the wider distances are multiples of the common one."""
    gaps = np.diff(distances)
    if gaps.min() < SAME_PLACE_MM:
        return 0
    usual = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    steps = np.rint(gaps / usual)
    numbers = np.concatenate(([0.0], np.cumsum(steps)))
    lost = lies_on_line(numbers, distances) and (steps > 1).mean() <= MISSING_PART
    return int((steps - 1).sum()) if lost else 0


def _in_gaps(
    left_out: Sequence[LeftOut],
    origin: Float64,
    normal: Float64,
    distances: Float64,
    step: float,
) -> list[str]:
    """Why those images were left out that lie where slices are missing."""
    found = []
    for frame, why in left_out:
        if frame.position is None or frame.orientation is None:
            continue
        turned = np.linalg.norm(np.cross(normal_of([frame]), normal))
        place = float((frame.position - origin) @ normal)
        nearest = float(np.abs(distances - place).min())
        within = distances[0] < place < distances[-1] and nearest > step / 2
        if within and turned <= np.sin(np.radians(WIDEST_ROUNDING)):
            found.append(why)
    return found
