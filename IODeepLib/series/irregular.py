"""What keeps slices from being an even, upright stack, in words, and what is beyond correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry.arrays import Float64
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.geometry.tolerances import EVENNESS, UPRIGHTNESS, at_right_angle, places
from IODeepLib.series.frames import Frame
from IODeepLib.text.wording import counted

# What resampling still corrects. Beyond, too much would be made up: a gap of more than two missing
# slices; a stack that leans more than it rises; a grid that is mostly empty around the slices.
WIDEST_GAP = 3.0  # median distances
STEEPEST_TILT = 45.0  # degrees; CT gantries reach 30
MOST_VOXELS = 8.0  # of the even grid, for each voxel of the slices


@dataclass(frozen=True, slots=True)
class Tilt:
    """How far the slices lie beside the normal through the first one: at most, and at the end."""

    millimetres: float
    pixels: float
    degrees: float


def unreadable(
    frames: Sequence[Frame], directions: Float64, distances: Float64
) -> ImageError | None:
    """What no resampling corrects."""
    first = frames[0]
    assert first.spacing is not None  # noqa: S101
    if not at_right_angle(directions, (first.rows, first.columns), first.spacing):
        skew = abs(float(np.dot(*directions)))
        return ImageError(
            f"rows and columns at {np.degrees(np.arccos(skew)):.2f} degrees to each other",
            "a right angle",
            "export the series again, or choose another series",
        )
    repeated = len(distances) - 1 - int(places(distances).max())
    if repeated:
        return ImageError(
            f"{repeated} of {counted(len(distances), 'slice')} in the place of another one "
            f"({_spread(np.diff(distances))}), and no attribute tells them apart",
            "one slice in each place",
            "remove the extra slices, or choose another series",
        )
    return None


def lost_slices(missing: int, dropped: Sequence[str], elsewhere: int) -> str:
    """What is not there in the gaps: what was left out of the volume, and what is missing.

    Args:
        missing: how many slices the gaps have room for.
        dropped: why images were left out that lie there.
        elsewhere: how many further images were left out or are damaged, of unknown place.
    """
    left = missing - len(dropped)
    words = []
    if dropped:
        reasons = "; ".join(dict.fromkeys(dropped))
        words.append(f"{counted(min(len(dropped), missing), 'slice')} left out, {reasons}")
    if left > 0:
        or_else = ", or among the images left out" if elsewhere else ""
        words.append(f"{counted(left, 'missing slice')}{or_else}")
    return " and ".join(words)


def irregularities(
    gaps: Float64, step: float, even: bool, missing: int, lost: str, tilt: Tilt
) -> list[str]:
    """What keeps the slices from being an even, upright stack, with the measured figures."""
    found = []
    if tilt.pixels > UPRIGHTNESS:
        found.append(
            f"slices shifted by up to {tilt.millimetres:.1f} mm ({tilt.pixels:.0f} pixels) within "
            f"their plane, a tilt of {tilt.degrees:.1f} degrees"
        )
    if missing:
        wide = np.flatnonzero(np.rint(gaps / step) > 1)
        found.append(
            f"{lost}: {'gap' if missing == 1 else 'gaps'} after slice "
            f"{_few(wide + 1)} of {len(gaps) + 1} ({_spread(gaps)})"
        )
    elif not even:
        found.append(f"unevenly spaced slices ({_spread(gaps)})")
    return found


def beyond_correction(
    slices: SliceStack, gaps: Float64, tilt: Tilt, found: str
) -> ImageError | None:
    """Why resampling would make up too much, or None."""
    other = "or choose another series"
    if gaps.max() > (WIDEST_GAP + EVENNESS) * np.median(gaps):
        wanted = f"no distance above {WIDEST_GAP:g} times the median one, to be bridged"
        return ImageError(found, wanted, f"fetch the missing slices from the PACS, {other}")
    if tilt.degrees > STEEPEST_TILT:
        wanted = f"a tilt of at most {STEEPEST_TILT:g} degrees, to be corrected"
        return ImageError(found, wanted, f"export the series again, {other}")
    if math.prod(slices.even_grid.shape) > MOST_VOXELS * math.prod(slices.shape):
        wanted = f"slices that fill an {MOST_VOXELS:g}th of the upright grid around them"
        return ImageError(found, wanted, f"export the series again, {other}")
    return None


def _spread(gaps: Float64) -> str:
    return (
        f"along the normal they lie {gaps.min():.3g} to {gaps.max():.3g} mm apart, "
        f"median {np.median(gaps):.3g} mm"
    )


def _few(numbers: npt.NDArray) -> str:
    shown = ", ".join(str(n) for n in numbers[:3])
    return f"{shown} and {len(numbers) - 3} more" if len(numbers) > 3 else shown
