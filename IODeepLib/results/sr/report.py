"""What was found as a measurement report: DICOM SR by PS3.16 TID 1500, through highdicom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from IODeepLib.codes import Code
from IODeepLib.headers import quiet
from IODeepLib.inference.classification import Classification
from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.measurements import Measurements
from IODeepLib.recipe import Task
from IODeepLib.results import source_images
from IODeepLib.results.concepts import ILLUSTRATION, concept
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.edit import Edit
from IODeepLib.results.provenance import (
    SOFTWARE,
    SOFTWARE_VERSION,
    Provenance,
)
from IODeepLib.results.seg import Seg
from IODeepLib.results.sr.document import SrType, document
from IODeepLib.results.sr.groups import Reported, judgment_groups, not_found, segment_groups
from IODeepLib.results.sr.library import image_library
from IODeepLib.results.sr.words import evaluations
from IODeepLib.results.stored_object import StoredObject
from IODeepLib.series import ImageSeries

_TITLE = Code("126000", "DCM", "Imaging Measurement Report")  # CID 7021
LANGUAGE = Code("en-US", "RFC5646", "English (United States)")
# Quantitative Diagnostic Imaging Procedures, CID 100, by the modality of the images.
_PROCEDURES = {
    "CT": Code("25045-6", "LN", "CT unspecified body region"),
    "MR": Code("25056-3", "LN", "MRI unspecified body region"),
    "PT": Code("44136-0", "LN", "PET unspecified body region"),
    "NM": Code("49118-3", "LN", "NM unspecified body region"),
}
ANY_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")


@dataclass(frozen=True, slots=True, eq=False)
class Report(DicomObject):
    """A DICOM SR."""


def report_segments(
    measurements: Measurements,
    series: ImageSeries,
    provenance: Provenance,
    seg: Seg | None,
    *,
    others: Sequence[ImageSeries] = (),
    reasons: Iterable[str] = (),
    confidence: Mapping[str, SegmentConfidence] | None = None,
    probabilities: DicomObject | None = None,
    edit: Edit | None = None,
    sr_type: SrType = SrType.COMPREHENSIVE,
    replaces: StoredObject | None = None,
    pictures: Sequence[DicomObject] = (),
) -> Report:
    """A DICOM SR of what was measured of segments.

    Args:
        measurements: of all labels that were looked for.
        series: the images on which the segments lie.
        provenance: what found them.
        seg: the SEG that has them, the only one that the report speaks of; None if none was found.
        others: further series that the network read.
        reasons: why this network, a sentence each.
        confidence: how sure the network is of each segment, by the name of its label.
        probabilities: the map that says it of each voxel.
        edit: what people changed, as `make_seg` was told.
        sr_type: COMPREHENSIVE or COMPREHENSIVE_3D.
        replaces: the stored report whose place it takes, see `replaced`.
        pictures: images in the study that show what was found.

    Raises:
        ImageError: the images lack UIDs to refer to.
    """
    images = _checked(series, others)
    reported = Reported(images, provenance, edit or Edit())
    segments = () if seg is None else seg.segments
    names = {label.value: label.name for _, label in segments}
    labels = [one.label for one in measurements.segments]
    missing = [label for label in labels if label.value not in names]
    summary = [f"Found: {', '.join(names.values()) or 'nothing'}"]
    if missing:
        summary.append(f"Looked for and not found: {', '.join(x.name for x in missing)}")
    if edit is not None:
        summary += edit.sentences(names)
    with quiet():
        groups = (
            []
            if seg is None
            else segment_groups(
                measurements, seg, reported, series.modality, confidence or {}, probabilities
            )
        )
        codes = [not_found(label, reported) for label in missing]
        words = evaluations(summary, codes, reasons, provenance)
        how: Any = {"edited": edit is not None, "replaces": replaces, "pictures": pictures}
        made = [one for one in (seg, probabilities) if one is not None and seg is not None]
        return _report(list(groups), words, reported, made, sr_type, **how)


def report_judgment(
    found: Classification,
    task: Task,
    series: ImageSeries,
    provenance: Provenance,
    *,
    others: Sequence[ImageSeries] = (),
    reasons: Iterable[str] = (),
    sr_type: SrType = SrType.COMPREHENSIVE,
    replaces: StoredObject | None = None,
    pictures: Sequence[DicomObject] = (),
) -> Report:
    """A DICOM SR of what a classification or a regression says of the images.

    Args:
        found: what it says.
        task: CLASSIFICATION or REGRESSION.
        series, provenance, others, reasons, sr_type, replaces, pictures: as `report_segments` has
            them.

    Raises:
        ImageError: the images lack UIDs to refer to.
    """
    images = _checked(series, others)
    reported = Reported(images, provenance, Edit())
    summary = []
    if task is Task.CLASSIFICATION:
        chosen = ", ".join(label.name for label in found.chosen)
        summary.append(f"The image has: {chosen or 'none of the classes'}")
    with quiet():
        groups = list(judgment_groups(found, task, reported))
        words = evaluations(summary, (), reasons, provenance)
        how: Any = {"replaces": replaces, "pictures": pictures}
        return _report(groups, words, reported, [], sr_type, **how)


def _checked(series: ImageSeries, others: Sequence[ImageSeries]) -> tuple[ImageSeries, ...]:
    images = series, *others
    for one in images:
        obstacle = source_images.identity_obstacle(one)
        if obstacle is not None:
            raise obstacle
    return images


def _report(
    groups: Sequence[Any],
    words: Any,
    reported: Reported,
    made: Sequence[DicomObject],
    sr_type: SrType,
    *,
    edited: bool = False,
    replaces: StoredObject | None = None,
    pictures: Sequence[DicomObject] = (),
) -> Report:
    content = _content(groups, words, reported, pictures)
    made = [*made, *pictures]
    return Report(document(content, reported, sr_type, made, edited=edited, replaces=replaces))


def _content(
    groups: Sequence[Any], words: Any, reported: Reported, pictures: Sequence[DicomObject]
) -> Any:
    """The root of the content: language, observer, procedure, images, pictures, groups, words.

    Put together here, for `MeasurementReport` of highdicom wants a group and an image library of
    its own; it reads what this gives.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    procedure = _PROCEDURES.get(reported.series[0].modality, ANY_PROCEDURE)
    items: list[Any] = [
        *hd.sr.LanguageOfContentItemAndDescendants(concept(LANGUAGE)),
        *_observer(reported.provenance),
        hd.sr.CodeContentItem(codes.DCM.ProcedureReported, concept(procedure), "HAS CONCEPT MOD"),
        image_library(reported.series),
        *map(_picture, pictures),
    ]
    if groups:
        name: Any = codes.DCM.ImagingMeasurements
        measured = hd.sr.ContainerContentItem(name, relationship_type="CONTAINS")
        measured.ContentSequence = hd.sr.ContentSequence([i for group in groups for i in group])
        items.append(measured)
    root = hd.sr.ContainerContentItem(concept(_TITLE), template_id="1500")
    root.ContentSequence = hd.sr.ContentSequence([*items, words])
    return root


def _picture(one: DicomObject) -> Any:
    """An image that shows what was found; the template may be extended by it. (TID 1500)"""
    import highdicom as hd

    what = one.dataset.SOPClassUID, one.sop_instance_uid
    return hd.sr.ImageContentItem(concept(ILLUSTRATION), *what, relationship_type="CONTAINS")


def _observer(by: Provenance) -> Any:
    """The network is the observer, by the UID of its card; no person is. (TID 1001)"""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=by.card_sop_instance_uid,
        name=f"{by.title} {by.version}",
        manufacturer_name=by.publisher,
        model_name=f"{SOFTWARE} {SOFTWARE_VERSION}",
        serial_number=by.label,
    )
    observer = hd.sr.ObserverContext(codes.DCM.Device, device)
    return hd.sr.ObservationContext(observer_device_context=observer)
