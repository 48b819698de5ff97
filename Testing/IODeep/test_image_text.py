"""What the panel says of an image."""

from __future__ import annotations

from pathlib import Path

from IODeepSlicer.image_text import imageHtml
from pydicom.dataset import Dataset

import IODeepLib
from IODeepLib.series import VolumeImage, find_series

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


def image(**attributes: str) -> VolumeImage:
    (series,) = find_series(DEMO / "mr_t1")
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return VolumeImage(series.volume(), header, "<demo>")


def test_images_say_what_is_not_known() -> None:
    text = imageHtml(image(Modality="MR", SeriesDescription="<T1>", SeriesInstanceUID="1.2"))
    assert "MR" in text and "not known" in text and "96 × 112 × 84" in text
    assert "&lt;T1&gt;" in text
    assert "not from the DICOM database" in imageHtml(image())
