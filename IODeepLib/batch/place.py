"""The folder of a cohort.

    batch.json            what is asked for; another question has another folder
    records.jsonl         what became of each study, see `records`
    files.db              which files are of which study, see `index`
    studies/UID/run-1/    the results of a study, as of `iodeep run`
    measurements.*        all that was measured, see `tables`
    summary.*             how it went, see `summary`

One process at a time works there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from IODeepLib.batch.terms import SCHEMA, Asked
from IODeepLib.disk import work_folder
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import OutputError
from IODeepLib.text.json_text import parse_json

_ASKED, _STUDIES = "batch.json", "studies"
_RUN = "run-"
RECORDS, FILES = "records.jsonl", "files.db"
MEASUREMENTS, SUMMARY = "measurements", "summary"


@contextmanager
def at_work_in(folder: Path, asked: Asked) -> Iterator[None]:
    """A block in which nobody else works in the folder, made where it is missing.

    Raises:
        OutputError: somebody else does, it holds something else, or it cannot be written.
    """
    with work_folder.at_work_in(folder, "batch", _ASKED):
        _check_same(folder / _ASKED, asked)
        yield


def _check_same(path: Path, asked: Asked) -> None:
    """A cohort of which one half was read by other models is none."""
    if not path.is_file():
        with whole_file(path) as new:
            said = {"schema": SCHEMA, "digest": asked.digest, "cards": sorted(asked.cards)}
            new.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        return
    try:
        former = parse_json(path.read_text(encoding="utf-8"))
        digest = former["digest"] if former["schema"] == SCHEMA else None
    except (ValueError, KeyError, TypeError):
        digest = None
    if digest != asked.digest:
        raise OutputError(
            f"{path.parent} holds a batch with other models or options",
            "the same ones (of several models: those that were in use then)",
            "choose another folder, or name the models with --model",
        )


def study_folder(folder: Path, study: str) -> Path:
    """Where the results of a study lie."""
    return folder / _STUDIES / study


def run_folder(study: Path, number: int) -> Path:
    """Where the result of the run of this number, from 1, lies in the folder of its study."""
    return study / f"{_RUN}{number}"


def forget_runs_after(study: Path, count: int) -> None:
    """Remove the results of a former state of the study that had more."""
    for folder in study.glob(f"{_RUN}*"):
        number = folder.name.removeprefix(_RUN)
        if number.isdecimal() and int(number) > count:
            shutil.rmtree(folder, ignore_errors=True)
