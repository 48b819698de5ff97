"""Which images a report is of, and how they lie: PS3.16 TID 1600.

Ours because highdicom's image library asks every image for attributes that multi-frame images and
plain X-rays do not have, and says of each slice what is the same of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from IODeepLib.codes import Code
from IODeepLib.results import source_images
from IODeepLib.results.concepts import concept
from IODeepLib.results.place import Place
from IODeepLib.results.sr.quantities import MILLIMETER
from IODeepLib.series import ImageSeries

if TYPE_CHECKING:
    from highdicom.sr import ContainerContentItem, ContentItem

_CONTAINS, _ACQUIRED = "CONTAINS", "HAS ACQ CONTEXT"
_PIXELS = Code("{pixels}", "UCUM", "Pixels")
_COSINE = Code("{-1:1}", "UCUM", "{-1:1}")


def image_library(series: Sequence[ImageSeries]) -> ContainerContentItem:
    """The images, a group for each series with what all of its images have in common."""
    from highdicom.sr import ContainerContentItem, ContentSequence
    from pydicom.sr.codedict import codes

    library = ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=_CONTAINS)
    library.ContentSequence = ContentSequence()
    for one in series:
        group = ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=_CONTAINS)
        group.ContentSequence = ContentSequence([*_descriptors(one), *_images(one)])
        library.ContentSequence.append(group)
    return library


def _images(series: ImageSeries) -> Iterator[ContentItem]:
    """A reference to each image. (TID 1601)"""
    from highdicom.sr import ImageContentItem

    source = concept(Code("260753009", "SCT", "Source"))
    for item in source_images.image_references([series]):
        yield ImageContentItem(
            source,
            item.ReferencedSOPClassUID,
            item.ReferencedSOPInstanceUID,
            referenced_frame_numbers=item.get("ReferencedFrameNumber"),
            relationship_type=_CONTAINS,
        )


def _descriptors(series: ImageSeries) -> Iterator[ContentItem]:
    """What is known of all images of a series. (TID 1602, and 1604 where they have a place)"""
    from highdicom.sr import CodeContentItem, UIDRefContentItem
    from pydicom.sr.codedict import codes

    dcm: Any = codes.DCM
    modality = _modality(series.modality)
    if modality is not None:
        yield CodeContentItem(dcm.Modality, modality, _ACQUIRED)
    frame = series.frames[0]
    if series.has_patient_geometry:
        uid = source_images.frame_of_reference(series)
        yield UIDRefContentItem(dcm.FrameOfReferenceUID, uid, _ACQUIRED)
    yield _number(dcm.PixelDataRows, frame.rows, _PIXELS)
    yield _number(dcm.PixelDataColumns, frame.columns, _PIXELS)
    if not series.has_patient_geometry:
        return
    groups = Place(series.slices, series.frames).shared_groups()
    (measures,) = groups["PixelMeasuresSequence"]
    vertical, horizontal = measures.PixelSpacing
    yield _number(dcm.HorizontalPixelSpacing, horizontal, MILLIMETER)
    yield _number(dcm.VerticalPixelSpacing, vertical, MILLIMETER)
    if "SpacingBetweenSlices" in measures:
        yield _number(dcm.SpacingBetweenSlices, measures.SpacingBetweenSlices, MILLIMETER)
    yield _number(dcm.SliceThickness, measures.SliceThickness, MILLIMETER)
    (orientation,) = groups["PlaneOrientationSequence"]
    axes = [f"{line}{axis}" for line in ("Row", "Column") for axis in "XYZ"]
    for axis, cosine in zip(axes, orientation.ImageOrientationPatient, strict=True):
        yield _number(getattr(dcm, f"ImageOrientationPatient{axis}"), cosine, _COSINE)


def _number(name: Any, value: Any, unit: Code) -> ContentItem:
    from highdicom.sr import NumContentItem

    number = value if isinstance(value, int) else float(value)
    return NumContentItem(name, number, concept(unit), relationship_type=_ACQUIRED)


def _modality(value: str) -> Any:
    """The code of a modality, CID 29; None for one that it does not have."""
    from pydicom.sr.codedict import codes

    names: Any = codes.cid29
    return next((code for code in names.concepts.values() if code.value == value), None)
