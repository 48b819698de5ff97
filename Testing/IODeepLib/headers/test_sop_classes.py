"""Which objects hold images of the patient: every class stands on one side."""

from __future__ import annotations

import itertools

from pydicom.uid import UID, CTImageStorage, SegmentationStorage

from IODeepLib.headers.sop_classes import IMAGES, NO_IMAGES, holds_no_image, name_of


def test_no_modality_and_no_class_is_on_both_sides() -> None:
    assert not set(IMAGES) & set(NO_IMAGES)
    with_images = set(itertools.chain(*IMAGES.values()))
    without = set(itertools.chain(*NO_IMAGES.values()))
    assert not with_images & without
    assert not any(map(holds_no_image, with_images))
    assert all(map(holds_no_image, without))


def test_what_is_called_an_image_by_the_standard_is_one() -> None:
    assert all("Image Storage" in name_of(c) for c in itertools.chain(*IMAGES.values()))
    assert not any("Image Storage" in name_of(c) for c in itertools.chain(*NO_IMAGES.values()))


def test_names_are_those_of_the_dictionary() -> None:
    for sop_class in itertools.chain(*IMAGES.values(), *NO_IMAGES.values()):
        known = UID(sop_class).name
        assert name_of(sop_class) == known or known == sop_class  # newer than the dictionary
        assert name_of(sop_class).endswith(("Storage", "Processing", "Presentation"))
    assert name_of(SegmentationStorage) == "Segmentation Storage"
    assert (name_of("1.2.3"), name_of("")) == ("1.2.3", "")
    assert not holds_no_image(CTImageStorage)
