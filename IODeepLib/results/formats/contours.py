"""ROI Contour Sequence (3006,0039) of an RT Structure Set, as it stands in a file.

Put together here because there are thousands of contours with thousands of points, for which a data
set of pydicom each takes ten times as long. In Implicit VR Little Endian, in which a contour may
have more than the 65534 characters that Explicit VR has room for. (PS3.5 section 7.1.2)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom import dcmwrite
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import ItemTag, Tag

from IODeepLib.geometry.arrays import Float64, Mask
from IODeepLib.results.colors import RGB
from IODeepLib.results.place import Place
from IODeepLib.results.source_images import image_reference
from IODeepLib.series import Frame
from IODeepLib.voxels.outlines import outlines

_ROI_CONTOURS = Tag("ROIContourSequence")
# Of a millimeter: a tenth of a micrometer is less than any device knows.
_DECIMALS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What gets contours.

    Attributes:
        number: ROI Number.
        color: sRGB, 0 to 255.
        mask: (slice, row, column) of a part of the slices.
        start: where that part begins.
    """

    number: int
    color: RGB
    mask: Mask
    start: tuple[int, int, int]


def roi_contours(regions: Iterable[Region], place: Place) -> RawDataElement:
    """The contours of all regions along the borders of their voxels, in the planes of the images.

    Args:
        regions: one at a time.
        place: where the slices lie; an image in each.
    """
    images = [_image(frame) for frame in place.images]
    value = b"".join(_item(_region(region, place, images)) for region in regions)
    return RawDataElement(_ROI_CONTOURS, "SQ", len(value), value, 0, True, True)


def _region(region: Region, place: Place, images: list[bytes]) -> bytes:
    """An item of ROI Contour Sequence. (PS3.3 section C.8.8.6)"""
    contours = b"".join(
        _item(
            images[k]
            + _text("ContourGeometricType", "CLOSED_PLANAR")
            + _text("NumberOfContourPoints", str(len(points)))
            + _text("ContourData", "\\".join(map(repr, points.ravel().tolist())))
        )
        for k, points in _polygons(region, place)
    )
    return (
        _text("ROIDisplayColor", "\\".join(map(str, region.color)))
        + _element("ContourSequence", contours)
        + _text("ReferencedROINumber", str(region.number))
    )


def _polygons(region: Region, place: Place) -> Iterator[tuple[int, Float64]]:
    """(slice, (n, 3) LPS millimeters of the corners) of each contour."""
    grid = place.grid
    assert grid is not None  # noqa: S101 - callers ask for what has a place
    axes = (grid.directions * grid.spacing)[:, 1:]  # of a row and of a column further
    first, *corner = region.start
    for k, polygon in outlines(region.mask):
        frame = place.images[first + k]
        stated = None if frame is None else frame.position
        origin = grid.point((first + k, 0, 0)) if stated is None else np.asarray(stated)
        points = origin + (polygon + corner - 0.5) @ axes.T
        yield first + k, np.round(points, _DECIMALS) + 0.0  # no negative nought


def _image(frame: Frame | None) -> bytes:
    """Contour Image Sequence: the image that a contour lies in."""
    if frame is None:
        return b""
    buffer = BytesIO()
    item = Dataset(image_reference(frame.file, [frame.number]))
    dcmwrite(buffer, item, implicit_vr=True, little_endian=True)
    return _element("ContourImageSequence", _item(buffer.getvalue()))


def _text(keyword: str, value: str) -> bytes:
    return _element(keyword, value.encode("ascii") + b" " * (len(value) % 2))


def _element(keyword: str, value: bytes) -> bytes:
    number = tag_for_keyword(keyword)
    assert number is not None  # noqa: S101 - the keywords are written above
    return struct.pack("<HHI", number >> 16, number & 0xFFFF, len(value)) + value


def _item(value: bytes) -> bytes:
    return struct.pack("<HHI", ItemTag.group, ItemTag.element, len(value)) + value
