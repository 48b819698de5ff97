"""Which values are black and white: as the image says, or as one can guess.

The VOI LUT of PS3.3 section C.11.2 (in functional groups C.7.6.16.2.10) comes behind the rescaling,
so that it takes the values of a volume as they are. What it says of a slice in the middle of the
series counts for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from IODeepLib.geometry.arrays import Float32
from IODeepLib.headers import items, numbers, quiet, text
from IODeepLib.series import Image, ImageSeries
from IODeepLib.series.image_file import ImageFile, read_whole_header

# CT is known by its air: Hounsfield units there are -1000. What is labeled decides on the window.
_AIR = -500.0
_LUNG, _SOFT, _BONE = (-1350.0, 150.0), (-160.0, 240.0), (-450.0, 1050.0)  # HU
_LUNG_BELOW, _BONE_ABOVE = -300.0, 300.0  # HU, median of the labeled voxels
# Of other images some very dark and very bright voxels may saturate.
_PERCENTILES = (1.0, 99.5)
# A window so far off shows nothing: its values differ from those of the image.
_LEAST_SHOWN = 1 / 255


@dataclass(frozen=True, slots=True)
class Window:
    """From values to gray.

    Attributes:
        low, high: the values that are black and white.
        sigmoid: whether it goes from the one to the other along a curve (PS3.3 C.11.2.1.3.1).
        table: gray by value from `low` on, 0 to 1; instead of all that.
    """

    low: float
    high: float
    sigmoid: bool = False
    table: Float32 | None = None

    def gray(self, values: npt.NDArray, *, inverse: bool = False) -> Float32:
        """0 for black to 1 for white; black as well for what is no number.

        Args:
            values: of an image.
            inverse: low values are bright (MONOCHROME1).
        """
        values = values.astype(np.float32)
        found = np.nan_to_num(values)
        if self.table is not None:
            places = np.clip(np.rint(found - self.low), 0, len(self.table) - 1)
            shown = self.table[places.astype(np.intp)]
        else:
            shown = (found - self.low) / (self.high - self.low)
            if self.sigmoid:
                shown = 1 / (1 + np.exp(np.clip(-4 * (shown - 0.5), -50, 50)))
        shown = np.clip(shown, 0.0, 1.0).astype(np.float32)
        shown = 1 - shown if inverse else shown
        shown[np.isnan(values)] = 0
        return shown


def estimated(slices: Sequence[npt.NDArray], labeled: float | None) -> Window:
    """The window of an image that does not say it.

    Args:
        slices: what is shown of it.
        labeled: the median of its values where the labels are; None without any.
    """
    values = np.concatenate([s.ravel() for s in slices]).astype(np.float32)
    values = values[np.isfinite(values)]
    if not values.size:
        return Window(0.0, 1.0)
    if values.min() < _AIR:
        middle = labeled or 0.0
        ends = _LUNG if middle < _LUNG_BELOW else _BONE if middle > _BONE_ABOVE else _SOFT
        return Window(*ends)
    inside = values[values > values.min()]  # around many images there is nothing, in one value
    low, high = np.percentile(inside if inside.size else values, _PERCENTILES)
    return Window(float(low), max(float(high), float(low) + 1e-6))


def stated(image: Image, shown: npt.NDArray) -> Window | None:
    """The first window that an image states; None for one without, or whose window shows nothing.

    Args:
        image: the image.
        shown: a slice of it.
    """
    header, number, rescaled = _middle(image)
    if not rescaled:
        return None
    groups = items(header, "PerFrameFunctionalGroupsSequence")[number - 1 : number]
    groups += items(header, "SharedFunctionalGroupsSequence")[:1]
    holders = [one for group in groups for one in items(group, "FrameVOILUTSequence")]
    for holder in (*holders, header):
        window = _table(holder) or _window(holder)
        if window is not None:
            gray = window.gray(shown)
            return window if np.ptp(gray) > _LEAST_SHOWN else None
    return None


def _middle(image: Image) -> tuple[Dataset, int, bool]:
    """The header of an image in the middle, the number of its frame, and whether a VOI LUT fits.

    It does not fit values that come from a Real World Value Mapping, which goes another way.
    """
    if not isinstance(image, ImageSeries):
        return image.header, 1, True
    place = len(image.frames) // 2
    frame, scaling = image.frames[place], image.scalings[place]
    return _whole_header(frame.file), frame.number, not scaling.mappings


def _whole_header(file: ImageFile) -> Dataset:
    try:
        with quiet():
            return read_whole_header(file.path)
    except Exception:  # the file is gone or changed: what was kept of it still stands
        return file.header


def _table(holder: Dataset) -> Window | None:
    """VOI LUT Sequence (0028,3010)."""
    for item in items(holder, "VOILUTSequence")[:1]:
        descriptor, data = numbers(item, "LUTDescriptor"), numbers(item, "LUTData")
        if len(descriptor) == 3 and len(data) > 1 and max(data) > min(data):
            first = descriptor[1]
            table = (np.array(data) / (2 ** min(max(descriptor[2], 1), 16) - 1)).astype(np.float32)
            return Window(first, first + len(data) - 1, table=table)
    return None


def _window(holder: Dataset) -> Window | None:
    """Window Center (0028,1050) and Window Width (0028,1051)."""
    centers, widths = numbers(holder, "WindowCenter"), numbers(holder, "WindowWidth")
    if not centers or not widths:
        return None
    center, width = centers[0], widths[0]
    kind = text(holder, "VOILUTFunction").upper()
    if kind in ("LINEAR_EXACT", "SIGMOID"):
        ends = center - width / 2, center + width / 2
    else:  # PS3.3 C.11.2.1.2.1
        ends = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    return Window(*ends, sigmoid=kind == "SIGMOID") if ends[1] > ends[0] else None
