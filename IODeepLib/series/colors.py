"""One component of color images: red, green or blue, however they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from pydicom.pixels import apply_color_lut

from IODeepLib.headers import quiet, text
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Color
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_file import ImageFile, read_whole_header, undecodable
from IODeepLib.series.pixels import decoded, planes

PALETTE = "PALETTE COLOR"
COLORED = (
    "RGB",
    PALETTE,
    *(f"YBR_{kind}" for kind in ("FULL", "FULL_422", "PARTIAL_420", "ICT", "RCT")),
)


def read_component(
    frames: Sequence[Frame], color: Color, progress: Progress | None = None
) -> npt.NDArray:
    """The values of `color` in `frames`, one slice a frame.

    YBR becomes RGB (PS3.3 section C.7.6.3.1.2); a palette gives its colors, those of 16 bits by
    their upper 8.

    Returns:
        (slice, row, column) int32: 0 to 255 in images of 8 bits a component and with a palette.
    """
    component = list(Color).index(color)
    voxels = np.empty((len(frames), frames[0].rows, frames[0].columns), np.int32)

    def read(file: ImageFile, numbers: Sequence[int], _: object) -> Iterator[npt.NDArray]:
        in_color = _through_palette if _photometric(file) == PALETTE else _converted
        return (plane[..., component] for plane in in_color(file, numbers))

    for i, plane in planes(frames, None, progress, read):
        voxels[i] = plane
    return voxels


def _photometric(file: ImageFile) -> str:
    return text(file.header, "PhotometricInterpretation")


def _converted(file: ImageFile, numbers: Sequence[int]) -> Iterator[npt.NDArray]:
    """(row, column, component) RGB."""
    for plane in decoded(file, numbers, raw=False):
        if plane.ndim != 3 or plane.shape[-1] != 3:
            raise undecodable(file.path, f"{_photometric(file)} pixels of shape {plane.shape}")
        yield plane


def _through_palette(file: ImageFile, numbers: Sequence[int]) -> Iterator[npt.NDArray]:
    """(row, column, component) RGB."""
    for plane in decoded(file, numbers):
        try:
            with quiet():
                header = read_whole_header(file.path)
                colors = apply_color_lut(plane, header)[..., :3]
        except Exception as error:  # pydicom raises whatever a broken palette leads it to
            raise undecodable(file.path, error) from error
        yield colors >> 8 if colors.dtype.itemsize == 2 else colors
