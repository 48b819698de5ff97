"""A picture of what was found: slices with the labels drawn on them, and a legend.

Radiological convention: the patient's right is on the left of the picture, and one looks at a
sagittal slice from the patient's left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Volume
from IODeepLib.geometry.arrays import Mask
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results.colors import RGB, display_color

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont


# With these array axes, a slice across any of them stands as one is used to see it, and these are
# its left, right, top and bottom.
_DISPLAY = "IPL"
_EDGES = (("R", "L", "A", "P"), ("R", "L", "S", "I"), ("A", "P", "S", "I"))

# Pixels.
_WIDTH, _TALLEST = 1200, 560
_MARGIN, _GAP = 16, 12
_FONT_SIZE, _LINE, _COLUMN, _SWATCH = 15, 24, 292, 14
_LINES_IN_LEGEND = 10
_BACKGROUND, _TEXT, _FAINT = (0, 0, 0), (235, 235, 235), (150, 150, 150)
_TINT = 0.25  # how much of a label's color is laid over the image
_OUTLINE = 2

# A slice whose sides differ more shows so little of the short one that it is not worth its place.
_FLATTEST = 0.25
_FLAT_SLICES = 3  # of a flat volume
_NEARLY = 0.95

# CT is known by its air: Hounsfield units there are -1000. What is labeled decides on the window.
_AIR = -500.0
_LUNG, _SOFT, _BONE = (-1350.0, 150.0), (-160.0, 240.0), (-450.0, 1050.0)  # HU
_LUNG_BELOW, _BONE_ABOVE = -300.0, 300.0  # HU, median of the labeled voxels
# Of other images some very dark and very bright voxels may saturate.
_PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True, slots=True)
class _Panel:
    """The slice `index` across the displayed `axis`, and its size in pixels."""

    axis: int
    index: int
    size: tuple[int, int]  # width, height

    def cut(self, array: npt.NDArray) -> npt.NDArray:
        """(..., row, column) of an array in the displayed orientation."""
        return np.take(array, self.index, axis=array.ndim - 3 + self.axis)


def overlay_picture(
    volume: Volume,
    segmentation: Segmentation,
    *,
    placed: bool = True,
    sized: bool = True,
    inverse: bool = False,
) -> bytes:
    """A PNG of three slices through the largest label, with all labels and their volumes.

    Axial, coronal and sagittal; of a volume that is flat, three slices across its short axis; of a
    single image that one. Millimeters are equally long everywhere in the picture. CT in Hounsfield
    units is shown in a window for soft tissue, lung or bone, whichever the labels lie in, other
    images between percentiles.

    Args:
        volume: the image.
        segmentation: what was found in it, on the same grid.
        placed: whether it is known where in the patient the image lies; otherwise the picture has
            no letters for the sides of the patient.
        sized: whether the size of a voxel is known; otherwise the picture has no volumes.
        inverse: low values are bright (MONOCHROME1).

    Returns:
        The file's bytes; the same for the same input.
    """
    from PIL import Image, ImageDraw

    volumes = segmentation.volumes()
    turn = volume.grid.axis_map(_DISPLAY)
    image, labels = turn.apply(volume.array), turn.apply(segmentation.array)
    there = [label for label in segmentation.labels if volumes[label.name]]
    largest = max(there, key=lambda label: volumes[label.name], default=None)
    focus = None if largest is None else turn.apply(segmentation.mask(largest))
    panels = _panels(image.shape, volume.grid.turned(turn).spacing, focus)
    low, high = _window([panel.cut(image) for panel in panels], image, focus)
    colors = {x.name: display_color(x, i) for i, x in enumerate(segmentation.labels)}

    tallest = max(panel.size[1] for panel in panels)
    legend = _legend(there, volumes if sized else {}, colors)
    missing = ", ".join(label.name for label in segmentation.labels if label not in there)
    if missing:
        missing = f"Not found: {missing}"
    lines = min(_LINES_IN_LEGEND, -(-len(legend) // _columns())) + bool(missing)
    height = _MARGIN + tallest + _GAP + lines * _LINE + _MARGIN
    picture = Image.new("RGB", (_WIDTH, height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    x = (_WIDTH - sum(p.size[0] for p in panels) - _GAP * (len(panels) - 1)) // 2
    for panel in panels:
        masks = _masks(panel.cut(labels), segmentation, there)
        drawn = _draw_slice(panel.cut(image), panel.size, (low, high), inverse)
        drawn = _draw_labels(drawn, [(colors[name], mask) for name, mask in masks])
        y = _MARGIN + (tallest - panel.size[1]) // 2
        picture.paste(drawn, (x, y))
        if placed:
            _draw_letters(draw, panel, x, y)
        x += panel.size[0] + _GAP
    _draw_legend(draw, legend, missing, _MARGIN + tallest + _GAP)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _panels(
    shape: tuple[int, ...], spacing: tuple[float, float, float], focus: Mask | None
) -> list[_Panel]:
    """Which slices are shown, and how large."""
    sizes = [n * mm for n, mm in zip(shape, spacing, strict=True)]
    short = int(np.argmin(sizes))
    if min(sizes) < _FLATTEST * sorted(sizes)[1]:
        wanted = [(short, index) for index in _spread(shape[short], short, focus)]
    else:
        wanted = [(axis, _fullest(shape[axis], axis, focus)) for axis in range(3)]
    others = [[a for a in range(3) if a != axis] for axis, _ in wanted]
    room = _WIDTH - 2 * _MARGIN - _GAP * (len(wanted) - 1)
    widest = sum(sizes[columns] for _, columns in others)
    scale = min(room / widest, _TALLEST / max(sizes[rows] for rows, _ in others))
    return [
        _Panel(axis, index, (_pixels(sizes[columns] * scale), _pixels(sizes[rows] * scale)))
        for (axis, index), (rows, columns) in zip(wanted, others, strict=True)
    ]


def _pixels(length: float) -> int:
    return max(1, round(length))


def _counts(length: int, axis: int, focus: Mask | None) -> npt.NDArray[np.integer]:
    """(slice,): how many voxels of the focus each slice across `axis` has."""
    if focus is None:
        return np.ones(length, int)
    return np.count_nonzero(focus, axis=tuple(a for a in range(3) if a != axis))


def _fullest(length: int, axis: int, focus: Mask | None) -> int:
    """The middle one of the slices that have the most, or nearly, of the focus."""
    counts = _counts(length, axis, focus)
    fullest = np.flatnonzero(counts >= _NEARLY * counts.max())
    return int(fullest[len(fullest) // 2])


def _spread(length: int, axis: int, focus: Mask | None) -> list[int]:
    """Slices that divide the focus into equal parts; without one, the volume. Each once."""
    share = np.cumsum(_counts(length, axis, focus))
    parts = (np.arange(_FLAT_SLICES) + 0.5) / _FLAT_SLICES
    # Where the bottom is last, the first slice is at the top.
    return sorted({int(i) for i in np.searchsorted(share, parts * share[-1])})


def _window(
    slices: Sequence[npt.NDArray], image: npt.NDArray, focus: Mask | None
) -> tuple[float, float]:
    """The values that are black and white."""
    values = np.concatenate([s.ravel() for s in slices]).astype(np.float32)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    if values.min() < _AIR:
        middle = float(np.median(image[focus])) if focus is not None else 0.0
        return _LUNG if middle < _LUNG_BELOW else _BONE if middle > _BONE_ABOVE else _SOFT
    inside = values[values > values.min()]  # around many images there is nothing, in one value
    low, high = np.percentile(inside if inside.size else values, _PERCENTILES)
    return float(low), max(float(high), float(low) + 1e-6)


def _masks(
    labels: npt.NDArray, segmentation: Segmentation, there: Sequence[Label]
) -> list[tuple[str, Mask]]:
    """Name and mask (row, column) of each label in a slice."""
    masks = []
    for label in there:
        if segmentation.overlapping:
            mask = labels[segmentation.labels.index(label)] != 0
        else:
            mask = labels == label.value
        if mask.any():
            masks.append((label.name, mask))
    return masks


def _draw_slice(
    values: npt.NDArray, size: tuple[int, int], window: tuple[float, float], inverse: bool
) -> Image:
    from PIL import Image

    low, high = window
    grey = np.clip((values.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    grey = np.nan_to_num(1 - grey if inverse else grey)
    pixels = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
    return pixels.resize(size, Image.Resampling.BICUBIC).convert("RGB")


def _draw_labels(drawn: Image, masks: Sequence[tuple[RGB, Mask]]) -> Image:
    """The slice with its labels: all tints first, so that each outline stays whole."""
    from PIL import Image, ImageChops, ImageFilter, ImageOps

    shapes = []
    for color, mask in masks:
        soft = Image.fromarray(mask.astype(np.uint8) * 255)
        # A smooth edge where the mask is enlarged: where half of it is.
        large = soft.resize(drawn.size, Image.Resampling.BILINEAR)
        shapes.append((color, large.point(lambda v: 255 if v >= 128 else 0)))
    for color, shape in shapes:
        drawn.paste(color, mask=shape.point(lambda v: round(v * _TINT)))
    for color, shape in shapes:
        framed = ImageOps.expand(shape, _OUTLINE)  # at the edge of the image there is an end too
        inner = ImageOps.crop(framed.filter(ImageFilter.MinFilter(2 * _OUTLINE - 1)), _OUTLINE)
        drawn.paste(color, mask=ImageChops.subtract(shape, inner))
    return drawn


def _draw_letters(draw: ImageDraw, panel: _Panel, x: int, y: int) -> None:
    """The sides of the patient, as far as there is room for them."""
    width, height = panel.size
    left, right, top, bottom = _EDGES[panel.axis]
    places = {
        "lm": (left, x + 4, y + height // 2),
        "rm": (right, x + width - 4, y + height // 2),
        "ma": (top, x + width // 2, y + 3),
        "md": (bottom, x + width // 2, y + height - 3),
    }
    for anchor, (letter, *place) in places.items():
        if height > 4 * _FONT_SIZE or anchor in ("lm", "rm"):
            _write(draw, (place[0], place[1]), letter, anchor)


def _columns() -> int:
    return (_WIDTH - 2 * _MARGIN) // _COLUMN


def _legend(
    there: Sequence[Label], volumes: dict[str, float], colors: dict[str, RGB]
) -> list[tuple[RGB | None, str, str]]:
    """Colour, name and volume of what was found, as far as there is room."""
    if not there:
        return [(None, "Nothing was found.", "")]
    room = _LINES_IN_LEGEND * _columns()
    shown = there if len(there) <= room else there[: room - 1]
    entries: list[tuple[RGB | None, str, str]] = [
        (colors[label.name], label.name, _millilitres(volumes.get(label.name))) for label in shown
    ]
    if len(shown) < len(there):
        entries.append((None, f"and {len(there) - len(shown)} more", ""))
    return entries


def _millilitres(volume: float | None) -> str:
    """With three figures or so: 0.042 mL, 4.20 mL, 42.0 mL, 420 mL."""
    if volume is None:
        return ""
    digits = 0 if volume >= 100 else 1 if volume >= 10 else 2 if volume >= 1 else 3
    return f"{volume:.{digits}f} mL"


def _draw_legend(
    draw: ImageDraw,
    entries: Sequence[tuple[RGB | None, str, str]],
    missing: str,
    top: int,
) -> None:
    rows = -(-len(entries) // _columns())
    for i, (color, name, volume) in enumerate(entries):
        x = _MARGIN + i // rows * _COLUMN
        y = top + i % rows * _LINE
        middle = y + _LINE // 2
        if color is not None:
            box = (x, middle - _SWATCH // 2, x + _SWATCH - 1, middle + _SWATCH // 2 - 1)
            draw.rectangle(box, fill=color)
            x += _SWATCH + 8
        end = _MARGIN + (i // rows + 1) * _COLUMN - _GAP
        room = end - x - _GAP - round(draw.textlength(volume, _font()))
        shown = _fitting(draw, name, room)
        _write(draw, (x, middle), shown, "lm")
        x += round(draw.textlength(shown, _font())) + _GAP
        _write(draw, (x, middle), volume, "lm", _FAINT)
    if missing:
        words = _fitting(draw, missing, _WIDTH - 2 * _MARGIN)
        _write(draw, (_MARGIN, top + rows * _LINE + _LINE // 2), words, "lm", _FAINT)


def _fitting(draw: ImageDraw, words: str, room: int) -> str:
    """`words`, cut to `room` pixels."""
    if draw.textlength(words, _font()) <= room:
        return words

    def length(count: int) -> int:
        return round(draw.textlength(f"{words[:count]}...", _font()))

    count = bisect_right(range(len(words)), room, key=length) - 1
    return f"{words[: max(0, count)].rstrip(' ,')}..."


def _write(
    draw: ImageDraw, place: tuple[int, int], words: str, anchor: str, color: RGB = _TEXT
) -> None:
    draw.text(place, words, color, _font(), anchor=anchor, stroke_width=1, stroke_fill=_BACKGROUND)


@cache
def _font() -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(_FONT_SIZE)
