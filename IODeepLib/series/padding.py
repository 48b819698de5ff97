"""Voxels that are no part of the image, such as those outside of the reconstruction circle.

Pixel Padding Value (0028,0120), alone or as one end of a range with Pixel Padding Range Limit
(0028,0121), is compared with stored values (PS3.3 section C.7.5.1.1.2); images of floating-point
pixels have Float and Double Float Pixel Padding Value instead, which may be no number at all.
Stored values that a real world value mapping leaves out have no value either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry.arrays import Mask
from IODeepLib.headers import first_number, text
from IODeepLib.series.frames import Frame
from IODeepLib.series.scaling import short_number, stored_number

_OF_FLOATS = {"FloatPixelData": "FloatPixel", "DoubleFloatPixelData": "DoubleFloatPixel"}


def padding_of(frame: Frame) -> tuple[float, float] | None:
    """The stored values that are padding: the lowest and the highest; NaN for all not finite."""
    kind = _OF_FLOATS.get(frame.file.pixel_keyword, "Pixel")
    holder = frame.holder(f"{kind}PaddingValue")
    if holder is None:
        return None
    if kind != "Pixel":
        value = first_number(holder, f"{kind}PaddingValue")
        limit = first_number(holder, f"{kind}PaddingRangeLimit")
        ends = [math.nan if value is None else value, limit]
    else:
        ends = [short_number(holder, f"PixelPadding{end}") for end in ("Value", "RangeLimit")]
        if ends[0] is None:
            return None
        ends = [None if end is None else stored_number(end, frame) for end in ends]
    known = [end for end in ends if end is not None]
    return (math.nan, math.nan) if any(map(math.isnan, known)) else (min(known), max(known))


def padded(
    plane: npt.NDArray,
    padding: tuple[float, float] | None,
    ends: tuple[float, float] | None = None,
) -> Mask | None:
    """Which stored values of `plane` are padding; None if no one is.

    Args:
        plane: (row, column).
        padding: see `padding_of`.
        ends: its lowest and highest value, if they are known.
    """
    if padding is None:
        return None
    low, high = padding
    if math.isnan(low):
        mask = ~np.isfinite(plane)
    else:
        # Padding stands at one end of what is stored: most planes without any are told by that.
        lowest, highest = ends or (plane.min(), plane.max())
        if lowest > high or highest < low:
            return None
        mask = plane == low if low == high else (plane >= low) & (plane <= high)
    return mask if mask.any() else None


class PaddingMask:
    """Where a volume is padding; made only once some is found.

    Attributes:
        array: (slice, row, column), or None as long as there is none.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._empty: set[int] = set()  # slices that are nothing else
        self.array: Mask | None = None

    def add(self, index: int, mask: Mask | None, plane: npt.NDArray) -> None:
        """The padding of one slice, which gets a value of the image for the time being.

        So nothing that is not there widens the range of `plane`, stored or real.
        """
        if mask is None:
            return
        if self.array is None:
            self.array = np.zeros(self._shape, bool)
        self.array[index] |= mask
        first = int(self.array[index].argmin())
        if self.array[index].flat[first]:
            self._empty.add(index)
            plane[...] = 0
        else:
            plane[self.array[index]] = plane.flat[first]

    def fill(self, voxels: npt.NDArray, frames: Sequence[Frame]) -> None:
        """Put into the padding of `voxels` what stands for nothing there.

        That is the smallest value of the image, as of the air around a patient on CT; not more than
        0, which is where the counting of most others begins and means "empty" in recipes. Of
        MONOCHROME1, where dark is high, the largest value.

        Raises:
            ImageError: all of it is padding.
        """
        if self.array is None:
            return
        image = [plane for i, plane in enumerate(voxels) if i not in self._empty]
        if not image:
            raise ImageError(
                f"{frames[0].file.path} and the others of its series, whose pixels are all padding "
                f"({said_of(frames[0])})",
                "pixels of an image",
                "have that corrected, or choose another series",
            )
        if text(frames[0].file.header, "PhotometricInterpretation") == "MONOCHROME1":
            voxels[self.array] = max(plane.max() for plane in image)
        else:
            voxels[self.array] = min(0, *(plane.min() for plane in image))


def said_of(frame: Frame) -> str:
    """The attributes that say what is padding in `frame`, with their values."""
    kind = _OF_FLOATS.get(frame.file.pixel_keyword, "Pixel")
    found = []
    for keyword in (f"{kind}PaddingValue", f"{kind}PaddingRangeLimit"):
        holder = frame.holder(keyword)
        if holder is not None:
            found.append(f"{keyword} {text(holder, keyword) or 'not a number'}")
    return ", ".join(found) or "RealWorldValueMappingSequence does not map them"
