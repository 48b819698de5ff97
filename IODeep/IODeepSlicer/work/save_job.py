"""What the process that makes DICOM objects is given, and what it gives back: files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IODeepSlicer.work.json_file import readJson, writeJson
from IODeepSlicer.work.segments_job import readSegments

_JOB, _MADE, _OBJECTS = "save.json", "made.json", "objects"


@dataclass(frozen=True)
class SaveJob:
    """A result that is to be DICOM objects; segments come beside it, see `segments_job`.

    Attributes:
        provenance: the `Provenance` of the result.
        reasons: why this network, a sentence each.
        files, slices: of the series on which the result lies, and how many slices that has.
        others: the same of the further series that the network read.
        known: the `Circumstances` of segments; None for a judgment.
        judgment: the `Classification` of a network that judges the whole image, or None.
        task: of that network, in the recipe's word.
    """

    provenance: Any
    reasons: Sequence[str]
    files: Sequence[Path]
    slices: int
    others: Sequence[tuple[list[Path], int]]
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
    from msgspec import convert

    from IODeepLib.inference.classification import Classification
    from IODeepLib.recipe import Task
    from IODeepLib.results import Provenance
    from IODeepLib.results.in_layers import Circumstances
    from IODeepLib.results.objects_of_layers import objects_of_layers
    from IODeepLib.results.sr import report_judgment

    job: SaveJob = readJson(folder / _JOB, SaveJob)
    provenance = convert(job.provenance, Provenance)
    series = _series(job.files, job.slices)
    others = [_series(files, slices) for files, slices in job.others]
    if job.judgment is not None:
        found, task = convert(job.judgment, Classification), Task(job.task)
        made: Sequence[Any] = [
            report_judgment(found, task, series, provenance, others=others, reasons=job.reasons)
        ]
    else:
        image, layers, segments = readSegments(folder)
        known = convert(job.known, Circumstances)
        made = objects_of_layers(
            layers, segments, image, series, provenance, known, others, job.reasons
        )
    (folder / _OBJECTS).mkdir()
    written = []
    for one in made:
        if one is not None:
            written.append(folder / _OBJECTS / f"{one.sop_instance_uid}.dcm")
            one.save(written[-1])
    writeJson(folder / _MADE, written)


def madeFiles(folder: Path) -> list[Path]:
    """What `makeObjects` wrote: the SEG, if there is one, and the report.

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
