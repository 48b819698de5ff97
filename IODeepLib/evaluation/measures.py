"""Dice, surface Dice and Hausdorff 95 of one label, as Metrics Reloaded defines them.

Surfaces and their distances are MONAI's: the voxels of a mask of which a face touches another, and
for each the distance in millimeters to the nearest one of the other mask. The Hausdorff distance is
the larger one of both 95th percentiles. (Maier-Hein, Reinke et al., Metrics reloaded, 2024)

Only the box around both masks is looked at: outside there are no surfaces, so that nothing changes,
and the memory is that of the label instead of that of the image.

Where one mask is empty there is no distance, and where both are there is no Dice either: what has
no value gets none. A Dice of 0, of what was found where nothing is, is a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.evaluation.packages import distances
from IODeepLib.geometry.arrays import Box, Mask

NOTHING = "nothing to be found, and nothing found: no value"
NOT_FOUND = "nothing found: no distance"
NOT_THERE = "nothing to be found: no distance"
_PERCENTILE = 95


@dataclass(frozen=True, slots=True)
class Values:
    """The figures of one label; None where there is no value, and why."""

    dice: float | None
    surface_dice: float | None
    hausdorff95: float | None
    reference: int
    found: int
    why: str


def measure(
    reference: Mask,
    found: Mask,
    spacing: tuple[float, float, float],
    tolerance: float,
    *,
    surfaces: bool = True,
) -> Values:
    """How alike two masks are.

    Args:
        reference, found: (a0, a1, a2): what is right, and what a network found.
        spacing: millimeters from voxel to voxel along each axis.
        tolerance: millimeters that surfaces may lie apart and still be the same.
        surfaces: whether to measure distances.

    Raises:
        UsageError: a Python package is not there, which distances need.
    """
    counts = int(np.count_nonzero(reference)), int(np.count_nonzero(found))
    if not any(counts):
        return Values(None, None, None, *counts, NOTHING)
    dice = 2 * int(np.count_nonzero(reference & found)) / sum(counts)
    if not surfaces:
        return Values(dice, None, None, *counts, "")
    if not all(counts):
        return Values(dice, 0.0, None, *counts, NOT_FOUND if counts[0] else NOT_THERE)
    box = _box(reference | found)
    # An image of a single slice has no surface above and below, but an outline.
    axes = [axis for axis in range(3) if reference.shape[axis] > 1]
    masks = [mask[box] for mask in (found, reference)]
    steps = [float(step) for step in spacing]
    if len(axes) == 2:
        masks = [mask.squeeze(*({0, 1, 2} - {*axes})) for mask in masks]
        steps = [steps[axis] for axis in axes]
    return Values(dice, *_of_surfaces(masks, steps, tolerance), *counts, "")


def _of_surfaces(masks: list[Mask], steps: list[float], tolerance: float) -> tuple[float, float]:
    metrics, torch = distances()
    given = [torch.from_numpy(np.ascontiguousarray(mask[None, None])) for mask in masks]
    common: dict[str, Any] = {"include_background": True, "spacing": steps}
    surface = metrics.compute_surface_dice(*given, class_thresholds=[tolerance], **common)
    hausdorff = metrics.compute_hausdorff_distance(*given, percentile=_PERCENTILE, **common)
    return float(surface[0, 0]), float(hausdorff[0, 0])


def _box(mask: Mask) -> Box:
    """The smallest box around all that is true."""
    first, second, third = (
        _extent(np.asarray(mask.any(axis=other))) for other in ((1, 2), (0, 2), (0, 1))
    )
    return first, second, third


def _extent(line: npt.NDArray[np.bool_]) -> slice:
    there = np.flatnonzero(line)
    return slice(int(there[0]), int(there[-1]) + 1)
