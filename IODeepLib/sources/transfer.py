"""Which SOP classes and transfer syntaxes an association is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydicom import uid

from IODeepLib.errors import ModelError
from IODeepLib.headers import quiet
from IODeepLib.headers.sop_classes import IMAGES, NO_IMAGES
from IODeepLib.sources.incoming import entity_of
from IODeepLib.text.foreign import LONGEST_UID, is_uid, printable

# What a series of any modality may hold.
_OTHERS = (
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uid.RawDataStorage,
    uid.SegmentationStorage,
    uid.ComprehensiveSRStorage,
    uid.Comprehensive3DSRStorage,
)
PLAIN = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
# Those in which we take images, the plain ones first.
TRANSFER_SYNTAXES: tuple[str, ...] = (
    *PLAIN,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.RLELossless,
)


def offers(attributes: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """(SOP class, transfer syntax) for what a series may hold, the likeliest first.

    Each is to become a presentation context of its own: a server sends an object as it has it only
    where that very transfer syntax was agreed upon.

    Args:
        attributes: of the series, by keyword.
    """
    if attributes.get("PatientID") == "IODEEP":
        return [(uid.RawDataStorage, syntax) for syntax in PLAIN]
    return _offers(attributes.get("Modality", ""))


@cache
def _offers(modality: str) -> tuple[tuple[str, str], ...]:
    classes = IMAGES.get(modality) or NO_IMAGES.get(modality) or _OTHERS[:4]
    likely = [(c, syntax) for c in classes for syntax in TRANSFER_SYNTAXES]
    everything = (*_OTHERS, *(c for classes in IMAGES.values() for c in classes))
    plain = [(c, syntax) for syntax in PLAIN for c in everything]
    return tuple(dict.fromkeys([*likely, *plain]))


@dataclass(frozen=True, slots=True)
class Part10:
    """A DICOM file (PS3.10) that is to be sent as it is.

    Attributes:
        path: where it is.
        kind: SOP class and transfer syntax.
        sop_uid: SOP Instance UID.
        offset: where the data set begins, in bytes.
    """

    path: Path
    kind: tuple[str, str]
    sop_uid: str
    offset: int


def read_part10(path: Path) -> Part10:
    """What the DICOM file at `path` is; its meta information may say otherwise, and is not sent.

    Raises:
        ModelError: it does not say it.
    """
    from pynetdicom.dsutils import split_dataset

    entity = entity_of(path)
    try:
        with quiet():
            meta, offset = split_dataset(path)
            syntax = str(meta.TransferSyntaxUID)
    except Exception as error:  # pydicom raises whatever a broken file leads it to
        raise ModelError(
            f"{path} cannot be read as DICOM ({error})", "a DICOM file", "check the file"
        ) from None
    kind = entity.attributes["SOPClassUID"], syntax
    for what, value in zip(("SOP Class UID", "Transfer Syntax UID"), kind, strict=True):
        if not is_uid(value):
            raise ModelError(
                f"{path} has the {what} {printable(value[:LONGEST_UID])!r}",
                "a UID (PS3.5 section 9.1)",
                "have the file corrected, or leave it out",
            )
    return Part10(path, kind, entity.sop_uid, offset)
