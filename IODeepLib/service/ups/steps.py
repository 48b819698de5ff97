"""A job as a procedure step: its attributes (PS3.3 section C.30, PS3.4 table CC.2.5-3).

Whose images they are the queue does not know, so that patients are left empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag, Tag

from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Output
from IODeepLib.service.settings import Priority
from IODeepLib.service.states import State, UpsState
from IODeepLib.service.ups.attributes import to_json
from IODeepLib.service.ups.found import Found
from IODeepLib.service.ups.refusals import UPS_PUSH
from IODeepLib.sources.pacs import PacsSource

SCHEME = "99IODEEP"
MODEL = "MODEL"  # a code in it: the network that is to be run
TO_BE_CHOSEN = "a model that is to be chosen"
_MOST_KINDS = 1000  # of jobs, by model and priority
LONGEST_LABEL, _LONGEST_CODE = 64, 16  # characters, of an LO and an SH
_WORK = ("110001", "DCM", "Image Processing")  # PS3.16 CID 9231
_DISCONTINUED = ("110513", "DCM", "Discontinued for unspecified reason")  # CID 9300
_EMPTY = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AdmissionID")
_EMPTY_SEQUENCES = (
    *("IssuerOfAdmissionIDSequence", "ReferencedRequestSequence", "OtherPatientIDsSequence"),
    *("ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence"),
)


@dataclass(frozen=True, slots=True)
class Performer:
    """Who performs steps.

    Attributes:
        station: the code value that stands for it.
        title, address: where results can be fetched: an AE title, or an address of DICOMweb.
    """

    station: str
    title: str = ""
    address: str = ""

    @classmethod
    def of(cls, station: str, source: PacsSource) -> Performer:
        """The service that stores results in this PACS."""
        if "://" in source.name:
            return cls(station, address=source.name)
        return cls(station, title=source.name.partition("@")[0])


@cache
def of_all(performer: Performer) -> Dataset:
    """What all jobs have alike, which nobody changes."""
    step = Dataset()
    for keyword in _EMPTY:
        setattr(step, keyword, None)
    for keyword in _EMPTY_SEQUENCES:
        setattr(step, keyword, [])
    step.WorklistLabel = "IODeep"
    step.ScheduledStationNameCodeSequence = [station_code(performer)]
    step.InputReadinessState = "READY"
    step.ScheduledWorkitemCodeSequence = [code(*_WORK)]
    step.ProcedureStepProgressInformationSequence = []
    step.UnifiedProcedureStepPerformedProcedureSequence = []
    return step


@lru_cache(_MOST_KINDS)
def _of_many(performer: Performer, label: str, priority: int) -> tuple[Dataset, dict[str, Any]]:
    """What jobs have alike that run a model with a priority; and the same in JSON."""
    step = Dataset()
    step.update(of_all(performer))
    step.ScheduledProcedureStepPriority = _priority(priority)
    step.ProcedureStepLabel = (label or TO_BE_CHOSEN)[:LONGEST_LABEL]
    step.ScheduledProcessingParametersSequence = [_model(label)] if label else []
    return step, to_json(step)


def step_of(job: Job, outputs: Iterable[Output], performer: Performer) -> Found:
    """The procedure step that a job is."""
    decoded, rest = _of_many(performer, job.label, job.priority)
    step = _item(
        SOPClassUID=UPS_PUSH,
        SOPInstanceUID=job.uid,
        ProcedureStepState=job.ups_state.value,
        ScheduledProcedureStepStartDateTime=date_time(job.created),
        InputInformationSequence=[_reference(job.study, job.series, [], performer)],
        # PS3.3 section C.30.4
        **{"ReplacedProcedureStepSequence": [_instance(UPS_PUSH, job.former)]}
        if job.former
        else {},
    )
    if job.started is not None or job.state.is_final:
        performed(step, [job], {job.uid: list(outputs)}, performer)
    return Found(step, rest, decoded)


def named(step: Dataset, uid: str, state: UpsState) -> None:
    """Let a step say which it is, and in which state."""
    step.SOPClassUID, step.SOPInstanceUID = UPS_PUSH, uid
    step.ProcedureStepState = state.value


def performed(
    step: Dataset,
    jobs: Sequence[Job],
    outputs: dict[str, list[Output]],
    performer: Performer,
    reason: str = "",
) -> None:
    """Let a step say how far it is, and what has come of it.

    Args:
        step: which.
        jobs: that do it.
        outputs: their results, by their UIDs.
        performer: who we are.
        reason: why it was canceled, if not for a reason that a job has.
    """
    progress = Dataset()
    if jobs:
        percent = sum(job.fraction for job in jobs) / len(jobs) * 100
        progress.ProcedureStepProgress = f"{percent:.0f}"
        words = "; ".join(filter(None, (job.message for job in jobs)))
        progress.ProcedureStepProgressDescription = words[:1024]
    if step.ProcedureStepState == UpsState.CANCELED.value:
        reasons = [job.reason for job in jobs if job.state is not State.DONE]
        ended = max(filter(None, (job.ended for job in jobs)), default=None)
        if ended is not None:
            progress.ProcedureStepCancellationDateTime = date_time(ended)
        progress.ReasonForCancellation = (reason or "; ".join(filter(None, reasons)))[:1024]
        progress.ProcedureStepDiscontinuationReasonCodeSequence = [code(*_DISCONTINUED)]
    step.ProcedureStepProgressInformationSequence = [progress] if len(progress) else []
    started = min(filter(None, (job.started for job in jobs)), default=None)
    step.UnifiedProcedureStepPerformedProcedureSequence = []
    if started is None:
        return
    done = Dataset()
    done.ActualHumanPerformersSequence = []
    done.PerformedStationNameCodeSequence = [station_code(performer)]
    done.PerformedProcedureStepStartDateTime = date_time(started)
    done.PerformedWorkitemCodeSequence = [code(*_WORK)]
    done.PerformedProcessingParametersSequence = [_model(job.label) for job in jobs if job.label]
    ended = max(filter(None, (job.ended for job in jobs)), default=None)
    done.PerformedProcedureStepEndDateTime = date_time(ended) if ended else None
    done.OutputInformationSequence = [
        reference for job in jobs for reference in _stored(job, outputs[job.uid], performer)
    ]
    step.UnifiedProcedureStepPerformedProcedureSequence = [done]


def _stored(job: Job, outputs: Sequence[Output], performer: Performer) -> list[Dataset]:
    by_series: dict[str, list[Output]] = {}
    for output in outputs:
        if output.stored is not None:
            by_series.setdefault(output.series, []).append(output)
    return [_reference(job.study, *one, performer) for one in by_series.items()]


def _reference(
    study: str, series: str, instances: Iterable[Output], performer: Performer
) -> Dataset:
    """PS3.3 table 10-3b."""
    if performer.address:
        url = f"{performer.address}/studies/{study}/series/{series}"
        retrieval = {"WADORSRetrievalSequence": [_item(RetrieveURL=url)]}
    else:
        retrieval = {"DICOMRetrievalSequence": [_item(RetrieveAETitle=performer.title)]}
    return _item(
        TypeOfInstances="DICOM",
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        ReferencedSOPSequence=[_instance(one.sop_class, one.uid) for one in instances],
        **retrieval,
    )


def _instance(sop_class: str, uid: str) -> Dataset:
    return _item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid)


def _item(**values: Any) -> Dataset:
    """A data set of texts and sequences of ours; checked by pydicom it takes four times as long."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for keyword, value in values.items():
        tag, vr = _known(keyword)
        kept = Items(value) if vr == "SQ" else value
        elements[tag] = DataElement(tag, vr, kept, already_converted=True)
    return Dataset(elements)


@cache
def _known(keyword: str) -> tuple[BaseTag, str]:
    tag = Tag(keyword)
    return tag, dictionary_VR(tag)


def station_code(performer: Performer) -> Dataset:
    """The code that stands for us."""
    return code(performer.station, SCHEME, "IODeep")


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    long = len(value) > _LONGEST_CODE
    setattr(item, "LongCodeValue" if long else "CodeValue", value)
    item.CodingSchemeDesignator, item.CodeMeaning = scheme, meaning
    return item


@cache
def _model(label: str) -> Dataset:
    item = Dataset()
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = [code(MODEL, SCHEME, "Model")]
    item.TextValue = label
    return item


def _priority(rank: int) -> str:
    return next((one.value for one in Priority if one.rank == rank), Priority.MEDIUM.value)


def date_time(iso: str) -> str:
    """A time in ISO 8601 as DICOM writes it (VR DT)."""
    return datetime.fromisoformat(iso).strftime("%Y%m%d%H%M%S.%f%z")


def now() -> str:
    """The same of now."""
    return datetime.now().astimezone().strftime("%Y%m%d%H%M%S.%f%z")
