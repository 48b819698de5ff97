"""Slices side by side, as large as there is room for them, and lines of words below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid
from IODeepLib.results.pictures.drawing import BACKGROUND, FONT_SIZE, draw_sides, plane, sides

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

# Pixels.
WIDTH, _TALLEST = 1200, 560
MARGIN, GAP, LINE = 16, 12, 24

# A slice whose sides differ more shows so little of the short one that it is not worth its place.
_FLATTEST = 0.25


@dataclass(frozen=True, slots=True)
class Panel:
    """The slice `index` across the displayed `axis`, and its size in pixels."""

    axis: int
    index: int
    size: tuple[int, int]  # width, height

    def cut(self, array: npt.NDArray) -> npt.NDArray:
        """(..., row, column) of an array in the displayed orientation."""
        return plane(array, self.axis, self.index)


def short_axis(grid: Grid) -> int | None:
    """The axis across which alone the slices of a flat volume are shown; None if it is not flat."""
    sizes = _sizes(grid)
    return int(np.argmin(sizes)) if min(sizes) < _FLATTEST * sorted(sizes)[1] else None


def panels(grid: Grid, wanted: Sequence[tuple[int, int]]) -> list[Panel]:
    """The slices that are wanted, and how large; millimeters are equally long in all of them.

    Args:
        grid: of the image, in the displayed orientation.
        wanted: axis and index of each.
    """
    sizes = _sizes(grid)
    others = [[a for a in range(3) if a != axis] for axis, _ in wanted]
    room = WIDTH - 2 * MARGIN - GAP * (len(wanted) - 1)
    widest = sum(sizes[columns] for _, columns in others)
    scale = min(room / widest, _TALLEST / max(sizes[rows] for rows, _ in others))
    return [
        Panel(axis, index, (_pixels(sizes[columns] * scale), _pixels(sizes[rows] * scale)))
        for (axis, index), (rows, columns) in zip(wanted, others, strict=True)
    ]


def side_by_side(
    shown: Sequence[Panel], drawn: Callable[[Panel], Image], grid: Grid | None, lines: int
) -> tuple[Image, ImageDraw, int]:
    """A picture with the slices in it, and room for lines; what to draw these with, and where.

    Args:
        shown: the slices.
        drawn: draws one.
        grid: of the image, in the displayed orientation; None where the sides of the patient are
            not known.
        lines: how many.
    """
    from PIL import Image, ImageDraw

    tallest = max(panel.size[1] for panel in shown)
    top = MARGIN + tallest + GAP
    picture = Image.new("RGB", (WIDTH, top + lines * LINE + MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    x = (WIDTH - sum(p.size[0] for p in shown) - GAP * (len(shown) - 1)) // 2
    for panel in shown:
        y = MARGIN + (tallest - panel.size[1]) // 2
        picture.paste(drawn(panel), (x, y))
        if grid is not None:
            draw_sides(draw, sides(grid, panel.axis), (x, y), panel.size, FONT_SIZE)
        x += panel.size[0] + GAP
    return picture, draw, top


def _sizes(grid: Grid) -> list[float]:
    """Millimeters."""
    return [n * mm for n, mm in zip(grid.shape, grid.spacing, strict=True)]


def _pixels(length: float) -> int:
    return max(1, round(length))
