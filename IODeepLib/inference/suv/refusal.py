"""The error for a series whose header gives no uptake values."""

from __future__ import annotations

from IODeepLib.errors import ImageError
from IODeepLib.series import Image


def refused(series: Image, found: str, wanted: str) -> ImageError:
    """The error; `found` names the attribute and its value."""
    return ImageError(
        f"series {series.label}: {found}",
        f"{wanted}, to make SUV by body weight",
        "have the header corrected, or choose another series",
    )
