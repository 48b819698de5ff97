"""What a result takes over from the images that it was made from, and how it refers to them.

Headers are often not what the standard asks for. A result has to be: what identifies patient and
study goes over as it stands, for a result that lost it would get lost itself; of the rest, a value
that is not valid is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from IODeepLib.codes.sequences import code_sequence
from IODeepLib.errors import ImageError
from IODeepLib.headers import exact_texts, integer, number, text
from IODeepLib.series import ImageSeries
from IODeepLib.series.image_file import ImageFile
from IODeepLib.text.derived_uids import derived_uid
from IODeepLib.text.foreign import LONGEST_UID, is_uid

# What the entities Patient and Study must have, if only an empty value. (PS3.3 C.7.1.1, C.7.2.1)
_IDENTITY = """
PatientName PatientID StudyInstanceUID StudyID AccessionNumber ReferringPhysicianName
"""
_REQUIRED = f"{_IDENTITY} PatientBirthDate PatientSex StudyDate StudyTime"
# What they may have. (PS3.3 C.7.1.1, C.7.1.3, C.7.2.1 to C.7.2.3)
_OPTIONAL = """
IssuerOfPatientID TypeOfPatientID PatientBirthTime OtherPatientNames EthnicGroup PatientComments
PatientIdentityRemoved DeidentificationMethod QualityControlSubject StudyDescription
PhysiciansOfRecord AdmittingDiagnosesDescription PatientAge PatientSize PatientWeight Occupation
AdditionalPatientHistory AdmissionID PatientState SmokingStatus ClinicalTrialTimePointID
ClinicalTrialTimePointDescription
"""
_CODES = "DeidentificationMethodCodeSequence ProcedureCodeSequence"
# The Clinical Trial Subject module, which must be complete: type 1, then type 2. (PS3.3 C.7.1.3)
_TRIAL = "ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialSubjectID"
_TRIAL_MORE = "ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName"
# What a result says of the device that made the images, and of compression. (PS3.3 C.12.1.1.5)
_DEVICE = """
Manufacturer ManufacturerModelName SoftwareVersions DeviceSerialNumber InstitutionName StationName
LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
"""
_TIME_ZONE = "TimezoneOffsetFromUTC"
_IMAGE = f"BodyPartExamined {_TIME_ZONE}"

_SEXES = ("M", "F", "O")  # PS3.3 C.7.1.1
_LONGEST = {"PN": 64, "LO": 64, "SH": 16, "LT": 10240, "ST": 1024, "UT": 2**32}
_PATTERNS = {
    "CS": r"[A-Z0-9_ ]{1,16}",
    "AS": r"\d{3}[DWMY]",
    "TM": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
}

# The date and time of a result are those of the images, never those of the run; this stands for
# images without a valid date.
NO_DATE, NO_TIME = "19000101", "000000"
_DATES = ("ContentDate", "AcquisitionDate", "SeriesDate", "StudyDate")

# So that the series of results stand behind those of the scanner and are known by their number:
# a segmentation, one on the slices of a corrected series, what people edited; reports of either.
SEG_OFFSET, ON_SLICES_OFFSET, EDITED_OFFSET = 1000, 2000, 3000
REPORT_OFFSET, EDITED_REPORT_OFFSET, STRUCTURES_OFFSET = 4000, 5000, 6000
# How sure a network is, and what it looks at.
CONFIDENCE_OFFSET, OCCLUSION_OFFSET = 7000, 8000
# A picture of it, and what points at that.
SHEET_OFFSET, KEY_OBJECTS_OFFSET = 9000, 10_000
ASSESSMENT_OFFSET = 11_000  # more than that of the result that people have assessed
_LARGEST_OFFSET = ASSESSMENT_OFFSET
# These lose something, whatever the header says; of JPEG 2000 only the header says it.
_LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
_ANEW = "fetch the series from the PACS again, or give it UIDs (dcmodify -gst -gse -gin)"
_LARGEST_SERIES_NUMBER = 2**31 - 1 - _LARGEST_OFFSET  # IS holds 32 bits with sign


def identity_obstacle(series: ImageSeries) -> ImageError | None:
    """Why nothing can be stored of what is found in `series`, known before anything is, or None.

    A frame of reference is not needed, see `frame_of_reference`.
    """
    missing = [k for k in series.missing_identifiers if k != "FrameOfReferenceUID"]
    if missing:
        return ImageError(
            f"series {series.label} lacks {', '.join(missing)}",
            "the identifiers by which a DICOM result refers to its images",
            _ANEW,
        )
    for keyword, uids in series.identifiers.items():
        for uid in uids:
            if not is_uid(uid):
                return ImageError(
                    f"series {series.label} has the {keyword} {uid[:LONGEST_UID]!a}",
                    f"a UID: digits and dots, at most {LONGEST_UID}",
                    _ANEW,
                )
    return None


def seg_obstacle(series: ImageSeries) -> ImageError | None:
    """Why no DICOM SEG can be made of what is found in `series`, or None."""
    obstacle = identity_obstacle(series)
    if obstacle is None and not series.has_patient_geometry and len(series.frames) > 1:
        return ImageError(
            f"series {series.label} does not say where its {len(series.frames)} images lie",
            "images with position and orientation, or a single image, for a DICOM SEG",
            "choose another series, or use the labels of the result as they are",
        )
    return obstacle


def frame_of_reference(series: ImageSeries) -> str:
    """Frame of Reference UID (0020,0052), or one made from the Series Instance UID."""
    stated = series.frame_of_reference or ""
    return (
        stated if is_uid(stated) else derived_uid("frame of reference", series.series_instance_uid)
    )


def patient_and_study(header: Dataset) -> Dataset:
    """The attributes of patient and study, the required ones all there, valid but for identity."""
    found = Dataset()
    for keyword in _REQUIRED.split():
        _put(found, keyword, _identity(header, keyword) or _valid(header, keyword))
    if text(found, "PatientSex") not in _SEXES:
        found.PatientSex = ""
    _put_valid(found, header, _OPTIONAL)
    for keyword in _CODES.split():
        codes = code_sequence(header, keyword)
        if codes:
            setattr(found, keyword, [code.to_dataset() for code in codes])
    method = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
    if text(found, "PatientIdentityRemoved") == "YES" and not any(k in found for k in method):
        found.DeidentificationMethod = "not stated"  # type 1C
    if all(_valid(header, keyword) for keyword in _TRIAL.split()):
        _put_valid(found, header, _TRIAL)
        for keyword in _TRIAL_MORE.split():
            _put(found, keyword, _valid(header, keyword))
    return found


def device(header: Dataset) -> Dataset:
    """What the images were acquired with, and whether they were compressed."""
    found = Dataset()
    _put_valid(found, header, _DEVICE)
    return found


def lossy_compression(series: Sequence[ImageSeries]) -> str:
    """Lossy Image Compression (0028,2110): "01" if an image says so, or is stored so."""
    lossy = any(
        text(one.header, "LossyImageCompression") == "01"
        or any(frame.file.transfer_syntax in _LOSSY for frame in one.frames)
        for one in series
    )
    return "01" if lossy else "00"


def image_context(header: Dataset, *, placed: bool) -> Dataset:
    """Body part, time zone, and how an image without a place in space is turned."""
    found = Dataset()
    _put_valid(found, header, _IMAGE)
    if not placed:
        _put(found, "PatientOrientation", _valid(header, "PatientOrientation"))  # type 2C
    return found


def time_zone(header: Dataset) -> Dataset:
    """The time zone that dates and times are in, where the images say it."""
    found = Dataset()
    _put_valid(found, header, _TIME_ZONE)
    return found


def content_time(header: Dataset) -> tuple[str, str]:
    """Date and time for a result, from the images: DA and TM.

    The first valid one of Content, Acquisition, Series and Study Date with its time (midnight
    without a valid one); 1 January 1900 where none is valid.
    """
    for keyword in _DATES:
        date = "".join(_valid(header, keyword))
        if date:
            return date, "".join(_valid(header, keyword.replace("Date", "Time"))) or NO_TIME
    return NO_DATE, NO_TIME


def series_number(header: Dataset, offset: int) -> int:
    """`offset` more than that of the images; that alone where they have no usable one."""
    stated = integer(header, "SeriesNumber") or 0
    return offset + (stated if 0 < stated <= _LARGEST_SERIES_NUMBER else 0)


def image_reference(file: ImageFile, frame_numbers: Sequence[int] = ()) -> Dataset:
    """A reference to an image, or to some frames of it. (PS3.3 section 10.3)"""
    item = Dataset()
    item.ReferencedSOPClassUID = file.sop_class
    item.ReferencedSOPInstanceUID = file.uid
    if frame_numbers and (file.number_of_frames > 1 or "NumberOfFrames" in file.header):
        item.ReferencedFrameNumber = list(frame_numbers)
    return item


def image_references(series: Sequence[ImageSeries]) -> list[Dataset]:
    """A reference to every image of `series`, as Source Image Sequence (0008,2112) has them."""
    found = []
    for one in series:
        for file, frames in _files(one):
            part = len(frames) < file.number_of_frames
            found.append(image_reference(file, frames if part else ()))
    return found


def series_references(series: Sequence[ImageSeries]) -> list[tuple[str, Dataset]]:
    """(Study Instance UID, item of Referenced Series Sequence) for every series, each once.

    PS3.3 section C.12.2, Common Instance Reference.
    """
    by_uid: dict[tuple[str, str], dict[str, Dataset]] = {}
    for one in series:
        uids = (one.study_instance_uid, one.series_instance_uid)
        for file, _ in _files(one):
            reference = image_reference(file)
            by_uid.setdefault(uids, {})[reference.ReferencedSOPInstanceUID] = reference
    found = []
    for (study, uid), references in by_uid.items():
        item = Dataset()
        item.SeriesInstanceUID = uid
        item.ReferencedInstanceSequence = list(references.values())
        found.append((study, item))
    return found


def _files(series: ImageSeries) -> list[tuple[ImageFile, list[int]]]:
    """Each file of `series` with the numbers of its frames, in slice order."""
    found: dict[int, tuple[ImageFile, list[int]]] = {}
    for frame in series.frames:
        found.setdefault(id(frame.file), (frame.file, []))[1].append(frame.number)
    return [(file, sorted(numbers)) for file, numbers in found.values()]


def _put_valid(target: Dataset, header: Dataset, keywords: str) -> None:
    for keyword in keywords.split():
        values = _valid(header, keyword)
        if values:
            _put(target, keyword, values)


def _put(target: Dataset, keyword: str, values: Sequence[str]) -> None:
    value = list(values) if len(values) > 1 else "".join(values)
    tag = tag_for_keyword(keyword)
    assert tag is not None  # noqa: S101  the keywords above are of the dictionary
    target.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))


def _identity(header: Dataset, keyword: str) -> tuple[str, ...]:
    """The (first) value of an identifying attribute as it stands, but for control characters."""
    if keyword not in _IDENTITY.split():
        return ()
    return tuple("".join(c for c in v if c.isprintable()) for v in exact_texts(header, keyword)[:1])


def _valid(header: Dataset, keyword: str) -> tuple[str, ...]:
    """All values, if each is valid and there are not too many of them."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # noqa: S101
    vr, found = dictionary_VR(tag), exact_texts(header, keyword)
    if vr == "DA":
        found = tuple(_date(v) for v in found)
    if len(found) > 1 and dictionary_VM(tag) == "1":
        return ()
    is_valid = _CHECKS[vr]
    return found if found and all(v and is_valid(v) for v in found) else ()


def _date(value: str) -> str:
    """A date as YYYYMMDD, or "" if it is none; the former YYYY.MM.DD is understood."""
    compact = value.replace(".", "") if re.fullmatch(r"\d{4}\.\d\d\.\d\d", value) else value
    try:
        datetime.strptime(compact, "%Y%m%d")
    except ValueError:
        return ""
    return compact if re.fullmatch(r"\d{8}", compact, re.ASCII) else ""


def _is_text(longest: int) -> Callable[[str], bool]:
    return lambda value: (
        len(value) <= longest and all(c.isprintable() or c in "\r\n" for c in value)
    )


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


_CHECKS: dict[str, Callable[[str], bool]] = {
    **{vr: _is_text(longest) for vr, longest in _LONGEST.items()},
    **{vr: _matches(pattern) for vr, pattern in _PATTERNS.items()},
    "DA": bool,
    "UI": is_uid,
    "DS": lambda value: len(value) <= 16 and number(value) is not None,
}
