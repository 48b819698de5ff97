"""What of a DICOM series is not in a volume of it, and why: an image of another size, one without
position. Echoes and time points are volumes of their own, of which nothing is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from IODeepLib.geometry.tolerances import parallel, same_pixels
from IODeepLib.headers import text
from IODeepLib.series.frames import PLACING, Frame
from IODeepLib.series.kinds import is_localizer
from IODeepLib.text.wording import counted

# Of so many volumes in one series each is not held against each.
_MOST_VOLUMES = 100


class LeftOut(NamedTuple):
    """An image that does not fit upon those of a volume, and the attribute that says so."""

    frame: Frame
    why: str


def left_out(frames: Sequence[Frame], parts: Sequence[Sequence[Frame]]) -> tuple[LeftOut, ...]:
    """The images of the same series that do not fit upon `frames`, which are one of its `parts`."""
    if not frames[0].is_placed or len(parts) > _MOST_VOLUMES:
        return ()
    return tuple(_not_fitting(frames, (part for part in parts if part is not frames)))


def sentences(images: Sequence[LeftOut]) -> list[str]:
    """How many images were left out, in a sentence for each reason."""
    counts = Counter(image.why for image in images)
    return [
        f"{counted(n, 'image')} of its series {'is' if n == 1 else 'are'} not in this volume: {why}"
        for why, n in counts.items()
    ]


def _not_fitting(frames: Sequence[Frame], parts: Iterable[Sequence[Frame]]) -> Iterator[LeftOut]:
    for part in parts:
        if part[0].is_placed:
            why = _difference(frames[0], part[0])
            yield from (LeftOut(frame, why) for frame in part if why)
        else:
            yield from (LeftOut(frame, _no_place(frame)) for frame in part)


def _no_place(frame: Frame) -> str:
    if frame.misplaced:
        return f"{' and '.join(map(str, frame.misplaced))}, which cannot be"
    known = {
        "ImagePositionPatient": frame.position is not None,
        "ImageOrientationPatient": frame.orientation is not None,
        "PixelSpacing": frame.spacing_keyword == "PixelSpacing",
    }
    return f"without {next(keyword for keyword in PLACING if not known[keyword])}"


def _difference(own: Frame, other: Frame) -> str:
    """In what a placed image does not fit upon a volume; "" if it would."""
    size = own.rows, own.columns
    if is_localizer(other) != is_localizer(own):
        return "no localizer (ImageType)" if is_localizer(own) else "a localizer (ImageType)"
    if (other.rows, other.columns) != size:
        keyword = "Rows, Columns"
        return f"{other.rows} x {other.columns} pixels, not {own.rows} x {own.columns} ({keyword})"
    keyword = "PhotometricInterpretation"
    colors = [text(f.file.header, keyword) or "nothing" for f in (own, other)]
    if colors[0] != colors[1]:
        return f"{colors[1]}, not {colors[0]} ({keyword})"
    keyword = "FrameOfReferenceUID"
    if len({text(f.file.header, keyword) for f in (own, other)}) > 1:
        return f"another frame of reference ({keyword})"
    assert own.spacing is not None and other.spacing is not None  # noqa: S101
    if same_pixels(np.array([own.spacing, other.spacing]), size)[1]:
        pixels = ["{:.4g} x {:.4g} mm".format(*s) for s in (other.spacing, own.spacing)]
        return f"pixels of {pixels[0]}, not {pixels[1]} (PixelSpacing)"
    directions = [f.orientation for f in (own, other) if f.orientation is not None]
    if parallel(np.array(directions), size, own.spacing)[1]:
        return "another orientation (ImageOrientationPatient)"
    return ""
