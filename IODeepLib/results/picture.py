"""One picture of a result, to look at: slices in three planes, labels tinted and outlined."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.results.colors import display_color
from IODeepLib.segmentation import Segmentation

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_HEIGHT = 384  # pixels of the tallest slice
_MARGIN = 8
_LEGEND_ROW = 22
_LEGEND_COLUMN = 250
_FONT_SIZE = 14
_TINT = 0.35  # how much of its colour a label gives to the image under it
_DARKEST, _BRIGHTEST = 1.0, 99.5  # percentiles of the slices' voxels

# Turned to this orientation, the three planes are: what is left out, the rows, the columns.
_ORIENTATION = "SPL"
_PLANES = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
_OPPOSITE = dict(zip("SPLIAR", "IARSPL", strict=True))

Bytes = npt.NDArray[np.uint8]


def overlay_picture(volume: Volume, segmentation: Segmentation, *, letters: bool = True) -> bytes:
    """A PNG of the slices in which most is labelled, seen as radiologists do.

    Axial, coronal and sagittal side by side, the patient's left on the right; of a single image
    only itself. Millimetres are equally long in all directions.

    Args:
        volume: the image.
        segmentation: what was found in it, on the same grid.
        letters: mark the sides of the patient; not for images whose place is unknown.

    Returns:
        The file's bytes; the same for the same input.
    """
    from PIL import Image, ImageDraw

    cuts = (_cut(volume, segmentation, plane) for plane in _PLANES)
    slices = [item for item in cuts if item is not None]
    low, high = _window([item.grey for item in slices])
    # Pixels per millimetre, the same for all planes.
    scale = _HEIGHT / max(max(item.size_mm) for item in slices)
    panels = [_panel(item, low, high, scale, letters) for item in slices]
    entries = _legend_entries(segmentation)
    width = sum(panel.width for panel in panels) + _MARGIN * (len(panels) + 1)
    columns = max(1, (width - 2 * _MARGIN) // _LEGEND_COLUMN)
    rows = -(-len(entries) // columns)
    top = max(panel.height for panel in panels) + 2 * _MARGIN
    picture = Image.new("RGB", (width, top + rows * _LEGEND_ROW + _MARGIN), "black")
    x = _MARGIN
    for panel in panels:
        picture.paste(panel, (x, _MARGIN + (top - 2 * _MARGIN - panel.height) // 2))
        x += panel.width + _MARGIN
    _draw_legend(ImageDraw.Draw(picture), entries, top, columns)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """One plane: its voxels (rows, columns), its labels, its size, and the sides of the patient."""

    grey: npt.NDArray
    layers: tuple[tuple[tuple[int, int, int], npt.NDArray[np.bool_]], ...]
    size_mm: tuple[float, float]
    sides: tuple[str, str, str, str]  # left, right, top, bottom


def _cut(volume: Volume, segmentation: Segmentation, plane: tuple[int, int, int]) -> _Slice | None:
    """The slice across axis `plane[0]` in which most is labelled; None if it is a mere line."""
    across, rows, columns = plane
    grid = volume.grid.turned(volume.grid.axis_map(_ORIENTATION))
    if 1 in (grid.shape[rows], grid.shape[columns]):
        return None
    # Superior is at the top, although indices grow toward it.
    upside_down = slice(None, None, -1) if rows == 0 else slice(None)
    axis_map = volume.grid.axis_map(_ORIENTATION)
    array = axis_map.apply(segmentation.array)
    index = _fullest(array, across, grid)

    def cut(whole: npt.NDArray) -> npt.NDArray:
        return np.take(whole, index, axis=whole.ndim - 3 + across)[..., upside_down, :]

    labelled = cut(array)
    layers = []
    for place, label in enumerate(segmentation.labels):
        mask = labelled[place] != 0 if segmentation.overlapping else labelled == label.value
        layers.append((display_color(label, place), mask))
    right, bottom = _ORIENTATION[columns], _ORIENTATION[rows]
    if rows == 0:
        bottom = _OPPOSITE[bottom]
    return _Slice(
        cut(axis_map.apply(volume.array)),
        tuple(layers),
        (grid.shape[rows] * grid.spacing[rows], grid.shape[columns] * grid.spacing[columns]),
        (_OPPOSITE[right], right, _OPPOSITE[bottom], bottom),
    )


def _fullest(array: npt.NDArray, axis: int, grid: Grid) -> int:
    """The index along `axis` with the most labelled voxels; the middle one if there are none."""
    lead = array.ndim - 3
    others = tuple(i for i in range(array.ndim) if i != lead + axis)
    counts = np.count_nonzero(array, axis=others)
    return int(counts.argmax()) if counts.any() else grid.shape[axis] // 2


def _window(slices: list[npt.NDArray]) -> tuple[float, float]:
    values = np.concatenate([grey.ravel() for grey in slices]).astype(np.float32)
    values = values[np.isfinite(values)]
    # Air around the patient is one value; it says nothing of the patient's own contrast.
    inside = values[values > values.min()] if values.size else values
    low, high = np.percentile(inside, (_DARKEST, _BRIGHTEST)) if inside.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def _panel(item: _Slice, low: float, high: float, scale: float, letters: bool) -> Image:
    from PIL import Image, ImageDraw

    height, width = (max(1, round(mm * scale)) for mm in item.size_mm)
    grey = np.clip((item.grey.astype(np.float32) - low) / (high - low), 0, 1) * 255
    image = Image.fromarray(np.nan_to_num(grey).astype(np.uint8))
    pixels = np.asarray(
        image.resize((width, height), Image.Resampling.BICUBIC).convert("RGB"), dtype=np.float32
    ).copy()
    for color, mask in item.layers:
        if mask.any():
            large = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
            _paint(pixels, np.asarray(large), color)
    panel = Image.fromarray(pixels.astype(np.uint8))
    if letters:
        draw = ImageDraw.Draw(panel)
        left, right, top, bottom = item.sides
        middle = (width // 2, height // 2)
        for letter, place, anchor in (
            (left, (4, middle[1]), "lm"),
            (right, (width - 4, middle[1]), "rm"),
            (top, (middle[0], 3), "ma"),
            (bottom, (middle[0], height - 3), "md"),
        ):
            _write(draw, place, letter, anchor)
    return panel


def _paint(
    pixels: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], color: tuple[int, int, int]
) -> None:
    """Tint the label and draw its outline, in place."""
    padded = np.pad(mask, 1)
    core = padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    pixels[mask] = (1 - _TINT) * pixels[mask] + _TINT * np.asarray(color, np.float32)
    pixels[mask & ~core] = color


def _legend_entries(segmentation: Segmentation) -> list[tuple[tuple[int, int, int], str]]:
    if segmentation.empty:
        return [((96, 96, 96), "nothing was found")]
    volumes = segmentation.volumes()
    return [
        (display_color(label, i), f"{label.name}  {volumes[label.name]:.1f} ml")
        for i, label in enumerate(segmentation.labels)
        if volumes[label.name]
    ]


def _draw_legend(
    draw: ImageDraw, entries: list[tuple[tuple[int, int, int], str]], top: int, columns: int
) -> None:
    for i, (color, words) in enumerate(entries):
        x = _MARGIN + (i % columns) * _LEGEND_COLUMN
        y = top + (i // columns) * _LEGEND_ROW
        draw.rectangle((x, y, x + 14, y + 14), fill=color)
        _write(draw, (x + 22, y + 7), words, "lm")


def _write(draw: ImageDraw, place: tuple[int, int], words: str, anchor: str) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(_FONT_SIZE)
    draw.text(
        place, words, fill="white", font=font, anchor=anchor, stroke_width=1, stroke_fill="black"
    )
