"""The voxels of a DICOM SEG, counted again: frame by frame, whatever it is stored in by now."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.headers import integer, items, numbers, text
from IODeepLib.results.frames import SegmentationType
from IODeepLib.results.seg_planes import lowest, planes_of, seg_file, segment_numbers, type_of
from IODeepLib.series.image_file import ImageFile
from IODeepLib.text.foreign import plain


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted in a DICOM SEG.

    Attributes:
        voxels: of each segment, by its label.
        milliliters: the volume of a voxel; None where all frames do not have the same one.
    """

    voxels: dict[str, int]
    milliliters: float | None


def counted_voxels(path: Path, header: Dataset) -> Counted:
    """How many voxels each segment of a DICOM SEG has.

    Of FRACTIONAL those that it gives a half or more.

    Args:
        path: the file.
        header: what it says of its type and its segments.

    Raises:
        ValueError: they cannot be counted; the words say why, and what may help.
    """
    kind = type_of(header)
    labels = _labels(header)
    file = seg_file(path, kind)
    try:
        if kind is SegmentationType.LABELMAP:
            counts = _of_values(planes_of(file))
        else:
            counts = _of_segments(file, lowest(header, kind))
    except ImageError as error:
        found = error.found.removeprefix(f"{path} ")
        raise ValueError(f"{found}; next: {error.next_step}") from None
    voxels = {name: counts[number] for number, name in labels.items()}
    return Counted(voxels, _milliliters(file.header))


def _labels(header: Dataset) -> dict[int, str]:
    """By their numbers, without the background, which a LABELMAP may list as well."""
    names: dict[int, str] = {}
    for item in items(header, "SegmentSequence"):
        number = integer(item, "SegmentNumber")
        if number:
            names[number] = plain(text(item, "SegmentLabel"))
    if len(set(names.values())) < len(names):
        raise ValueError("several of its segments have one label")
    return names


def _milliliters(header: Dataset) -> float | None:
    (shared, *_) = (*items(header, "SharedFunctionalGroupsSequence"), Dataset())
    (measures, *_) = (*items(shared, "PixelMeasuresSequence"), Dataset())
    sides = (*numbers(measures, "PixelSpacing"), *numbers(measures, "SpacingBetweenSlices"))
    return math.prod(sides) / 1000 if len(sides) == 3 and min(sides) > 0 else None


def _of_segments(file: ImageFile, least: int) -> Counter[int]:
    """By the number of the segment that each frame is of."""
    found: Counter[int] = Counter()
    for number, plane in zip(segment_numbers(file), planes_of(file), strict=True):
        found[number] += int(np.count_nonzero(plane if least == 1 else plane >= least))
    return found


def _of_values(planes: Iterator[npt.NDArray]) -> Counter[int]:
    """By the value that stands for a segment."""
    found: Counter[int] = Counter()
    for plane in planes:
        counts = np.bincount(plane.ravel())
        present = np.flatnonzero(counts)
        found.update(dict(zip(present.tolist(), counts[present].tolist(), strict=True)))
    return found
