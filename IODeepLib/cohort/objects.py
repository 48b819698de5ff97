"""The DICOM SEGs of a folder, and what people said of them: their headers, read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from IODeepLib.cohort.records import LeftOut
from IODeepLib.cohort.segments import Meaning, segments_in
from IODeepLib.headers import exact_texts, items, quiet, text
from IODeepLib.headers.header_file import open_regular, read_header
from IODeepLib.headers.sop_classes import LABEL_MAP_SEGMENTATION
from IODeepLib.model_object.instance import is_dicom, read_head
from IODeepLib.results.assessment import Assessment, read_assessment
from IODeepLib.results.origin.named import named_by
from IODeepLib.results.provenance import SOFTWARE
from IODeepLib.text.foreign import is_uid, printable

_KINDS = (SegmentationStorage, LABEL_MAP_SEGMENTATION)
_WANTED = """
SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID
IssuerOfPatientID Manufacturer DeviceSerialNumber Modality ContentDate ContentTime SegmentationType
MaximumFractionalValue SegmentSequence SourceImageSequence ReferencedImageSequence
ReferencedSeriesSequence StudiesContainingOtherReferencedInstancesSequence ContentSequence
ConceptNameCodeSequence ValueType CurrentRequestedProcedureEvidenceSequence
PertinentOtherEvidenceSequence CompletionFlag VerificationFlag VerifyingObserverSequence
TimezoneOffsetFromUTC ObservationDateTime PersonName
"""
_TAGS = [tag for keyword in _WANTED.split() if (tag := tag_for_keyword(keyword)) is not None]
Patient = tuple[str, str]  # IssuerOfPatientID and PatientID


@dataclass(frozen=True, eq=False)
class SegObject:
    """A DICOM SEG.

    Attributes:
        path, header: its file, and what of it is needed here.
        sop_uid, study_uid: its own.
        patient: whose it is.
        segments: what they stand for, by their number.
        images: SOP Instance UIDs of the images that it names, by (study, series).
        is_ours: whether it is a result of a network that IODeep ran.
        card_uid: of that network.
        is_automatic: whether nobody but a program had a hand in any of its segments.
        corrects: the SEG that it corrects; "" for none.
    """

    path: Path
    header: Dataset
    sop_uid: str
    study_uid: str
    patient: Patient
    segments: dict[int, Meaning]
    images: dict[tuple[str, str], tuple[str, ...]]
    is_ours: bool
    card_uid: str
    is_automatic: bool
    corrects: str

    @property
    def age(self) -> tuple[str, int]:
        """Grows with time: when it was made, as far as it says, and its file written."""
        made = text(self.header, "ContentDate") + text(self.header, "ContentTime")
        # Those of a result are its images': then the time of its file is all that is known.
        return "" if self.is_ours else made, self.path.stat().st_mtime_ns


@dataclass
class Found:
    """What lies in a folder beside images.

    Attributes:
        segs: DICOM SEGs, each once.
        assessments: what people said of results.
        left_out: what is no good.
    """

    segs: list[SegObject] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def objects_in(files: Iterable[Path]) -> Found:
    """The DICOM SEGs and assessments among `files`; those of other kinds are passed over."""
    found = Found()
    by_uid: dict[str, SegObject] = {}
    for path in files:
        header = _header(path)
        if header is None:
            continue
        if text(header, "SOPClassUID") not in _KINDS:
            said = read_assessment(header) if text(header, "Modality") == "SR" else None
            found.assessments += [said] if said is not None else []
            continue
        try:
            seg = _seg(path, header)
            known = by_uid.setdefault(seg.sop_uid, seg)
            if known is not seg:
                same = known.path.read_bytes() == path.read_bytes()
                raise ValueError(
                    "it is a copy of another file"
                    if same
                    else f"it has the SOP Instance UID of {known.path.name}, and other contents"
                )
            found.segs.append(seg)
        except ValueError as error:
            found.left_out.append(LeftOut(str(path), printable(str(error))))
    return found


def patient_of(header: Dataset) -> Patient:
    """Whose an object is."""
    issuer, number = ("\\".join(exact_texts(header, k)) for k in ("IssuerOfPatientID", "PatientID"))
    return issuer, number


def _header(path: Path) -> Dataset | None:
    """What a DICOM file says; None for other files, and for those that cannot be read."""
    try:
        if not is_dicom(read_head(path)):
            return None
        with quiet(), open_regular(path) as stream:
            return read_header(stream, _TAGS)
    except Exception:  # pydicom raises whatever a broken file leads it to
        return None


def _seg(path: Path, header: Dataset) -> SegObject:
    for keyword in ("SOPInstanceUID", "StudyInstanceUID"):
        if not is_uid(text(header, keyword)):
            raise ValueError(f"it has no {keyword}")
    named = named_by(header)
    card = text(header, "DeviceSerialNumber")
    kinds = {text(item, "SegmentAlgorithmType") for item in items(header, "SegmentSequence")}
    return SegObject(
        path,
        header,
        text(header, "SOPInstanceUID"),
        text(header, "StudyInstanceUID"),
        patient_of(header),
        segments_in(header),
        named.images,
        text(header, "Manufacturer") == SOFTWARE and is_uid(card),
        card,
        kinds == {"AUTOMATIC"},
        named.corrects if is_uid(named.corrects) else "",
    )
