"""The planes of a DICOM SEG, whatever it is stored in by now: frame by frame, checked at the door.

A PACS may have compressed what it was given; what can be decoded is, in the memory of a frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.headers import integer, items, text
from IODeepLib.results.frames import SegmentationType
from IODeepLib.series.image_file import ImageFile, Skipped, read_image_file
from IODeepLib.series.pixels import stored_planes

_BITS = {
    SegmentationType.BINARY: (1,),
    SegmentationType.LABELMAP: (8, 16),
    SegmentationType.FRACTIONAL: (8,),
}
# Some bytes may stand for any number of empty pixels; these take minutes. As many as 100 labels in
# 330 slices of 512 x 512.
_MOST_COMPRESSED = 2**33  # pixels


def seg_file(path: Path, kind: SegmentationType) -> ImageFile:
    """A DICOM SEG of which the planes can be asked for.

    Raises:
        ValueError: it cannot be what it says to be; the words say why, and what may help.
    """
    file = read_image_file(path, found=True)
    if isinstance(file, Skipped):
        raise ValueError(f"it is {file.reason}")
    _check(file, kind)
    return file


def type_of(header: Dataset) -> SegmentationType:
    """What its frames are.

    Raises:
        ValueError: nothing that there is.
    """
    stated = text(header, "SegmentationType")
    try:
        return SegmentationType(stated)
    except ValueError:
        raise ValueError(f"it is of the type {stated or 'unknown'}") from None


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


def lowest(header: Dataset, kind: SegmentationType) -> int:
    """The lowest value of a pixel that counts; of FRACTIONAL that of a half.

    Raises:
        ValueError: it does not say which value stands for 1.
    """
    if kind is SegmentationType.BINARY:
        return 1
    one = integer(header, "MaximumFractionalValue") or 0
    if not 0 < one <= 255:
        raise ValueError(f"it does not say which value stands for 1, but {one}")
    return (one + 1) // 2


def planes_of(file: ImageFile, numbers: Sequence[int] | None = None) -> Iterator[npt.NDArray]:
    """The frames with these numbers, from 1; of all by default.

    Raises:
        ValueError: their pixels have a sign.
        ImageError: they cannot be decoded.
    """
    every = range(1, file.number_of_frames + 1)
    for plane in stored_planes(file, every if numbers is None else numbers):
        if plane.dtype.kind != "u":
            raise ValueError("its pixels have a sign")
        yield plane


def segment_numbers(file: ImageFile) -> list[int]:
    """By frame, the number of the segment that it is of.

    Raises:
        ValueError: a frame does not say it.
    """
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
