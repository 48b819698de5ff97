"""One file of an image series: its header, read once and without its pixels.

Of every file only the elements are kept that sort, check, decode and reference its images
(`KEPT`): a thousand slices with large private elements would fill the memory. The whole header of
a file is read again where it is wanted (`read_whole_header`).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from IODeepLib.errors import ImageError
from IODeepLib.headers import integer, items, stored, text
from IODeepLib.headers.header_file import (
    HeaderTooLongError,
    NotRegularError,
    open_regular,
    read_header,
)
from IODeepLib.headers.sop_classes import holds_no_image, name_of
from IODeepLib.series.formats import FORMAT_BYTES, format_of
from IODeepLib.text.foreign import printable
from IODeepLib.text.wording import counted

# Identity; place; what tells volumes of one series apart; voxels.
_KEPT_KEYWORDS = """
SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID
FrameOfReferenceUID Modality PatientID IssuerOfPatientID PatientName PatientBirthDate
SeriesNumber SeriesDescription InstanceNumber

ImagesInAcquisition NumberOfSeriesRelatedInstances NumberOfSlices NumberOfTemporalPositions
ConcatenationUID InConcatenationNumber InConcatenationTotalNumber

ImagePositionPatient ImageOrientationPatient PixelSpacing ImagerPixelSpacing
NominalScannedPixelSpacing SliceThickness SpacingBetweenSlices NumberOfFrames
SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence DimensionIndexSequence
TotalPixelMatrixColumns

ImageType ComplexImageComponent EchoTime EchoNumbers InversionTime FlipAngle DiffusionBValue
DiffusionGradientOrientation KVP ConvolutionKernel TemporalPositionIdentifier TriggerTime
FrameReferenceTime AcquisitionNumber AcquisitionDateTime AcquisitionDate AcquisitionTime ContentTime

Rows Columns SamplesPerPixel PhotometricInterpretation BitsAllocated BitsStored HighBit
PixelRepresentation RescaleSlope RescaleIntercept RescaleType ModalityLUTSequence
RealWorldValueMappingSequence MultienergyCTAcquisition Units TimezoneOffsetFromUTC
PixelPaddingValue PixelPaddingRangeLimit FloatPixelPaddingValue FloatPixelPaddingRangeLimit
DoubleFloatPixelPaddingValue DoubleFloatPixelPaddingRangeLimit
"""
KEPT = [int(tag_for_keyword(keyword) or 0) for keyword in _KEPT_KEYWORDS.split()]

# Files with these endings are meant to be DICOM, so that one that cannot be read is damaged.
DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}

_PIXEL_ELEMENTS = {
    0x7FE00010: "PixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00008: "FloatPixelData",
}
_UNDEFINED_LENGTH = 0xFFFFFFFF

# No device makes larger images. In bytes.
_LARGEST = 2**28
_MOST_DEFLATED = 1032  # times: what zlib can do at best; https://zlib.net/zlib_tech.html


@dataclass(frozen=True, slots=True, eq=False)
class ImageFile:
    """A file with one or more images.

    Attributes:
        path: the file.
        header: its elements in `KEPT`.
        transfer_syntax: from the file meta information, or as pydicom guessed it.
        pixel_keyword: PixelData, FloatPixelData or DoubleFloatPixelData; "" where it has none.
        pixels_at: where in the file the value of native pixel data begins, else None.
        damage: why the pixels cannot be read, or "".
        uid: SOP Instance UID, from the file meta information where the header has none.
        sop_class: SOP Class UID, likewise.
    """

    path: Path
    header: Dataset
    transfer_syntax: UID
    pixel_keyword: str
    pixels_at: int | None
    damage: str
    uid: str
    sop_class: str

    @property
    def number_of_frames(self) -> int:
        """(0028,0008), 1 where it is missing or senseless."""
        return max(1, integer(self.header, "NumberOfFrames") or 1)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one native frame of whole-byte samples."""
        size = [integer(self.header, k) or 0 for k in ("Rows", "Columns", "BitsAllocated")]
        return size[0] * size[1] * (integer(self.header, "SamplesPerPixel") or 1) * size[2] // 8


@dataclass(frozen=True, slots=True, eq=False)
class Skipped:
    """A file that gives no image.

    Attributes:
        path: the file.
        reason: what it is instead: "not DICOM", "a ZIP archive", "Segmentation", "damaged: ...".
        damaged: whether it was meant to be DICOM and is broken.
        header: as much of its header as could be read.
    """

    path: Path
    reason: str
    damaged: bool = False
    header: Dataset | None = None


def read_image_file(path: Path, *, found: bool = False) -> ImageFile | Skipped:
    """Read the header of `path`; never raises because of what the file holds.

    Args:
        path: the file.
        found: whether what was found in images, such as a segmentation, counts as one.
    """
    try:
        with open_regular(path) as stream:
            start = stream.read(FORMAT_BYTES)
            stream.seek(0)
            marked = start[128:132] == b"DICM"
            if not marked and not _looks_like_dicom(start):
                meant = path.suffix.lower() in DICOM_SUFFIXES
                return Skipped(path, format_of(start) or "not DICOM", damaged=meant)
            try:
                header = read_header(stream, KEPT)
            except HeaderTooLongError as error:
                return Skipped(path, f"damaged: {error}", damaged=marked)
            except Exception as error:  # pydicom raises whatever a broken file leads it to
                said = printable(str(error)) or type(error).__name__
                why = f"damaged: its header cannot be parsed ({said})" if marked else "not DICOM"
                return Skipped(path, why, damaged=marked)
            return _judge(path, header, stream, marked, found)
    except NotRegularError as error:
        return Skipped(path, str(error.strerror))
    except OSError as error:
        return Skipped(path, f"cannot be opened ({error.strerror or error})", damaged=True)


