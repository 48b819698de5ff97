"""How the slices of a volume lie to each other: their order, distances, tilt and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid
from IODeepLib.headers import text
from IODeepLib.series.frames import Frame

FloatArray = npt.NDArray[np.float64]

# Two slices closer than this along the normal are in the same place. Positions are written with
# three decimals or more, and the thinnest slices (micro-CT) are some micrometres apart.
SAME_PLACE_MM = 1e-3

# How far a slice may lie from its place in an even stack, as a part of the slice distance: more
# than the rounding of positions to 0.01 mm at 0.5 mm slices, less than what any interpolation of
# the image could show.
EVENNESS = 0.05

# How far the origin of a slice may lie beside the normal through the first slice, in pixels: below
# half a pixel every voxel is still nearest to its place in an upright stack.
UPRIGHTNESS = 0.5

# Cosine between the row and the column direction: 1e-3 is 0.06 degrees, half a pixel over 512.
PERPENDICULARITY = 1e-3

# A stated distance or thickness contradicts the measured one from this part of it on.
STATED_DIFFERS = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class SliceGeometry:
    """What was measured on a stack of slices.

    Attributes:
        grid: the even, upright stack that fits the slices; where `fault` is set, it does not fit
            them well, and serves for display only.
        distances: (n,) millimetres of each slice along the normal, from the first one.
        spacing_range: smallest, median and largest distance between neighbours, mm; None for a
            single slice or slices that are not placed.
        tilt_degrees: angle between the normal and the way from the first to the last slice.
        missing: how many slices are missing, if the distances are multiples of one another.
        fault: why the slices cannot be read as a volume, or None.
        notes: what a careful reader should know, such as a stated distance that is not true.
    """

    grid: Grid
    distances: FloatArray
    spacing_range: tuple[float, float, float] | None
    tilt_degrees: float
    missing: int
    fault: ImageError | None
    notes: tuple[str, ...]


def normal_of(frame: Frame) -> FloatArray:
    """(3,) unit vector along which slices are counted: row direction x column direction, LPS."""
    assert frame.orientation is not None  # noqa: S101  callers ask for placed frames only
    normal = np.cross(frame.orientation[0], frame.orientation[1])
    return normal / np.linalg.norm(normal)


def along_normal(frames: Sequence[Frame]) -> FloatArray:
    """(n,) millimetres of placed frames along the normal of the first one."""
    return np.array([f.position for f in frames], dtype=np.float64) @ normal_of(frames[0])


def measure(frames: Sequence[Frame]) -> SliceGeometry:
    """Measure frames of one orientation and size that are sorted along their normal."""
    if not frames[0].is_placed:
        return _unplaced(frames)
    first = frames[0]
    assert first.orientation is not None and first.spacing is not None  # noqa: S101
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
    even = np.abs(distances - step * np.arange(len(frames))).max() <= EVENNESS * step
    drift = beside.max() / min(first.spacing)
    missing = 0 if even else _missing(gaps)
    fault = _fault(first, gaps, even, missing, tilt, float(beside.max()), drift)
    if not even:  # the grid is for display: not let a gap stretch every slice
        step = float(np.median(gaps))
    grid = _grid(frames, positions[0], normal, max(step, SAME_PLACE_MM))
    span = (float(gaps.min()), float(np.median(gaps)), float(gaps.max())) if len(gaps) else None
    return SliceGeometry(grid, distances, span, tilt, missing, fault, tuple(notes))


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
    return SliceGeometry(grid, distances, None, 0.0, 0, None, tuple(notes))


def _single_slice_step(frame: Frame) -> tuple[float, str]:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        stated = frame.measure(keyword, "PixelMeasuresSequence")
        if stated:
            return abs(stated), f"a single slice: its depth, {abs(stated):g} mm, is its {keyword}"
    return 1.0, "a single slice without a stated depth: 1 mm is taken"


def _contradictions(frame: Frame, measured: float) -> list[str]:
    found = []
    stated = frame.measure("SpacingBetweenSlices", "PixelMeasuresSequence")
    if stated and abs(abs(stated) - measured) > STATED_DIFFERS * measured:
        found.append(
            f"SpacingBetweenSlices says {stated:g} mm, but the slices lie {measured:.4g} mm apart"
        )
    thickness = frame.measure("SliceThickness", "PixelMeasuresSequence")
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
    return int((whole - 1).sum()) if np.abs(steps - whole).max() <= EVENNESS else 0


def _fault(
    first: Frame,
    gaps: FloatArray,
    even: bool,
    missing: int,
    tilt: float,
    beside: float,
    drift: float,
) -> ImageError | None:
    assert first.orientation is not None  # noqa: S101
    found, wanted, next_step = [], "", ""
    skew = abs(float(np.dot(first.orientation[0], first.orientation[1])))
    if skew > PERPENDICULARITY:
        angle = np.degrees(np.arccos(skew))
        found.append(f"rows and columns at {angle:.2f} degrees to each other")
        wanted, next_step = "a right angle", "export the series again"
    repeated = int((gaps < SAME_PLACE_MM).sum())
    if drift > UPRIGHTNESS and not repeated:
        found.append(
            f"slices shifted by up to {beside:.1f} mm ({drift:.0f} pixels) within their plane, "
            f"a tilt of {tilt:.1f} degrees"
        )
        wanted, next_step = "slices upon each other", "resample the series to an upright grid"
    if repeated:
        found.append(
            f"{repeated} of {len(gaps) + 1} slices in the place of another one ({_spread(gaps)}), "
            "and no attribute tells them apart"
        )
        wanted, next_step = "one slice in each place", "remove the extra slices"
    elif missing:
        places = np.flatnonzero(np.rint(gaps / gaps.min()) > 1)
        found.append(
            f"{missing} missing slices: gaps after slice {_few(places + 1)} of {len(gaps) + 1} "
            f"({_spread(gaps)})"
        )
        wanted, next_step = "slices at one distance", "fetch the missing slices from the PACS"
    elif not even:
        found.append(f"unevenly spaced slices ({_spread(gaps)})")
        wanted, next_step = "slices at one distance", "resample the series to an even grid"
    if not found:
        return None
    return ImageError(" and ".join(found), wanted, f"{next_step}, or choose another series")


def _spread(gaps: FloatArray) -> str:
    return (
        f"along the normal they lie {gaps.min():.3g} to {gaps.max():.3g} mm apart, "
        f"median {np.median(gaps):.3g} mm"
    )


def _few(numbers: npt.NDArray) -> str:
    shown = ", ".join(str(n) for n in numbers[:3])
    return f"{shown} and {len(numbers) - 3} more" if len(numbers) > 3 else shown
