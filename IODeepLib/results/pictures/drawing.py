"""How slices, labels and words are drawn, the same in every picture of a result."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid
from IODeepLib.geometry.arrays import Float32, Float64, Mask
from IODeepLib.results.colors import RGB

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

# With these array axes, a slice across any of them stands as one is used to see it: in radiological
# convention, the patient's right on the left, sagittal slices seen from the patient's left.
DISPLAY = "IPL"
BACKGROUND, TEXT, FAINT = (0, 0, 0), (235, 235, 235), (150, 150, 150)
FONT_SIZE, SWATCH = 15, 14  # pixels
TINT = 0.25  # how much of a label's color is laid over the image

# A direction is named after a second side of the patient, too, from 15 degrees on.
_ASLANT = 0.26
_SIDES = (("R", "L"), ("A", "P"), ("I", "S"))  # against and along the axes of LPS+ points
# A tenth larger than at the usual level, 6, and twice as fast.
_COMPRESSION = 3
# Above this, a voxel of an enlarged mask is inside.
_HALF = 128


class Part(NamedTuple):
    """What of a slice is drawn, in its pixels from edge to edge, and how large."""

    left: float
    top: float
    right: float
    bottom: float
    size: tuple[int, int]  # width, height

    @property
    def box(self) -> tuple[float, float, float, float]:
        """As Pillow wants it."""
        return self[:4]


class Sides(NamedTuple):
    """The letters at the edges of a slice."""

    left: str
    right: str
    top: str
    bottom: str


def whole(shape: tuple[int, ...], size: tuple[int, int]) -> Part:
    """All of a slice of (rows, columns)."""
    return Part(0, 0, shape[1], shape[0], size)


def plane(array: npt.NDArray, axis: int, index: int) -> npt.NDArray:
    """A view of a slice across one of the last three axes; `np.take` copies a turned array first.

    Args:
        array: (..., a0, a1, a2).
        axis: 0 to 2.
        index: of the slice.
    """
    return array[(..., *(index if i == axis else slice(None) for i in range(3)))]


def sides(grid: Grid, axis: int) -> Sides:
    """Of a slice across `axis` of a grid in `DISPLAY`: "A", or "AL" of one that lies aslant."""
    rows, columns = (grid.directions[:, i] for i in range(3) if i != axis)
    return Sides(_side(-columns), _side(columns), _side(-rows), _side(rows))


def _side(direction: Float64) -> str:
    """The sides of the patient that a direction goes to, the nearest first."""
    order = np.argsort(-np.abs(direction), kind="stable")
    named = [i for n, i in enumerate(order) if n == 0 or abs(direction[i]) >= _ASLANT]
    return "".join(_SIDES[i][int(direction[i] > 0)] for i in named)


def draw_slice(gray: Float32, part: Part) -> Image:
    """A slice in gray.

    Args:
        gray: (row, column), 0 for black to 1 for white.
        part: what of it.
    """
    from PIL import Image

    pixels = Image.fromarray(np.rint(np.nan_to_num(gray) * 255).astype(np.uint8))
    return pixels.resize(part.size, Image.Resampling.BICUBIC, part.box).convert("RGB")


def draw_labels(
    drawn: Image, masks: Sequence[tuple[RGB, Mask]], part: Part, outline: int = 1
) -> None:
    """Labels upon a slice: all tints first, so that each outline stays whole.

    Args:
        drawn: the slice.
        masks: color and mask (row, column) of each label.
        part: what of the slice was drawn.
        outline: how thick, in pixels.
    """
    from PIL import Image

    shapes = []
    for color, mask in masks:
        soft = Image.fromarray(mask.astype(np.uint8) * 255)
        large = np.asarray(soft.resize(drawn.size, Image.Resampling.BILINEAR, part.box))
        # A smooth edge where the mask is enlarged: where half of it is. Of a label that is smaller
        # than a pixel of the picture, where most of it is, or it would vanish.
        shapes.append((color, large >= max(1, min(_HALF, int(large.max())))))
    for color, shape in shapes:
        drawn.paste(color, mask=Image.fromarray(shape * np.uint8(round(255 * TINT))))
    for color, shape in shapes:
        line = shape & ~_inner(shape, outline)
        drawn.paste(color, mask=Image.fromarray(line * np.uint8(255)))


def _inner(shape: Mask, width: int) -> Mask:
    """All of it but an outline; at the edge of the image there is an end, too."""
    found = np.pad(shape, width)
    steps = range(2 * width + 1)
    for n, axis in ((shape.shape[0], 0), (shape.shape[1], 1)):
        parts = [found.take(range(i, i + n), axis) for i in steps]
        found = np.logical_and.reduce(parts)
    return np.asarray(found)


def draw_outlines(
    drawn: Image, places: npt.NDArray[np.integer], colors: npt.NDArray[np.uint8], part: Part
) -> Image:
    """The slice with thin outlines of any number of labels, along the edges of their pixels.

    Args:
        drawn: the slice.
        places: (row, column) the place of each pixel's label in `colors`; 0 for none.
        colors: (label, 3).
        part: what of the slice was drawn.
    """
    from PIL import Image

    width, height = drawn.size
    rows = part.top + (np.arange(height) + 0.5) * (part.bottom - part.top) / height
    columns = part.left + (np.arange(width) + 0.5) * (part.right - part.left) / width
    large = places[rows.astype(np.intp)[:, None], columns.astype(np.intp)]
    edge = np.zeros(large.shape, bool)
    down, right = large[1:] != large[:-1], large[:, 1:] != large[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    edge &= large != 0
    pixels = np.array(drawn)
    pixels[edge] = colors[large[edge]]
    return Image.fromarray(pixels)


def draw_sides(
    draw: ImageDraw, named: Sides, place: tuple[int, int], size: tuple[int, int], font: int
) -> None:
    """The sides of the patient, as far as there is room for them.

    Args:
        draw: of the picture.
        named: the letters.
        place: x and y of the slice in the picture.
        size: its width and height.
        font: size of the letters.
    """
    (x, y), (width, height) = place, size
    places = {
        "lm": (named.left, x + 4, y + height // 2),
        "rm": (named.right, x + width - 4, y + height // 2),
        "ma": (named.top, x + width // 2, y + 3),
        "md": (named.bottom, x + width // 2, y + height - 3),
    }
    for anchor, (letters, *where) in places.items():
        if height > 4 * font or anchor in ("lm", "rm"):
            write(draw, (where[0], where[1]), letters, anchor, size=font)


def swatch(draw: ImageDraw, color: RGB, x: int, middle: int) -> int:
    """A square in the color of a label; where what follows begins."""
    box = (x, middle - SWATCH // 2, x + SWATCH - 1, middle + SWATCH // 2 - 1)
    draw.rectangle(box, fill=color)
    return x + SWATCH + 8


def fitting(draw: ImageDraw, words: str, room: int, size: int = FONT_SIZE) -> str:
    """`words`, cut to `room` pixels."""
    if draw.textlength(words, font(size)) <= room:
        return words

    def length(count: int) -> int:
        return round(draw.textlength(f"{words[:count]}...", font(size)))

    count = bisect_right(range(len(words)), room, key=length) - 1
    return f"{words[: max(0, count)].rstrip(' ,')}..."


def write(
    draw: ImageDraw,
    place: tuple[int, int],
    words: str,
    anchor: str,
    color: RGB = TEXT,
    size: int = FONT_SIZE,
) -> None:
    """Words with an edge that can be read on any slice."""
    face = font(size)
    draw.text(place, words, color, face, anchor=anchor, stroke_width=1, stroke_fill=BACKGROUND)


def milliliters(volume: float | None) -> str:
    """With three figures or so: 0.042 mL, 4.20 mL, 42.0 mL, 420 mL."""
    if volume is None:
        return ""
    digits = 0 if volume >= 100 else 1 if volume >= 10 else 2 if volume >= 1 else 3
    return f"{volume:.{digits}f} mL"


def png(picture: Image) -> bytes:
    """The bytes of a PNG file; the same for the same picture."""
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


@cache
def font(size: int = FONT_SIZE) -> FreeTypeFont | ImageFont:
    """The one that comes with Pillow."""
    from PIL import ImageFont

    return ImageFont.load_default(size)
