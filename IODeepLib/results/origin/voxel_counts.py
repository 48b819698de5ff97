"""The voxels of a DICOM SEG, counted again: frame by frame, whatever it is stored in by now.

A PACS may have compressed what it was given; what can be decoded is, in the memory of a frame.
"""

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
from IODeepLib.series.image_file import ImageFile, Skipped, read_image_file
from IODeepLib.series.pixels import stored_planes
from IODeepLib.text.foreign import plain

_BITS = {
    SegmentationType.BINARY: (1,),
    SegmentationType.LABELMAP: (8, 16),
    SegmentationType.FRACTIONAL: (8,),
}
# Some bytes may stand for any number of empty pixels; these take minutes. As many as 100 labels in
# 330 slices of 512 x 512.
_MOST_COMPRESSED = 2**33  # pixels


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
    kind = _type_of(header)
    labels = _labels(header)
    file = read_image_file(path, found=True)
    if isinstance(file, Skipped):
        raise ValueError(f"it is {file.reason}")
    _check(file, kind)
    try:
        if kind is SegmentationType.LABELMAP:
            counts = _of_values(_planes(file))
        else:
            counts = _of_segments(file, _lowest(header, kind))
    except ImageError as error:
        found = error.found.removeprefix(f"{path} ")
        raise ValueError(f"{found}; next: {error.next_step}") from None
    voxels = {name: counts[number] for number, name in labels.items()}
    return Counted(voxels, _milliliters(file.header))


def _type_of(header: Dataset) -> SegmentationType:
    stated = text(header, "SegmentationType")
    try:
        return SegmentationType(stated)
    except ValueError:
        raise ValueError(f"it is of the type {stated or 'unknown'}") from None


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


def _check(file: ImageFile, kind: SegmentationType) -> None:
    """Whether it can be what it says to be."""
    if file.damage:
        raise ValueError(file.damage)
    bits = integer(file.header, "BitsAllocated")
    if bits not in _BITS[kind] or integer(file.header, "PixelRepresentation"):
        raise ValueError(f"its pixels have {bits} bits, or a sign, which {kind} has not")
    rows, columns = (integer(file.header, keyword) or 0 for keyword in ("Rows", "Columns"))
    pixels = file.number_of_frames * rows * columns
    if file.pixels_at is None and pixels > _MOST_COMPRESSED:
        raise ValueError(
            f"its compressed frames have {pixels} pixels, and more than {_MOST_COMPRESSED} are "
            "not decoded for this; next: convert it to Explicit VR Little Endian"
        )


def _lowest(header: Dataset, kind: SegmentationType) -> int:
    """The lowest value of a pixel that counts."""
    if kind is SegmentationType.BINARY:
        return 1
    one = integer(header, "MaximumFractionalValue") or 0
    if not 0 < one <= 255:
        raise ValueError(f"it does not say which value stands for 1, but {one}")
    return (one + 1) // 2


def _planes(file: ImageFile) -> Iterator[npt.NDArray]:
    for plane in stored_planes(file, range(1, file.number_of_frames + 1)):
        if plane.dtype.kind != "u":
            raise ValueError("its pixels have a sign")
        yield plane


def _of_segments(file: ImageFile, lowest: int) -> Counter[int]:
    """By the number of the segment that each frame is of."""
    found: Counter[int] = Counter()
    for number, plane in zip(_segment_numbers(file), _planes(file), strict=True):
        found[number] += int(np.count_nonzero(plane if lowest == 1 else plane >= lowest))
    return found


def _segment_numbers(file: ImageFile) -> list[int]:
    (shared, *_) = (*items(file.header, "SharedFunctionalGroupsSequence"), Dataset())
    groups = items(file.header, "PerFrameFunctionalGroupsSequence")
    said = [_segment_number(group) or _segment_number(shared) for group in groups]
    known = [number for number in said if number]
    if len(known) != file.number_of_frames:
        raise ValueError(f"{len(known)} of its {file.number_of_frames} frames name a segment")
    return known


def _segment_number(group: Dataset) -> int | None:
    (segment, *_) = (*items(group, "SegmentIdentificationSequence"), Dataset())
    return integer(segment, "ReferencedSegmentNumber")


def _of_values(planes: Iterator[npt.NDArray]) -> Counter[int]:
    """By the value that stands for a segment."""
    found: Counter[int] = Counter()
    for plane in planes:
        counts = np.bincount(plane.ravel())
        present = np.flatnonzero(counts)
        found.update(dict(zip(present.tolist(), counts[present].tolist(), strict=True)))
    return found