def read_whole_header(path: Path) -> Dataset:
    """All elements of `path` but its pixels."""
    with open_regular(path) as stream:
        return read_header(stream)


def undecodable(path: Path, why: object) -> ImageError:
    """The error for a file whose pixels cannot be made of what is in it."""
    return ImageError(
        f"{path} cannot be decoded ({why})", "a complete image", "fetch the file again"
    )


def _looks_like_dicom(start: bytes) -> bool:
    """Whether a file without preamble begins with the elements that a data set begins with."""
    if len(start) < 8:
        return False
    group, element = struct.unpack_from("<HH", start)
    explicit = start[4:6] in (b"UL", b"UI", b"CS", b"OB", b"SH", b"DA", b"TM", b"LO")
    (length,) = struct.unpack_from("<I", start, 4)
    if group in (0x0002, 0x0008) and element <= 0x0060:
        return explicit or length <= 256
    return start[:2] == b"\x00\x08" and start[2] == 0 and explicit  # big endian


def _judge(
    path: Path, header: Dataset, stream: BinaryIO, marked: bool, found_counts: bool
) -> ImageFile | Skipped:
    meta = header.file_meta
    sop_class = text(header, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID")
    kind = name_of(sop_class) or "no SOP class"
    if holds_no_image(sop_class) and not found_counts:
        return Skipped(path, kind, header=header)
    syntax = _transfer_syntax(header)
    deflated = syntax == DeflatedExplicitVRLittleEndian
    found = _pixel_element(stream, syntax) if not deflated else ("PixelData", 0, 0)
    if not integer(header, "Rows") or not integer(header, "Columns"):
        # Without pixels it is one of the many objects that are no image, unless it breaks off.
        # Where a file breaks off within the class, the file meta information still has it.
        stored = UID(text(meta, "MediaStorageSOPClassUID")).name
        meant = "Image Storage" in f"{kind} {stored}"
        if found is None and (meant or not sop_class) and marked:
            return Skipped(path, "damaged: it ends within its header", True, header)
        if found is not None and meant:
            lacking = " and ".join(k for k in ("Rows", "Columns") if not integer(header, k))
            return Skipped(path, f"damaged: it has pixels, but no {lacking}", True, header)
        return Skipped(path, kind if marked or sop_class else "not DICOM", header=header)
    size = os.fstat(stream.fileno()).st_size
    claim = _senseless_claim(header, size * _MOST_DEFLATED if deflated else size)
    if claim:
        return Skipped(path, f"damaged: it claims {claim}", True, header)
    keyword, at, length = found or ("", 0, 0)
    native = not deflated and _is_native(syntax)
    uid = text(header, "SOPInstanceUID") or text(meta, "MediaStorageSOPInstanceUID")
    image = ImageFile(path, header, syntax, keyword, at if native else None, "", uid, sop_class)
    return replace(image, damage=_damage(image, length, size))


def _senseless_claim(header: Dataset, size: int) -> str:
    """What an image of at most `size` bytes says of itself and cannot be, or ""."""
    frames = integer(header, "NumberOfFrames") or 1
    if frames > size:
        return f"{frames} frames in {size} bytes"
    rows, columns = (integer(header, k) or 0 for k in ("Rows", "Columns"))
    bits = (integer(header, "SamplesPerPixel") or 1) * (integer(header, "BitsAllocated") or 1)
    if rows * columns * bits // 8 > _LARGEST:
        return f"images of {rows} x {columns} pixels of {bits} bits"
    return ""


def _transfer_syntax(header: Dataset) -> UID:
    stated = text(header.file_meta, "TransferSyntaxUID")
    if stated:
        return UID(stated)
    implicit, little = header.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _is_native(syntax: UID) -> bool:
    try:
        return not syntax.is_encapsulated
    except ValueError:  # not a transfer syntax, or a private one: reading the pixels will say so
        return False


def _pixel_element(stream: BinaryIO, syntax: UID) -> tuple[str, int, int] | None:
    """Keyword, where its value begins, and length of the pixel element that `stream` stands at."""
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    start = stream.read(12)
    if len(start) < 8:
        return None
    group, element = struct.unpack_from(f"{order}HH", start)
    keyword = _PIXEL_ELEMENTS.get(group << 16 | element)
    if keyword is None:
        return None
    if len(start) < 12 or not start[4:6].isalpha():  # implicit VR, whatever was declared
        return keyword, stream.tell() - len(start) + 8, struct.unpack_from("<I", start, 4)[0]
    return keyword, stream.tell(), struct.unpack_from(f"{order}I", start, 8)[0]


def _damage(image: ImageFile, length: int, size: int) -> str:
    """Whether native pixels are all there. (Compressed ones show it when they are decoded.)"""
    stated = bool(stored(image.header, "PerFrameFunctionalGroupsSequence"))
    described = len(items(image.header, "PerFrameFunctionalGroupsSequence"))
    if stated and described != image.number_of_frames:
        return f"it describes {described} of its {counted(image.number_of_frames, 'frame')}"
    if not image.pixel_keyword:
        return "it has no pixel data: it is cut off, or a header alone"
    if image.pixels_at is None:
        return ""
    if length == _UNDEFINED_LENGTH:
        return f"its pixel data are encapsulated, but its transfer syntax is {_named(image)}"
    wanted = image.frame_bytes * image.number_of_frames
    there = min(length, size - image.pixels_at)
    if there < wanted:
        return f"its pixel data end after {max(0, there)} of {wanted} bytes"
    return ""


def _named(image: ImageFile) -> str:
    return image.transfer_syntax.name or "missing"
