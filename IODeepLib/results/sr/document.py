"""The document around the content of a report: whose it is, what made it, what it refers to.

highdicom makes it, and is given the patient and the study, all checked before, so that nothing that
a source header holds can make it fail. What it would search the content for, the evidence, is known
here and put in: that search takes longer than all the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RawDataStorage

from IODeepLib.results import source_images
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.encoding import CHARACTER_SET, encoded, encoded_element
from IODeepLib.results.equipment import network_equipment, software_versions
from IODeepLib.results.provenance import SOFTWARE, shortened
from IODeepLib.results.segments import LONGEST_LO
from IODeepLib.results.sr.groups import Reported
from IODeepLib.results.sr.quantities import PRIVATE_SCHEME
from IODeepLib.results.stand_in import NO_UID, stand_in
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.text.derived_uids import derived_uid


class SrType(StrEnum):
    """The kind of DICOM SR; both hold the same, and few senders offer the second one.

    PS3.3 sections A.35.3 and A.35.13.
    """

    COMPREHENSIVE = "COMPREHENSIVE"
    COMPREHENSIVE_3D = "COMPREHENSIVE_3D"


def document(
    content: Any,
    reported: Reported,
    sr_type: SrType,
    made: Sequence[DicomObject],
    *,
    edited: bool,
    replaces: StoredObject | None = None,
) -> Dataset:
    """An SR with file meta information.

    Args:
        content: the root of its content.
        reported: what it is of.
        sr_type: which of the two.
        made: what the content refers to beside the images, of the same study: the SEG, a map.
        edited: whether people changed what it is of.
        replaces: the report whose place it takes.
    """
    dataset = _around(content, reported, sr_type, edited=edited)
    _refer(dataset, reported, made)
    if replaces is not None:  # PS3.3 section C.17.2
        dataset.PredecessorDocumentsSequence = [replaces.study_reference()]
    body = encoded_element("ContentSequence", content.ContentSequence)
    digest = hashlib.sha256(encoded(dataset))
    digest.update(body.value or b"")
    dataset.SOPInstanceUID = derived_uid("report", digest.hexdigest())
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SeriesInstanceUID = derived_uid("report series", digest.hexdigest())
    dataset[body.tag] = body
    # Now all is as it will stand in the file: what is encoded already goes out as it is.
    dataset.set_original_encoding(False, True, convert_encodings(CHARACTER_SET))
    return dataset


def _around(content: Any, reported: Reported, sr_type: SrType, *, edited: bool) -> Dataset:
    """Everything that highdicom makes around a content, given the root of it alone."""
    import highdicom as hd

    series, by = reported.series[0], reported.provenance
    date, time = source_images.content_time(series.header)
    what = f"{by.version} report" + (", edited" if edited else "")
    room = LONGEST_LO - len(f" {what}")
    offset = source_images.EDITED_REPORT_OFFSET if edited else source_images.REPORT_OFFSET
    kinds: dict[SrType, Any] = {
        SrType.COMPREHENSIVE: hd.sr.ComprehensiveSR,
        SrType.COMPREHENSIVE_3D: hd.sr.Comprehensive3DSR,
    }
    root = hd.sr.ContainerContentItem(content.name, template_id=content.template_id)
    root.ContentSequence = hd.sr.ContentSequence()
    sr = kinds[sr_type](
        evidence=[stand_in(series, placed=False)],
        content=root,
        series_instance_uid=NO_UID,
        series_number=source_images.series_number(series.header, offset),
        sop_instance_uid=NO_UID,
        instance_number=1,
        manufacturer=SOFTWARE,
        manufacturer_model_name=SOFTWARE,
        software_versions=software_versions(by),
        device_serial_number=by.card_sop_instance_uid,
        is_complete=True,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=[network_equipment(by, "what is reported", edited=edited)],
        series_description=f"{shortened(by.title, room)} {what}",
        content_date=date,
        content_time=time,
        series_date=date,
        series_time=time,
    )
    return document_of(sr, series.header)


def document_of(sr: Dataset, header: Dataset) -> Dataset:
    """A report of highdicom's with what all of ours have, and without its clock.

    Args:
        sr: as highdicom made it.
        header: of what it is about.
    """
    dataset = Dataset(sr)  # without the tables that highdicom keeps of the content
    dataset.file_meta, dataset.preamble = sr.file_meta, sr.preamble
    del dataset.InstanceCreationDate, dataset.InstanceCreationTime  # the clock, not the content
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.pop("ContributionDateTime", None)
    dataset.SpecificCharacterSet = CHARACTER_SET
    dataset.CodingSchemeIdentificationSequence = [private_scheme()]
    dataset.update(source_images.time_zone(header))
    return dataset


def private_scheme() -> Dataset:
    """Whose codes those of 99IODEEP are. (PS3.3 section C.12.1)"""
    item = Dataset()
    item.CodingSchemeDesignator = PRIVATE_SCHEME
    item.CodingSchemeName = "Codes of IODeep for what no public scheme has"
    item.CodingSchemeResponsibleOrganization = SOFTWARE
    return item


def _refer(dataset: Dataset, reported: Reported, made: Sequence[DicomObject]) -> None:
    """List the images, what was made of them and the card of the network. (PS3.3 section C.17.2)"""
    by = reported.provenance
    studies: dict[str, list[Dataset]] = {}
    for study, item in source_images.series_references(reported.series):
        studies.setdefault(study, []).append(
            _series(item.SeriesInstanceUID, item.ReferencedInstanceSequence)
        )
    for one in made:
        instance = _instance(one.dataset.SOPClassUID, one.sop_instance_uid)
        own_series = _series(one.dataset.SeriesInstanceUID, [instance])
        studies[dataset.StudyInstanceUID].append(own_series)
    card = _instance(RawDataStorage, by.card_sop_instance_uid)
    studies.setdefault(by.card_study_instance_uid, []).append(
        _series(by.card_series_instance_uid, [card])
    )
    own = studies.pop(str(dataset.StudyInstanceUID))
    dataset.CurrentRequestedProcedureEvidenceSequence = [_study(dataset.StudyInstanceUID, own)]
    if studies:
        dataset.PertinentOtherEvidenceSequence = [
            _study(uid, items) for uid, items in studies.items()
        ]


def _instance(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = uid
    return item


def _series(uid: str, instances: Sequence[Dataset]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = uid
    item.ReferencedSOPSequence = list(instances)
    return item


def _study(uid: str, series: Sequence[Dataset]) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = uid
    item.ReferencedSeriesSequence = list(series)
    return item
