"""The single images of a file: one of a classic file, many of an enhanced multi-frame one.

Both kinds become the same `Frame`, so that everything after this is written once. What an enhanced
image says in its functional groups (PS3.3 section C.7.6.16) is found by the keyword of the group's
sequence and of the attribute; a classic image has the attribute in its data set.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from operator import mul
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.headers import first_number, items, numbers, text
from IODeepLib.series.image_file import ImageFile

# PixelSpacing lies in the patient (or is calibrated); the others lie at the detector or on the
# film. (PS3.3 section 10.7.1.3)
SPACING_KEYWORDS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")

# Millimeters that can be true: no pixel is smaller than a nanometer, nothing lies a kilometer away.
# Others are as good as missing.
SMALLEST_MM, LARGEST_MM = 1e-6, 1e6

# What a converter to enhanced images knew of no functional group for. (PS3.3 section C.7.6.16.2.25)
_UNASSIGNED = (
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)


# What tells where an image lies, and what it must be where it is stated at all.
PLACING = {
    "ImagePositionPatient": "three coordinates in mm",
    "ImageOrientationPatient": "the directions of a row and of a column, of length 1",
    "PixelSpacing": "two lengths in mm, above 0",
}
_LONGEST_SHOWN = 60
_NEARLY_ONE_LINE = math.cos(math.radians(30))  # two directions closer than 30 degrees


class Invalid(NamedTuple):
    """A value that is stated and cannot be true: its keyword, itself, and what it must be."""

    keyword: str
    value: str
    wanted: str

    @classmethod
    def of(cls, holder: Dataset, keyword: str, wanted: str) -> Invalid:
        """What stands there."""
        stated = text(holder, keyword) or "without a value"
        return cls(keyword, stated[:_LONGEST_SHOWN], wanted)

    def __str__(self) -> str:
        return f"{self.keyword} {self.value}"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One two-dimensional image.

    Attributes:
        file: where it is stored.
        number: which frame of the file, 1-based, as DICOM counts.
        groups: the data sets that hold its functional groups, its own before the shared ones;
            empty for a classic image.
        rows, columns: its size.
        position: (3,) LPS millimeters of the center of its first pixel, or None.
        orientation: (2, 3): unit vectors along which the column index (a row) and the row index
            (a column) grow, in LPS; or None.
        spacing: millimeters from row to row and from column to column, or None.
        spacing_keyword: the attribute that the spacing is from.
        invalid: what is stated of its place and cannot be true; it counts as missing above.
    """

    file: ImageFile
    number: int
    groups: tuple[Dataset, ...]
    rows: int
    columns: int
    position: npt.NDArray[np.float64] | None
    orientation: npt.NDArray[np.float64] | None
    spacing: tuple[float, float] | None
    spacing_keyword: str
    invalid: tuple[Invalid, ...] = ()

    @property
    def is_placed(self) -> bool:
        """Whether it is known where in the patient its pixels lie."""
        known = self.position is not None and self.orientation is not None
        return known and self.spacing is not None and self.spacing_keyword == "PixelSpacing"

    @property
    def misplaced(self) -> tuple[Invalid, ...]:
        """Why an image that says where it lies cannot lie there; () for all others."""
        stated = self.position is not None or self.orientation is not None
        places = any(one.keyword != "PixelSpacing" for one in self.invalid)
        return self.invalid if stated or places else ()

    def holder(self, keyword: str, *sequences: str) -> Dataset | None:
        """The data set that has `keyword` for this frame, behind nested `sequences` or directly."""
        found = _holder(self.groups, keyword, sequences)
        return found or (self.file.header if keyword in self.file.header else None)

    def measure(self, keyword: str, *sequences: str) -> float | None:
        """A number of this frame, such as its echo time."""
        holder = self.holder(keyword, *sequences)
        return first_number(holder, keyword) if holder is not None else None

    def millimetres(self, keyword: str, *sequences: str) -> float | None:
        """A length of this frame, such as its thickness, if it is one; without its sign."""
        length = abs(self.measure(keyword, *sequences) or 0.0)
        return length if SMALLEST_MM <= length <= LARGEST_MM else None


def frames_of(file: ImageFile) -> list[Frame]:
    """All frames of `file` in stored order."""
    header = file.header
    count = file.number_of_frames
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    per_frame = items(header, "PerFrameFunctionalGroupsSequence")
    if not shared and not per_frame:
        # Frames of a classic multi-frame image have no place of their own each: the one in the
        # data set is that of the first frame at best.
        return [_frame(file, number, (), placed=count == 1) for number in range(1, count + 1)]
    own = [per_frame[i : i + 1] for i in range(count)]
    return [_frame(file, i + 1, own[i] + shared, placed=True) for i in range(count)]


def _frame(file: ImageFile, number: int, groups: tuple[Dataset, ...], *, placed: bool) -> Frame:
    header = file.header

    invalid: list[Invalid] = []

    def holder(keyword: str, sequence: str) -> Dataset:
        return _holder(groups, keyword, (sequence,)) or header

    def values(keyword: str, sequence: str) -> tuple[float, ...]:
        return numbers(holder(keyword, sequence), keyword)

    def judged(keyword: str, sequence: str, valid: bool) -> None:
        stated = "" if valid else text(holder(keyword, sequence), keyword)
        if stated:
            invalid.append(Invalid.of(holder(keyword, sequence), keyword, PLACING[keyword]))

    position = orientation = None
    if placed:
        found = values("ImagePositionPatient", "PlanePositionSequence")
        position = np.array(found) if len(found) == 3 and _near(found) else None
        judged("ImagePositionPatient", "PlanePositionSequence", position is not None)
        orientation = _directions(values("ImageOrientationPatient", "PlaneOrientationSequence"))
        judged("ImageOrientationPatient", "PlaneOrientationSequence", orientation is not None)
    spacing, spacing_keyword = None, ""
    for keyword in SPACING_KEYWORDS:
        found = values(keyword, "PixelMeasuresSequence")
        if len(found) == 2 and min(found) >= SMALLEST_MM and max(found) <= LARGEST_MM:
            spacing, spacing_keyword = (found[0], found[1]), keyword
            break
        if keyword in PLACING:
            judged(keyword, "PixelMeasuresSequence", valid=False)
    return Frame(
        file,
        number,
        groups,
        int(numbers(header, "Rows")[0]),
        int(numbers(header, "Columns")[0]),
        position,
        orientation,
        spacing,
        spacing_keyword,
        tuple(invalid),
    )


def _holder(groups: Iterable[Dataset], keyword: str, sequences: tuple[str, ...]) -> Dataset | None:
    for group in groups:
        for path in (sequences, *((s,) for s in _UNASSIGNED)):
            holder: Dataset | None = group
            for sequence in path:
                inner = items(holder, sequence) if holder is not None else ()
                holder = inner[0] if inner else None
            if holder is not None and keyword in holder:
                return holder
    return None


def _near(position: tuple[float, ...]) -> bool:
    return max(map(abs, position)) <= LARGEST_MM


def _directions(cosines: tuple[float, ...]) -> npt.NDArray[np.float64] | None:
    """Unit vectors of the six direction cosines, or None if they span no plane."""
    if len(cosines) != 6 or max(map(abs, cosines)) > 2:
        return None
    row, column = cosines[:3], cosines[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if min(lengths) < 0.5 or abs(sum(map(mul, row, column))) > _NEARLY_ONE_LINE * math.prod(
        lengths
    ):
        return None
    return np.array([[v / lengths[0] for v in row], [v / lengths[1] for v in column]])
