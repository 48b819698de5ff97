"""What a network looks at, as a picture: slices through the block that counts most, in color.

Radiological convention, as `overlay_picture`: the patient's right is on the left of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Volume
from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.occlusion import Occlusion
from IODeepLib.text.foreign import printable

if TYPE_CHECKING:
    from PIL.Image import Image

# With these array axes a slice stands as one is used to see it; its left, right, top and bottom.
_DISPLAY = "IPL"
_EDGES = (("R", "L", "A", "P"), ("R", "L", "S", "I"), ("A", "P", "S", "I"))
_WIDTH, _TALLEST, _MARGIN, _GAP = 1200, 560, 16, 12
_FONT_SIZE, _LINE = 15, 24
_BACKGROUND, _TEXT = (0, 0, 0), (235, 235, 235)
# What speaks for the answer, and what against it; colors that color-blind people tell apart.
_FOR, _AGAINST = (230, 97, 1), (94, 120, 230)
_STRONGEST = 0.6  # how much of a color covers the image where the change is greatest
_PERCENTILES = (1.0, 99.5)  # of the image, that are black and white
_FLATTEST = 0.25  # a slice whose sides differ more shows too little of the short one
_LONGEST_NAME = 60


def occlusion_picture(
    image: Volume, found: Occlusion, *, placed: bool = True, inverse: bool = False
) -> bytes:
    """A PNG of the slices through the middle of the block whose cover changes the answer most.

    Args:
        image: the image.
        found: the changes, on the same grid.
        placed: whether it is known where in the patient the image lies; otherwise there are no
            letters for its sides.
        inverse: low values are bright (MONOCHROME1).

    Returns:
        The file's bytes; the same for the same input.
    """
    from PIL import Image, ImageDraw, ImageFont

    turn = image.grid.axis_map(_DISPLAY)
    values, changes = turn.apply(image.array), turn.apply(found.volume.array)
    sizes = [n * mm for n, mm in zip(values.shape, image.grid.turned(turn).spacing, strict=True)]
    most = float(np.abs(changes).max())
    middle = _middle(changes)
    axes = _axes(sizes)
    others = [[a for a in range(3) if a != axis] for axis in axes]
    room = _WIDTH - 2 * _MARGIN - _GAP * (len(axes) - 1)
    scale = min(
        room / sum(sizes[columns] for _, columns in others),
        _TALLEST / max(sizes[rows] for rows, _ in others),
    )
    panels = []
    low, high = _window([np.take(values, middle[axis], axis) for axis in axes])
    for axis, (rows, columns) in zip(axes, others, strict=True):
        size = (max(1, round(sizes[columns] * scale)), max(1, round(sizes[rows] * scale)))
        gray = np.clip((np.take(values, middle[axis], axis) - low) / (high - low), 0, 1)
        gray = np.nan_to_num(1 - gray if inverse else gray)
        part = np.take(changes, middle[axis], axis) / (most or 1.0)
        panels.append((axis, _drawn(gray, part, size)))
    tallest = max(panel.size[1] for _, panel in panels)
    lines = _lines(found)
    height = 2 * _MARGIN + tallest + _GAP + len(lines) * _LINE
    picture = Image.new("RGB", (_WIDTH, height), _BACKGROUND)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(_FONT_SIZE)
    x = (_WIDTH - sum(p.size[0] for _, p in panels) - _GAP * (len(panels) - 1)) // 2
    for axis, panel in panels:
        y = _MARGIN + (tallest - panel.size[1]) // 2
        picture.paste(panel, (x, y))
        left, right, top, bottom = _EDGES[axis]
        width, tall = panel.size
        for anchor, letter, at in (
            ("lm", left, (x + 4, y + tall // 2)),
            ("rm", right, (x + width - 4, y + tall // 2)),
            ("ma", top, (x + width // 2, y + 3)),
            ("md", bottom, (x + width // 2, y + tall - 3)),
        ):
            if placed:
                draw.text(at, letter, _TEXT, font, anchor, stroke_width=1, stroke_fill=_BACKGROUND)
        x += width + _GAP
    for i, (color, words) in enumerate(lines):
        y = _MARGIN + tallest + _GAP + i * _LINE
        if color is not None:
            draw.rectangle((_MARGIN, y + 5, _MARGIN + 13, y + 18), color)
        draw.text((_MARGIN + 22, y + _LINE // 2), words, _TEXT, font, "lm")
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _middle(changes: Float32) -> tuple[int, int, int]:
    """The middle voxel of the block with the greatest change."""
    best = np.abs(changes)
    where = np.argwhere(best == best.max())
    a0, a1, a2 = (int(i) for i in where[len(where) // 2])
    return a0, a1, a2


def _axes(sizes: Sequence[float]) -> list[int]:
    """Across which axes slices are shown: of a flat volume its short one alone."""
    short = int(np.argmin(sizes))
    return [short] if min(sizes) < _FLATTEST * sorted(sizes)[1] else [0, 1, 2]


def _window(slices: Sequence[npt.NDArray]) -> tuple[float, float]:
    """The values that are black and white."""
    values = np.concatenate([one.ravel() for one in slices]).astype(np.float32)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, _PERCENTILES))
    return low, max(high, low + 1e-6)


def _drawn(gray: npt.NDArray, part: npt.NDArray, size: tuple[int, int]) -> Image:
    """A slice with colors laid over it; `part` is -1 to 1 of the greatest change."""
    from PIL import Image

    pixels = Image.fromarray(np.rint(gray * 255).astype(np.uint8))
    drawn = pixels.resize(size, Image.Resampling.BICUBIC).convert("RGB")
    for color, share in ((_FOR, part), (_AGAINST, -part)):
        cover = np.rint(np.clip(share, 0, 1) * (255 * _STRONGEST)).astype(np.uint8)
        drawn.paste(color, mask=Image.fromarray(cover).resize(size, Image.Resampling.NEAREST))
    return drawn


def _lines(found: Occlusion) -> list[tuple[tuple[int, int, int] | None, str]]:
    """The legend."""
    unit = f" {found.label.unit.value}" if found.label.unit else ""
    name = printable(found.label.name)[:_LONGEST_NAME]
    most, least = float(found.volume.array.max()), float(found.volume.array.min())
    size = f"; blocks of {' x '.join(f'{mm:.0f}' for mm in found.size)} mm" if found.size else ""
    less, more = max(most, 0.0), max(-least, 0.0) + 0.0  # + 0.0: no negative nought
    return [
        (None, f"{name}: {found.value:.4g}{unit}{size}"),
        (_FOR, f"speaks for it: without the strongest block {less:.3g}{unit} less"),
        (_AGAINST, f"speaks against it: without the strongest {more:.3g}{unit} more"),
    ]
