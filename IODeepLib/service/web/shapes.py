"""What the API answers with, as the OpenAPI document describes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Output
from IODeepLib.service.states import State, UpsState


class ChoiceShape(BaseModel):
    """A model that a job may be done with."""

    card: str
    label: str


class JobShape(BaseModel):
    """One model on one series."""

    uid: str
    state: State
    ups_state: UpsState
    study: str
    series: str
    volume: str
    model: str
    label: str
    choices: list[ChoiceShape]
    rule: str
    products: list[str]
    priority: int
    created: str
    started: str | None
    ended: str | None
    attempts: int
    crashes: int
    fraction: float
    message: str
    reason: str
    former: str
    later: str


class JobList(BaseModel):
    """Some jobs, and behind which one the list goes on."""

    jobs: list[JobShape]
    next: str | None


class OutputShape(BaseModel):
    """An object of a result."""

    sop_class: str
    series: str
    uid: str
    stored: str | None


class RowShape(BaseModel):
    """What was measured of a segment, or said of the whole image."""

    name: str
    volume_ml: float | None
    long_axis_mm: float | None
    value: float | None


class WholeJobShape(JobShape):
    """A job with its result."""

    outputs: list[OutputShape]
    measured: list[RowShape]


class StudyShape(BaseModel):
    """A study that was seen."""

    uid: str
    state: State
    tries: int
    looked: str | None
    reason: str


class WholeStudyShape(StudyShape):
    """A study with all jobs on it."""

    jobs: list[JobShape]


class StudyList(BaseModel):
    """Some studies, and behind which one the list goes on."""

    studies: list[StudyShape]
    next: str | None


class ModelShape(BaseModel):
    """A model that the service finds."""

    card: str
    name: str
    version: str
    title: str
    publisher: str
    trust: str
    may_run: bool
    retired: str
    modalities: list[str]
    regions: list[str]
    asks: list[str]


class ModelList(BaseModel):
    """All models, and what looks like one and cannot be used."""

    models: list[ModelShape]
    problems: list[str]


class ServiceShape(BaseModel):
    """The service itself."""

    versions: dict[str, str]
    disk_free_bytes: int
    disk_total_bytes: int
    jobs: dict[State, int]
    studies: dict[State, int]


def job_shape(job: Job) -> JobShape:
    """A job as the API shows it."""
    return JobShape(**_of_job(job))


def whole_job(job: Job, outputs: Iterable[Output], measured: Iterable[RowShape]) -> WholeJobShape:
    """A job with its result, the same way."""
    objects = [
        OutputShape(sop_class=one.sop_class, series=one.series, uid=one.uid, stored=one.stored)
        for one in outputs
    ]
    return WholeJobShape(**_of_job(job), outputs=objects, measured=list(measured))


def _of_job(job: Job) -> dict[str, Any]:
    names = JobShape.model_fields.keys() - {"choices", "products"}
    shown = {name: getattr(job, name) for name in names}
    choices = [ChoiceShape(card=card, label=label) for card, label in job.choices]
    return shown | {"choices": choices, "products": list(job.products)}
