"""Why images are refused: what of them is damaged, no volume, or of another kind than asked for."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.headers import integer, text
from IODeepLib.series.colors import COLORED
from IODeepLib.series.frames import Frame, Invalid
from IODeepLib.series.kinds import no_volume
from IODeepLib.series.scaling import Scaling
from IODeepLib.text.wording import counted

GREY = ("MONOCHROME1", "MONOCHROME2")
_MOST_SHOWN = 3


def refusals(
    frames: Sequence[Frame], scalings: Sequence[Scaling], header: Dataset, damaged: Sequence[str]
) -> list[ImageError]:
    """Why nobody can read these images as a volume of the patient; the gravest first.

    Args:
        frames: the images.
        scalings: what makes real values of each one's stored ones.
        header: the whole header of the first file.
        damaged: files of the series that cannot be read, each with the reason.
    """
    wrong_places = [(frame, frame.misplaced) for frame in frames if frame.misplaced]
    wrong_values = [
        (frame, (scaling.invalid,))
        for frame, scaling in zip(frames, scalings, strict=True)
        if scaling.invalid is not None
    ]
    found = [
        _damage(frames, damaged),
        no_volume(frames, header),
        _untrue(wrong_places, len(frames)),
        _untrue(wrong_values, len(frames)),
    ]
    return [error for error in found if error is not None]


def of_another_color(frame: Frame, *, colored: bool) -> ImageError | None:
    """Why an image is not of the kind that is read, in color or in gray, or None."""
    header = frame.file.header
    photometric = text(header, "PhotometricInterpretation") or "no photometric interpretation"
    samples = integer(header, "SamplesPerPixel") or 1
    if photometric in (COLORED if colored else GREY) and (samples == 1 or colored):
        return None
    grey = "one gray value a pixel (MONOCHROME1 or MONOCHROME2)"
    return ImageError(
        f"{photometric} with {counted(samples, 'value')} a pixel",
        "red, green and blue" if colored else grey,
        f"choose a series in {'colour' if colored else 'grey'}",
    )


def _damage(frames: Sequence[Frame], damaged: Sequence[str]) -> ImageError | None:
    files = {id(frame.file): frame.file for frame in frames}.values()
    broken = [*damaged, *(f"{file.path}: {file.damage}" for file in files if file.damage)]
    if not broken:
        return None
    more = len(broken) - _MOST_SHOWN
    return ImageError(
        "damaged files: " + ", ".join(broken[:_MOST_SHOWN]) + (f" and {more} more" * (more > 0)),
        "every image of the series, complete",
        "fetch the series again",
    )


def _untrue(wrong: Sequence[tuple[Frame, tuple[Invalid, ...]]], images: int) -> ImageError | None:
    """What is stated of places or of values and cannot be true."""
    if not wrong:
        return None
    frame, values = wrong[0]
    return ImageError(
        f"{' and '.join(map(str, values))} in {len(wrong)} of {counted(images, 'image')}, "
        f"first in {frame.file.path}",
        "; ".join(f"in {one.keyword} {one.wanted}" for one in values),
        "export the series again, or choose another series",
    )
