"""A picture of what was found: slices with the labels drawn on them, and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Mask
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results.colors import RGB, display_color
from IODeepLib.results.pictures.drawing import (
    DISPLAY,
    FAINT,
    draw_labels,
    draw_slice,
    fitting,
    font,
    milliliters,
    png,
    swatch,
    whole,
    write,
)
from IODeepLib.results.pictures.panels import (
    GAP,
    LINE,
    MARGIN,
    WIDTH,
    Panel,
    panels,
    short_axis,
    side_by_side,
)
from IODeepLib.results.pictures.window import estimated

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_COLUMN = 292  # pixels
_LINES_IN_LEGEND = 10
_FLAT_SLICES = 3  # of a flat volume
_NEARLY = 0.95


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
    volumes = segmentation.volumes()
    turn = volume.grid.axis_map(DISPLAY)
    image, labels = turn.apply(volume.array), turn.apply(segmentation.array)
    there = [label for label in segmentation.labels if volumes[label.name]]
    largest = max(there, key=lambda label: volumes[label.name], default=None)
    focus = None if largest is None else turn.apply(segmentation.mask(largest))
    grid = volume.grid.turned(turn)
    shown = panels(grid, _wanted(grid, focus))
    window = estimated([panel.cut(image) for panel in shown], _median(image, focus))
    colors = {x.name: display_color(x, i) for i, x in enumerate(segmentation.labels)}

    def drawn(panel: Panel) -> Image:
        gray = window.gray(panel.cut(image), inverse=inverse)
        part = whole(gray.shape, panel.size)
        slice_ = draw_slice(gray, part)
        masks = masks_of(panel.cut(labels), segmentation, there)
        draw_labels(slice_, [(colors[label.name], mask) for label, mask in masks], part)
        return slice_

    legend = _legend(there, volumes if sized else {}, colors)
    missing = ", ".join(label.name for label in segmentation.labels if label not in there)
    if missing:
        missing = f"Not found: {missing}"
    lines = min(_LINES_IN_LEGEND, -(-len(legend) // _columns())) + bool(missing)
    picture, draw, top = side_by_side(shown, drawn, grid if placed else None, lines)
    _draw_legend(draw, legend, missing, top)
    return png(picture)


def _wanted(grid: Grid, focus: Mask | None) -> list[tuple[int, int]]:
    """Axis and index of the slices that are shown."""
    short = short_axis(grid)
    if short is not None:
        return [(short, index) for index in _spread(grid.shape[short], short, focus)]
    return [(axis, _fullest(grid.shape[axis], axis, focus)) for axis in range(3)]


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


def _median(image: npt.NDArray, focus: Mask | None) -> float | None:
    return None if focus is None else float(np.median(image[focus]))


def masks_of(
    labels: npt.NDArray, segmentation: Segmentation, there: Sequence[Label]
) -> list[tuple[Label, Mask]]:
    """The mask (row, column) of each label in a slice."""
    masks = []
    for label in there:
        if segmentation.overlapping:
            mask = labels[segmentation.labels.index(label)] != 0
        else:
            mask = labels == label.value
        if mask.any():
            masks.append((label, mask))
    return masks


def _columns() -> int:
    return (WIDTH - 2 * MARGIN) // _COLUMN


def _legend(
    there: Sequence[Label], volumes: dict[str, float], colors: dict[str, RGB]
) -> list[tuple[RGB | None, str, str]]:
    """Colour, name and volume of what was found, as far as there is room."""
    if not there:
        return [(None, "Nothing was found.", "")]
    room = _LINES_IN_LEGEND * _columns()
    shown = there if len(there) <= room else there[: room - 1]
    entries: list[tuple[RGB | None, str, str]] = [
        (colors[label.name], label.name, milliliters(volumes.get(label.name))) for label in shown
    ]
    if len(shown) < len(there):
        entries.append((None, f"and {len(there) - len(shown)} more", ""))
    return entries


def _draw_legend(
    draw: ImageDraw,
    entries: Sequence[tuple[RGB | None, str, str]],
    missing: str,
    top: int,
) -> None:
    rows = -(-len(entries) // _columns())
    for i, (color, name, volume) in enumerate(entries):
        x = MARGIN + i // rows * _COLUMN
        y = top + i % rows * LINE
        middle = y + LINE // 2
        if color is not None:
            x = swatch(draw, color, x, middle)
        end = MARGIN + (i // rows + 1) * _COLUMN - GAP
        room = end - x - GAP - round(draw.textlength(volume, font()))
        shown = fitting(draw, name, room)
        write(draw, (x, middle), shown, "lm")
        x += round(draw.textlength(shown, font())) + GAP
        write(draw, (x, middle), volume, "lm", FAINT)
    if missing:
        words = fitting(draw, missing, WIDTH - 2 * MARGIN)
        write(draw, (MARGIN, top + rows * LINE + LINE // 2), words, "lm", FAINT)
