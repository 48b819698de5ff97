"""What a network sees, as it sees it: slices across its own axes, with the sides of the patient."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.recipe import Label
from IODeepLib.results.colors import display_color

_SIDE = 360  # pixels, the longest
_MARGIN, _LINE = 28, 22
_OPPOSITE = dict(zip("RLAPSI", "LRPAIS", strict=True))
_DARK, _TEXT = (0, 0, 0), (235, 235, 235)
_TINT = 0.35


def network_view(
    channel: Float32,
    labels: npt.NDArray[np.uint16],
    known: Sequence[Label],
    letters: str,
    orientation: str,
    spacing: tuple[float, float, float],
    title: str,
) -> bytes:
    """A PNG of the middle slice across each array axis, without and with labels.

    Rows go down and columns to the right, as the array has them: nothing is turned for the reader.

    Args:
        channel: (a0, a1, a2), as the network is given it.
        labels: (a0, a1, a2) the place of each voxel's label in `known`, from 1; 0 is background.
        known: the labels of the network.
        letters: what the recipe calls the axes, such as "ZYX".
        orientation: where they grow toward, such as "SPL".
        spacing: mm.
        title: the first line.
    """
    from PIL import Image, ImageDraw, ImageFont

    low, high = float(channel.min()), float(channel.max())
    gray = np.rint((channel - low) / ((high - low) or 1) * 255).astype(np.uint8)
    shown = [_DARK, *(display_color(one, i) for i, one in enumerate(known))]
    colors: npt.NDArray[np.float32] = np.array(shown, np.float32)
    font = ImageFont.load_default(14)
    cell = _SIDE + 2 * _MARGIN
    picture = Image.new("RGB", (3 * cell, 2 * cell + 2 * _LINE), _DARK)
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN, 4), title, _TEXT, font)
    draw.text((_MARGIN, 4 + _LINE), f"values from {low:.4g} to {high:.4g}", _TEXT, font)
    for axis in range(3):
        rows, columns = (i for i in range(3) if i != axis)
        index = _fullest(labels, axis)
        plane = np.repeat(gray.take(index, axis)[..., None], 3, axis=-1)
        found = np.asarray(np.take(labels, index, axis))
        tinted = np.where(
            found[..., None] != 0, plane * (1 - _TINT) + colors[found] * _TINT, plane
        ).astype(np.uint8)
        lengths = [plane.shape[0] * spacing[rows], plane.shape[1] * spacing[columns]]
        scale = _SIDE / max(lengths)
        size = (max(1, round(lengths[1] * scale)), max(1, round(lengths[0] * scale)))
        words = f"{letters[axis]} = {index} of {channel.shape[axis]}"
        for row, image in enumerate((plane, tinted)):
            x, y = axis * cell + _MARGIN, row * cell + 2 * _LINE + _MARGIN
            picture.paste(Image.fromarray(image).resize(size, Image.Resampling.NEAREST), (x, y))
            right, bottom = orientation[columns], orientation[rows]
            middle = x + size[0] // 2, y + size[1] // 2
            for where, side in (
                ((x - 14, middle[1]), _OPPOSITE[right]),
                ((x + size[0] + 6, middle[1]), right),
                ((middle[0], y - 18), _OPPOSITE[bottom]),
                ((middle[0], y + size[1] + 4), bottom),
            ):
                draw.text(where, side, _TEXT, font)
            draw.text((x + 4, y + 2), words, _TEXT, font)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _fullest(labels: npt.NDArray[np.uint16], axis: int) -> int:
    """The slice with the most labels; the middle one without any."""
    counts = np.count_nonzero(labels, axis=tuple(i for i in range(3) if i != axis))
    return int(counts.argmax()) if counts.any() else labels.shape[axis] // 2
