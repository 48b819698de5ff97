"""Colours of labels: those of the recipe, and different ones for labels without."""

from __future__ import annotations

import colorsys

from IODeepLib.recipe import Label

RGB = tuple[int, int, int]

# Steps of the golden ratio around the color wheel keep any number of hues apart.
_GOLDEN = 0.618033988749895
# Red, which means danger, is not the first one.
_FIRST_HUE = 0.36
# Neighbors on the wheel differ in brightness too. (saturation, value)
_SHADES = ((0.75, 0.95), (0.55, 1.00), (0.90, 0.85))


def display_color(label: Label, index: int) -> RGB:
    """The color of `label`, the one at `index` of all labels of its network: sRGB, 0 to 255."""
    if label.color is not None:
        return label.color
    saturation, value = _SHADES[index % len(_SHADES)]
    rgb = colorsys.hsv_to_rgb((_FIRST_HUE + index * _GOLDEN) % 1.0, saturation, value)
    return tuple(round(255 * part) for part in rgb)  # type: ignore[return-value]
