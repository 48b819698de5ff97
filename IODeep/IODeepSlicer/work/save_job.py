"""What the process that makes DICOM objects is given, and what it gives back: files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from IODeepSlicer.work.json_file import readJson, writeJson
from IODeepSlicer.work.segments_job import readSegments

_JOB, _MADE, _OBJECTS = "save.json", "made.json", "objects"


@dataclass(frozen=True)
class AssessmentJob:
    """What somebody said of a result, to be a DICOM SR.

    Attributes:
        verdict: what was decided, in the library's word.
        by: who, as DICOM has names.
        when: date and time as ISO 8601 has it.
        reason: why.
        assessed: the file of what it is of; None for what the same job makes, or `now`.
    """

    verdict: str
    by: str
    when: str
    reason: str
    assessed: Path | None = None


@dataclass(frozen=True)
class SaveJob:
    """A result that is to be DICOM objects; segments come beside it, see `segments_job`.

    Attributes:
        assessments: what people said of it, or of what it was.
        now: the file of the result as it is, where it was saved already: only `assessments` are
            made then.
        provenance: the `Provenance` of the result.
        reasons: why this network, a sentence each.
        files, slices: of the series on which the result lies, and how many slices that has.
        others: the same of the further series that the network read.
        known: the `Circumstances` of segments; None for a judgment.
        judgment: the `Classification` of a network that judges the whole image, or None.
        task: of that network, in the recipe's word.
    """

    assessments: Sequence[AssessmentJob] = ()
    now: Path | None = None
    provenance: Any = None
    reasons: Sequence[str] = ()
    files: Sequence[Path] = ()
    slices: int = 0
    others: Sequence[tuple[list[Path], int]] = ()
    known: Any = None
    judgment: Any = None
    task: str = ""


def writeSaveJob(folder: Path, job: SaveJob) -> None:
    """Put `job` into `folder`."""
    writeJson(folder / _JOB, job)


def makeObjects(folder: Path) -> None:
    """Do the job in `folder`.

    Raises:
        ImageError: the files are another series, or cannot be referred to.
    """
    job: SaveJob = readJson(folder / _JOB, SaveJob)
    (folder / _OBJECTS).mkdir()
    written = [] if job.now is not None else [_save(folder, one) for one in _made(folder, job)]
    now = job.now or written[0]
    written += [_save(folder, _assessment(each, now)) for each in job.assessments]
    writeJson(folder / _MADE, written)


def _save(folder: Path, one: Any) -> Path:
    path = folder / _OBJECTS / f"{one.sop_instance_uid}.dcm"
    one.save(path)
    return path


def _made(folder: Path, job: SaveJob) -> list[Any]:
    """The SEG, if there is one, and the report."""
    from msgspec import convert

    from IODeepLib.inference.classification import Classification
    from IODeepLib.recipe import Task
    from IODeepLib.results import Provenance
    from IODeepLib.results.in_layers import Circumstances
    from IODeepLib.results.objects_of_layers import objects_of_layers
    from IODeepLib.results.sr import report_judgment

    provenance = convert(job.provenance, Provenance)
    series = _series(job.files, job.slices)
    others = [_series(files, slices) for files, slices in job.others]
    if job.judgment is not None:
        found, task = convert(job.judgment, Classification), Task(job.task)
        how: Any = {"others": others, "reasons": job.reasons}
        return [report_judgment(found, task, series, provenance, **how)]
    image, layers, segments = readSegments(folder)
    known = convert(job.known, Circumstances)
    made = objects_of_layers(
        layers, segments, image, series, provenance, known, others, job.reasons
    )
    return [one for one in made if one is not None]


def _assessment(job: AssessmentJob, now: Path) -> Any:
    """What is amended was something else before; what it is now is right instead."""
    from IODeepLib.results.assessment import Verdict, make_assessment

    verdict = Verdict(job.verdict)
    return make_assessment(
        job.assessed or now,
        verdict,
        by=job.by,
        when=datetime.fromisoformat(job.when),
        reason=job.reason,
        correction=now if verdict is Verdict.AMENDED else None,
    )


def madeFiles(folder: Path) -> list[Path]:
    """What `makeObjects` wrote: the SEG, if there is one, the report, and the assessments.

    Each file has its SOP Instance UID for a name.
    """
    return readJson(folder / _MADE, list[Path])


def _series(files: Sequence[Path], slices: int) -> Any:
    from IODeepLib.errors import ImageError
    from IODeepLib.series import find_series

    for part in find_series(list(files)):
        if len(part.frames) == slices:
            return part
    raise ImageError(
        f"files of the image that make no volume of {slices} slices",
        "the files of the image as they were when it was loaded",
        "load the image again, and run again",
    )
