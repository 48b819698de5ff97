"""An assessment as a DICOM SR by PS3.16 TID 1500, which says nothing but a qualitative evaluation.

highdicom makes it. Patient and study are those of the result that is assessed, checked before; a
person is the observer, and the network that made the result stands as equipment, as in the result.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, ExplicitVRLittleEndian

from IODeepLib.errors import InputError, UsageError
from IODeepLib.headers import quiet, text
from IODeepLib.headers.header_file import open_regular, read_header
from IODeepLib.results import source_images
from IODeepLib.results.assessment import vocabulary as v
from IODeepLib.results.assessment.assessment import Assessment, Verdict
from IODeepLib.results.concepts import concept
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.encoding import encoded
from IODeepLib.results.equipment import network_equipment, software_versions
from IODeepLib.results.origin.origin import Origin, origin_of
from IODeepLib.results.provenance import SOFTWARE, Provenance, shortened
from IODeepLib.results.segments import LONGEST_LO
from IODeepLib.results.sr.document import document_of
from IODeepLib.results.sr.report import ANY_PROCEDURE, LANGUAGE
from IODeepLib.results.stand_in import NO_UID, stand_in_for
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.text.derived_uids import derived_uid
from IODeepLib.text.foreign import plain

_REPORTS = (ComprehensiveSRStorage, Comprehensive3DSRStorage)
LONGEST_REASON = 1000  # characters
_LONGEST_NAME = 64  # characters of a PN (PS3.5 section 6.2)
_MOST_CARETS = 4  # between the five components of a name
_MOMENT = "%Y%m%d%H%M%S%z"


@dataclass(frozen=True, slots=True, eq=False)
class AssessmentReport(DicomObject):
    """A DICOM SR of what a person said of a result."""


def make_assessment(
    result: Path | str,
    verdict: Verdict,
    *,
    by: str,
    when: datetime,
    reason: str = "",
    correction: Path | str | None = None,
) -> AssessmentReport:
    """A DICOM SR that says what somebody makes of a result; the same words make the same object.

    Args:
        result: the file of the SEG of IODeep that is assessed, or of its report.
        verdict: what was decided.
        by: who decided, as DICOM has names: "Doe^Jane".
        when: with the offset from UTC.
        reason: why; nothing is rejected without.
        correction: the file of the SEG that is right instead.

    Raises:
        UsageError: nobody says it, a rejection has no reason, or the correction is none.
        InputError: a file is no result of IODeep.
    """
    name, why = _name(by), plain(" ".join(reason.split()))
    if not name.strip("^ ") or when.tzinfo is None:
        raise UsageError("an assessment by nobody, or at no time", "who and when", "say both")
    if verdict is Verdict.REJECTED and not why:
        raise UsageError("a rejection without a reason", "why", "say why it is rejected")
    if len(why) > LONGEST_REASON:
        raise UsageError(
            f"a reason of {len(why)} characters", f"at most {LONGEST_REASON}", "shorten it"
        )
    origin = _result(result)
    right = None if correction is None else _correction(correction, origin, verdict)
    said = Assessment(verdict, origin.sop_uid, name, when, why, right.sop_uid if right else "")
    with quiet():
        return AssessmentReport(_document(said, _whole_header(origin.path), origin, right))


def _result(path: Path | str) -> Origin:
    found = origin_of(Path(path))
    kinds = ("SEG", "SR")
    if isinstance(found, Origin) and text(found.header, "Modality") in kinds:
        return found
    what = found.kind if isinstance(found, Origin) else f"{found.kind} by {found.maker or 'others'}"
    raise InputError(
        f"{path}, which is {plain(what)}",
        "a segmentation or a report that IODeep made",
        "name the result that is assessed",
    )


def _correction(path: Path | str, of: Origin, verdict: Verdict) -> Origin:
    found = _result(path)
    wrong = ""
    if verdict is not Verdict.AMENDED:
        wrong = f"a correction of what is {verdict}"
    elif found.sop_uid == of.sop_uid:
        wrong = "a result as its own correction"
    elif found.study_uid != of.study_uid:
        wrong = "a correction in another study"
    if wrong:
        wanted = "a corrected segmentation of the same study, of a result that is amended"
        raise UsageError(wrong, wanted, "leave it out, or name another one")
    return found


def _whole_header(path: Path) -> Dataset:
    with open_regular(path) as stream:
        return read_header(stream)


def _name(by: str) -> str:
    """As highdicom and DICOM have it: with a caret, with five parts and 64 characters at most."""
    kept = plain("".join(c for c in by if c not in "\\=")).strip()
    parts = kept.split("^")
    name = "^".join([*parts[:_MOST_CARETS], " ".join(parts[_MOST_CARETS:])]).rstrip("^ ")
    name = name[: _LONGEST_NAME - 1].strip()
    return name if "^" in name else f"{name}^"


def _document(said: Assessment, header: Dataset, of: Origin, right: Origin | None) -> Dataset:
    import highdicom as hd

    by, when = _network(of), said.when
    with suppress(ValueError):  # the time zone of the object, which is that of the images
        zone = text(source_images.time_zone(header), "TimezoneOffsetFromUTC")
        when = when.astimezone(datetime.strptime(zone, "%z").tzinfo)
    date, time = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
    what = f"{by.version} {said.verdict}"
    title = shortened(by.title, LONGEST_LO - len(f" {what}"))
    root = hd.sr.ContainerContentItem(concept(v.ASSESSMENT_TITLE), template_id="1500")
    root.ContentSequence = hd.sr.ContentSequence()
    equipment = [network_equipment(by, "what is assessed")] if by.network_digest else None
    sr = hd.sr.ComprehensiveSR(
        evidence=[stand_in_for(header)],
        content=root,
        series_instance_uid=NO_UID,
        series_number=source_images.series_number(header, source_images.ASSESSMENT_OFFSET),
        sop_instance_uid=NO_UID,
        instance_number=1,
        manufacturer=SOFTWARE,
        manufacturer_model_name=SOFTWARE,
        software_versions=software_versions(by),
        device_serial_number=of.card_uid,
        is_complete=True,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=equipment,
        series_description=f"{title} {what}",
        content_date=date,
        content_time=time,
        series_date=date,
        series_time=time,
    )
    dataset = document_of(sr, header)
    objects = [_stored(one) for one in (of, right) if one is not None]
    _refer(dataset, objects)
    dataset.ContentSequence = _content(said, objects)
    digest = hashlib.sha256(encoded(dataset)).hexdigest()
    dataset.SOPInstanceUID = derived_uid("assessment", digest)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SeriesInstanceUID = derived_uid("assessment series", digest)
    return dataset


def _content(said: Assessment, objects: list[StoredObject]) -> Any:
    """Language, observer, procedure, and the verdict with what it is about. (TID 1500)"""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    person = hd.sr.PersonObserverIdentifyingAttributes(name=said.by)
    observer = hd.sr.ObserverContext(codes.DCM.Person, person)
    verdict = hd.sr.CodeContentItem(
        concept(v.VERDICT), concept(v.VERDICTS[said.verdict]), "CONTAINS"
    )
    verdict.add(DataElement("ObservationDateTime", "DT", said.when.strftime(_MOMENT)))
    details = [_reference(*pair) for pair in zip((v.ASSESSED, v.CORRECTION), objects, strict=False)]
    if said.reason:
        details.append(hd.sr.TextContentItem(concept(v.WHY), said.reason, "HAS PROPERTIES"))
    verdict.ContentSequence = hd.sr.ContentSequence(details)
    container = hd.sr.ContainerContentItem(concept(v.EVALUATIONS), relationship_type="CONTAINS")
    container.ContentSequence = hd.sr.ContentSequence([verdict])
    return hd.sr.ContentSequence(
        [
            *hd.sr.LanguageOfContentItemAndDescendants(concept(LANGUAGE)),
            *hd.sr.ObservationContext(observer_person_context=observer),
            hd.sr.CodeContentItem(
                codes.DCM.ProcedureReported, concept(ANY_PROCEDURE), "HAS CONCEPT MOD"
            ),
            container,
        ]
    )


def _reference(name: Any, stored: StoredObject) -> Any:
    """A SEG is an image; a report is none."""
    import highdicom as hd

    is_report = stored.sop_class in _REPORTS
    kind: Any = hd.sr.CompositeContentItem if is_report else hd.sr.ImageContentItem
    return kind(
        concept(name), stored.sop_class, stored.sop_instance_uid, relationship_type="HAS PROPERTIES"
    )


def _refer(dataset: Dataset, objects: list[StoredObject]) -> None:
    """List them as evidence, all of one study. (PS3.3 section C.17.2)"""
    dataset.pop("PertinentOtherEvidenceSequence", None)  # what stood in
    study = objects[0].study_reference()
    for one in objects[1:]:
        study.ReferencedSeriesSequence.extend(one.study_reference().ReferencedSeriesSequence)
    dataset.CurrentRequestedProcedureEvidenceSequence = [study]


def _stored(one: Origin) -> StoredObject:
    return StoredObject(one.study_uid, one.series_uid, one.sop_uid, text(one.header, "SOPClassUID"))


def _network(of: Origin) -> Provenance:
    """The network, as far as its result says."""
    name, _, version = of.label.partition("@")
    return Provenance(
        title=of.title or name or "A network",
        name=name,
        version=version,
        publisher=of.publisher,
        model_uid="",
        card_sop_instance_uid=of.card_uid,
        card_series_instance_uid="",
        card_study_instance_uid="",
        network_digest=of.network_sha256,
        weights_digest=of.weights_sha256,
        runtime="",
        provider="",
    )
