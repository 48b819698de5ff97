"""The files of both, beside those of the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.errors import IODeepError, UsageError
from IODeepLib.results.captures.key_objects import key_objects
from IODeepLib.results.captures.secondary_capture import sheet_capture
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.encoding import save
from IODeepLib.results.pictures.sheet import contact_sheet
from IODeepLib.results.source_images import identity_obstacle
from IODeepLib.series import Image, ImageSeries

if TYPE_CHECKING:
    from IODeepLib.results.result import Result

FILE_NAMES = CAPTURE_NAME, KEY_OBJECTS_NAME = "sheet.dcm", "key_objects.dcm"


def capture_obstacle(channels: Sequence[Image]) -> IODeepError | None:
    """Why there are none of what is found in these images."""
    for image in channels:
        if not isinstance(image, ImageSeries):
            return UsageError(
                f"image {image.label}, which is in memory only",
                "a DICOM series, in whose study a picture can lie",
                "run on the DICOM files",
            )
        obstacle = identity_obstacle(image)
        if obstacle is not None:
            return obstacle
    return None


def capture_of(result: Result) -> DicomObject:
    """The sheet of a result without an obstacle, as a Secondary Capture."""
    first, *others = _stored(result)
    sheet = contact_sheet(result)
    return DicomObject(sheet_capture(sheet, first, result.provenance, others=others))


def write_captures(result: Result, folder: Path) -> list[str]:
    """Write a Secondary Capture of the sheet and a Key Object Selection that names it first.

    Then it names the segmentation, if there is one.

    Args:
        result: one without an obstacle.
        folder: where the files go.

    Raises:
        OutputError: they cannot be written.
    """
    first, *_ = _stored(result)
    capture = result.capture.dataset
    named = [capture] if result.seg is None else [capture, result.seg.dataset]
    save(capture, folder / CAPTURE_NAME)
    save(key_objects(named, first, result.provenance), folder / KEY_OBJECTS_NAME)
    return [CAPTURE_NAME, KEY_OBJECTS_NAME]


def _stored(result: Result) -> list[ImageSeries]:
    """The series that the network read, each once."""
    return [one for one in dict.fromkeys(result.channels) if isinstance(one, ImageSeries)]
