"""What kind of image this is, from Image Type, SOP class and geometry together.

A scout, a screen shot or a mosaic has rows, columns and often a position, and is no volume of the
patient all the same. What Image Type says stands from its third value on; the first two are
ORIGINAL or DERIVED, and PRIMARY or SECONDARY. (PS3.3 section C.7.6.1.1.2)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.headers import integer, private_number, text, texts
from IODeepLib.series.frames import Frame

# Words of a scout image: the standard's (PS3.3 section C.8.2.1.1.1, C.8.3.1.1.1), and what devices
# write in its stead or beside it (Philips: SURVIEW, REF_SURVIEW).
_SCOUTS = {"LOCALIZER", "SCOUT", "SURVIEW", "TOPOGRAM", "SCANOGRAM"}

# Pictures of a screen or of a table of doses.
_PICTURES = ("SCREEN SAVE", "SCREENSHOT", "SCREEN SHOT", "DOSE_INFO", "DOSE INFO")

# All slices side by side in one image: Siemens and United Imaging. How many, stands in a private
# element. https://github.com/rordenlab/dcm2niix
_MOSAICS = {"MOSAIC", "VFRAME"}
_SLICES_IN_MOSAIC = ((0x0019, "SIEMENS MR HEADER", 0x0A), (0x0065, "Image Private Header", 0x50))

# Secondary Capture Image Storage and its four multi-frame kinds. (PS3.4 section B.5)
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Modalities whose images are slices: a capture of one is a picture of slices, not one itself.
_SLICED = {"CT", "MR", "PT"}
FEWEST_CAPTURED = 3  # in place, one behind the other: then it is a volume that was converted

# What an MR image shows instead of magnitude, as Image Type says it. (PS3.3 section C.8.3.1.1.1;
# one letter: Siemens as the third value, Philips as the fourth.)
_COMPONENTS = {
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "PHASE SUBTRACT": "phase",
    "VELOCITY MAP": "velocity",
    "VELOCITY": "velocity",
    "FIELD_MAP": "field map",
    "FIELD MAP": "field map",
    "REAL": "real part",
    "IMAGINARY": "imaginary part",
}
_LETTERS = {"P": "phase", "R": "real part", "I": "imaginary part"}
_MAGNITUDE = {"M", "MAGNITUDE", "MODULUS"}
_GE_RAW_DATA_TYPE = (0x0043, "GEMS_PARM_01", 0x2F)
_GE_TYPES = {1: "phase", 2: "real part", 3: "imaginary part"}


def is_localizer(frame: Frame) -> bool:
    """Whether a frame is a scout image."""
    said = texts(frame.file.header, "ImageType")[2:]
    return any(_SCOUTS & set(re.split(r"[^A-Z]+", value.upper())) for value in said)


def component(header: Dataset, frame: Frame | None = None) -> tuple[str, str]:
    """What an MR image shows instead of magnitude, "" if nothing says so, and the attribute.

    Args:
        header: the whole header of its file.
        frame: where in an enhanced image it stands.
    """
    if text(header, "Modality") != "MR":
        return "", "ImageType"
    for keyword in ("ComplexImageComponent", "FrameType"):
        holder = frame.holder(keyword, "MRImageFrameTypeSequence") if frame else header
        said = [v.upper() for v in texts(holder, keyword)] if holder is not None else []
        for value in said[2:] if keyword == "FrameType" else said:
            if value in _COMPONENTS:
                return _COMPONENTS[value], keyword
            if value in _MAGNITUDE:
                return "", keyword
    image_type = [v.upper() for v in texts(header, "ImageType")]
    for i, value in enumerate(image_type[2:], 2):
        found = _COMPONENTS.get(value) or (_LETTERS.get(value) if i < 4 else None)
        if found:
            return found, "ImageType"
    raw = private_number(header, *_GE_RAW_DATA_TYPE)
    return _GE_TYPES.get(int(raw or 0), ""), "ImageType"


def no_volume(frames: Sequence[Frame], header: Dataset) -> ImageError | None:
    """Why these are no slices of the patient, or None.

    Args:
        frames: the images.
        header: the whole header of the first file.
    """
    kept, file = frames[0].file.header, frames[0].file
    image_type = texts(kept, "ImageType")
    said = f"ImageType {text(kept, 'ImageType')}"
    if integer(kept, "TotalPixelMatrixColumns"):
        return ImageError(
            "the tiles of a slide", "slices or a single image", "choose another series"
        )
    counts = [private_number(header, *element) or 0 for element in _SLICES_IN_MOSAIC]
    if _MOSAICS & {value.upper() for value in image_type} or max(counts) > 1:
        how = said if max(counts) <= 1 else f"{said}, {max(counts):g} slices in each image"
        return ImageError(
            f"a mosaic: all slices side by side in one image ({how})",
            "one slice in each image",
            "export it from the scanner as single slices or as an enhanced image",
        )
    if any(value.upper() in _PICTURES for value in image_type[2:]):
        return ImageError(
            f"a picture of a screen or of a report ({said})",
            "slices of the patient",
            "choose another series",
        )
    if is_secondary_capture(frames[0]) and text(kept, "Modality") in _SLICED:
        placed = sum(frame.is_placed for frame in frames)
        if placed < FEWEST_CAPTURED:
            where = "in a known place" if placed else "without position and pixel spacing"
            return ImageError(
                f"a Secondary Capture of modality {text(kept, 'Modality')}, {len(frames)} "
                f"image{'s' if len(frames) > 1 else ''} {where} (SOPClassUID {file.sop_class}, "
                f"{said}): a picture made of images, such as a scout or a screen shot",
                f"the slices themselves; of captures {FEWEST_CAPTURED} or more, in their places",
                "choose the series that it was made of",
            )
    return None


def is_secondary_capture(frame: Frame) -> bool:
    """Whether a frame is a Secondary Capture Image, of one frame or many."""
    uid = frame.file.sop_class
    return uid == _SECONDARY_CAPTURE or uid.startswith(f"{_SECONDARY_CAPTURE}.")
