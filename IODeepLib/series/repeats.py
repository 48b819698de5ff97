"""Images that were stored twice under two names: the same voxels in the same place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry.tolerances import ROUNDING_MM
from IODeepLib.series.frames import Frame
from IODeepLib.series.pixels import read_voxels
from IODeepLib.series.scaling import scaling_of


def without_repeats(frames: Sequence[Frame], places: Sequence[int]) -> list[Frame]:
    """`frames` with one in each place, if all that lie in one place are the same image.

    Otherwise all of them: nobody knows then which one is meant. Pixels are read of places with
    several frames only, and no further than to the first two that differ.

    Args:
        frames: placed frames.
        places: the number of each one's place along the normal.
    """
    by_place = defaultdict(list)
    for frame, place in zip(frames, places, strict=True):
        by_place[place].append(frame)
    for first, *others in by_place.values():
        if not all(_same(first, other) for other in others):
            return list(frames)
    return [first for first, *_ in by_place.values()]


def _same(one: Frame, other: Frame) -> bool:
    assert one.position is not None and other.position is not None  # noqa: S101
    try:
        return np.allclose(one.position, other.position, atol=ROUNDING_MM) and np.array_equal(
            _voxels(one), _voxels(other)
        )
    except ImageError:  # one that cannot be read is said where the series is read
        return False


def _voxels(frame: Frame) -> npt.NDArray:
    return read_voxels([frame], [scaling_of(frame)])[0]
