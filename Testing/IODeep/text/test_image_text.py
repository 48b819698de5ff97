"""What the panel says of an image."""

from __future__ import annotations

from IODeepSlicer.text.image_text import imageHtml
from makers.demo_image import image


def test_images_say_what_is_not_known() -> None:
    text = imageHtml(image(Modality="MR", SeriesDescription="<T1>", SeriesInstanceUID="1.2"))
    assert "MR" in text and "not known" in text and "96 × 112 × 84" in text
    assert "&lt;T1&gt;" in text
    assert "not from the DICOM database" in imageHtml(image())
