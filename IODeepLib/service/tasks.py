"""What a process of its own is told to do, and what it says: JSON in the folder that it works in.

task.json       what to do
found.json      of a look: the decisions
result/         of a run: the files of the result
outputs.json    of a run: those that are to be stored, in order
failure.json    why there is none of it
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from IODeepLib.disk.files import whole_file
from IODeepLib.errors import IODeepError, OutputError, SourceError
from IODeepLib.service.jobs import Output
from IODeepLib.service.settings import Product, ServiceSettings
from IODeepLib.sources.archive import TransientError
from IODeepLib.text.json_text import parse_json
from IODeepLib.text.records import Many, Record, dump, parse

TASK, FOUND, OUTPUTS, FAILURE = "task.json", "found.json", "outputs.json", "failure.json"
RESULT = "result"


class Look(Record, tag_field="task", tag="look"):
    """Look at a study: which models are run on which of its series.

    Attributes:
        settings: of the service.
        study: Study Instance UID.
        images: the folder that its images go into, which does not exist yet.
        received: the folders with those that others have sent, a series each.
    """

    settings: ServiceSettings
    study: str
    images: str
    received: Many[str] = ()


class Run(Record, tag_field="task", tag="run"):
    """Run a model on a series.

    Attributes:
        settings: of the service.
        study, series, volume, content, model: see `Job`.
        products: what of the result is to be stored.
        replaces: the result whose place it takes.
        job: the UID of the job.
        images: the folders in which the images may lie already.
    """

    settings: ServiceSettings
    study: str
    series: str
    volume: str
    content: str
    model: str
    products: Many[Product]
    images: Many[str]
    replaces: Many[Output] = ()
    job: str = ""


class Failure(Record):
    """Why nothing came of a task.

    Attributes:
        reason: the error, in one line.
        kind: of which kind it is.
        passes: whether it may go well when it is tried again.
        refused: whether it is likely not to, all the same.
    """

    reason: str
    kind: str
    passes: bool = False
    refused: bool = False


def failure_of(error: IODeepError) -> Failure:
    """What follows from an error."""
    kind = type(error).__name__
    if isinstance(error, SourceError):
        return Failure(str(error), kind, True, not isinstance(error, TransientError))
    return Failure(str(error), kind, isinstance(error, OutputError))  # a disk that is full


def write_json(path: Path, value: Any) -> None:
    """Write a record, or a list of such, whole and onto the disk."""
    plain = [dump(one) for one in value] if isinstance(value, list) else dump(value)
    with whole_file(path) as new:
        new.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path, kind: Any) -> Any:
    """What `write_json` wrote.

    Raises:
        ValueError: it is something else.
        OSError: it is not there.
    """
    return parse(kind, parse_json(path.read_text(encoding="utf-8")), exact=True)
