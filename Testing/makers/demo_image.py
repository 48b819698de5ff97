"""The demonstration image in memory, with a header of one's own."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

import IODeepLib
from IODeepLib.series import VolumeImage, find_series

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


def image(**attributes: str) -> VolumeImage:
    """The image, whose header has `attributes`, by keyword, and nothing else."""
    (series,) = find_series(DEMO / "mr_t1")
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return VolumeImage(series.volume(), header, "<demo>")
