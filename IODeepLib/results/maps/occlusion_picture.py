"""What a network looks at, as a picture: slices through the block that counts most, in color.

Radiological convention, as `overlay_picture`: the patient's right is on the left of the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Volume
from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.occlusion import Occlusion
from IODeepLib.results.colors import RGB
from IODeepLib.results.pictures.drawing import (
    DISPLAY,
    draw_slice,
    fitting,
    png,
    swatch,
    whole,
    write,
)
from IODeepLib.results.pictures.panels import (
    LINE,
    MARGIN,
    WIDTH,
    Panel,
    panels,
    short_axis,
    side_by_side,
)
from IODeepLib.results.pictures.window import estimated
from IODeepLib.text.foreign import printable

if TYPE_CHECKING:
    from PIL.Image import Image

# What speaks for the answer, and what against it; colors that color-blind people tell apart.
_FOR, _AGAINST = (230, 97, 1), (94, 120, 230)
_STRONGEST = 0.6  # how much of a color covers the image where the change is greatest
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
    turn = image.grid.axis_map(DISPLAY)
    grid = image.grid.turned(turn)
    values, changes = turn.apply(image.array), turn.apply(found.volume.array)
    middle, most = _middle(changes), float(np.abs(changes).max()) or 1.0
    short = short_axis(grid)
    axes = range(3) if short is None else (short,)
    shown = panels(grid, [(axis, middle[axis]) for axis in axes])
    window = estimated([panel.cut(values) for panel in shown], float(values[middle]))

    def drawn(panel: Panel) -> Image:
        gray = window.gray(panel.cut(values), inverse=inverse)
        slice_ = draw_slice(gray, whole(gray.shape, panel.size))
        return _covered(slice_, panel.cut(changes) / most)

    lines = _lines(found)
    picture, draw, top = side_by_side(shown, drawn, grid if placed else None, len(lines))
    for i, (color, words) in enumerate(lines):
        at = top + i * LINE + LINE // 2
        x = MARGIN if color is None else swatch(draw, color, MARGIN, at)
        write(draw, (x, at), fitting(draw, words, WIDTH - MARGIN - x), "lm")
    return png(picture)


def _middle(changes: Float32) -> tuple[int, int, int]:
    """The middle voxel of the block with the greatest change."""
    best = np.abs(changes)
    where = np.argwhere(best == best.max())
    a0, a1, a2 = (int(i) for i in where[len(where) // 2])
    return a0, a1, a2


def _covered(drawn: Image, part: npt.NDArray) -> Image:
    """A slice with colors laid over it; `part` is -1 to 1 of the greatest change."""
    from PIL import Image

    for color, share in ((_FOR, part), (_AGAINST, -part)):
        cover = np.rint(np.clip(share, 0, 1) * (255 * _STRONGEST)).astype(np.uint8)
        mask = Image.fromarray(cover).resize(drawn.size, Image.Resampling.NEAREST)
        drawn.paste(color, mask=mask)
    return drawn


def _lines(found: Occlusion) -> list[tuple[RGB | None, str]]:
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
