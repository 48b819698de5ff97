"""The single images of a file: one of a classic file, many of an enhanced multi-frame one.

Both kinds become the same `Frame`, so that everything after this is written once. What an enhanced
image says in its functional groups (PS3.3 section C.7.6.16) is found by the keyword of the group's
sequence and of the attribute; a classic image has the attribute in its data set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.headers import first_number, items, numbers
from IODeepLib.series.image_file import ImageFile

# PixelSpacing lies in the patient (or is calibrated); the others lie at the detector or on the
# film. (PS3.3 section 10.7.1.3)
SPACING_KEYWORDS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")

# Millimetres that can be true: no pixel is smaller than a nanometre, nothing lies a kilometre away.
# Others are as good as missing.
SMALLEST_MM, LARGEST_MM = 1e-6, 1e6

# What a converter to enhanced images knew of no functional group for. (PS3.3 section C.7.6.16.2.25)
_UNASSIGNED = (
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One two-dimensional image.

    Attributes:
        file: where it is stored.
        number: which frame of the file, 1-based, as DICOM counts.
        groups: the data sets that hold its functional groups, its own before the shared ones;
            empty for a classic image.
        rows, columns: its size.
        position: (3,) LPS millimetres of the centre of its first pixel, or None.
        orientation: (2, 3): unit vectors along which the column index (a row) and the row index
            (a column) grow, in LPS; or None.
        spacing: millimetres from row to row and from column to column, or None.
        spacing_keyword: the attribute that the spacing is from.
        slope, intercept: from stored to real values.
        lookup_table: an item of a Modality LUT Sequence that replaces them, or None.
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
    slope: float
    intercept: float
    lookup_table: Dataset | None

    @property
    def is_placed(self) -> bool:
        """Whether it is known where in the patient its pixels lie."""
        known = self.position is not None and self.orientation is not None
        return known and self.spacing is not None and self.spacing_keyword == "PixelSpacing"

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

    def values(keyword: str, sequence: str) -> tuple[float, ...]:
        return numbers(_holder(groups, keyword, (sequence,)) or header, keyword)

    position = values("ImagePositionPatient", "PlanePositionSequence") if placed else ()
    orientation = values("ImageOrientationPatient", "PlaneOrientationSequence") if placed else ()
    spacing, spacing_keyword = None, ""
    for keyword in SPACING_KEYWORDS:
        found = values(keyword, "PixelMeasuresSequence")
        if len(found) == 2 and min(found) >= SMALLEST_MM and max(found) <= LARGEST_MM:
            spacing, spacing_keyword = (found[0], found[1]), keyword
            break
    transformation = "PixelValueTransformationSequence"
    slope, intercept = (values(k, transformation) for k in ("RescaleSlope", "RescaleIntercept"))
    tables = items(header, "ModalityLUTSequence")
    return Frame(
        file,
        number,
        groups,
        int(numbers(header, "Rows")[0]),
        int(numbers(header, "Columns")[0]),
        np.array(position) if len(position) == 3 and _near(position) else None,
        _directions(orientation),
        spacing,
        spacing_keyword,
        # A slope of nought would make every voxel the same: it is a placeholder.
        (slope[0] if slope else 1.0) or 1.0,
        intercept[0] if intercept else 0.0,
        tables[0] if tables else None,
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
    pair = np.array(cosines, dtype=np.float64).reshape(2, 3)
    lengths = np.linalg.norm(pair, axis=1)
    if lengths.min() < 0.5 or np.linalg.norm(np.cross(*(pair / lengths[:, None]))) < 0.5:
        return None
    return pair / lengths[:, None]
