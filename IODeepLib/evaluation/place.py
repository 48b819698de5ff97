"""The folder of an evaluation.

    asked.json            what is asked for; another question has another folder
    cases.jsonl           the figures of each model and case, as they are done
    evaluation.json       all of it, see `records`
    measurements.csv      the same as a table; comparison.csv: of two models
    worst/                pictures of the worst cases
    report.html           the page

One process at a time works there. What is done is done: a call that was killed goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from IODeepLib.disk import work_folder
from IODeepLib.disk.files import whole_file, writing
from IODeepLib.errors import OutputError
from IODeepLib.evaluation.records import Failure, Figures, Key
from IODeepLib.results.origin.parameters import Digest
from IODeepLib.text.records import Record, dump, parse

_ASKED, _CASES = "asked.json", "cases.jsonl"
RESULT, TABLE, COMPARISON = "evaluation.json", "measurements.csv", "comparison.csv"
PAGE, WORST = "report.html", "worst"


class Done(Record):
    """What one model did on one case."""

    network_sha256: Digest
    case: Key
    figures: Annotated[tuple[Figures, ...], Meta(max_length=65_535)] = ()
    failure: Failure | None = None


@contextmanager
def at_work_in(folder: Path, asked: dict[str, Any]) -> Iterator[None]:
    """A block in which nobody else works in the folder, made where it is missing.

    Raises:
        OutputError: somebody else does, it holds something else, or it cannot be written.
    """
    with work_folder.at_work_in(folder, "evaluation", _ASKED):
        _check_same(folder / _ASKED, asked)
        yield


def _check_same(path: Path, asked: dict[str, Any]) -> None:
    words = json.dumps(asked, indent=1, sort_keys=True) + "\n"
    if not path.is_file():
        with whole_file(path) as new:
            new.write_text(words, encoding="utf-8", newline="\n")
    elif path.read_bytes() != words.encode():
        raise OutputError(
            f"{path.parent} holds an evaluation of other models, cases or options",
            "the same ones",
            "choose another folder",
        )


class Kept:
    """What is done of an evaluation: each line of a file is whole, or counts as not there.

    Args:
        folder: its folder; None to keep it in memory alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _CASES
        self.done: dict[tuple[str, str], Done] = {}
        if self._path is None or not self._path.exists():
            return
        lines = self._path.read_bytes().splitlines(keepends=True)
        for line in lines:
            one = _read(line)
            if one is not None:
                self.done[one.network_sha256, one.case] = one
        if lines and not lines[-1].endswith(b"\n"):  # half written as somebody was killed
            with writing(self._path), self._path.open("r+b") as file:
                file.truncate(sum(map(len, lines[:-1])))

    def add(self, one: Done) -> None:
        """Remember it.

        Raises:
            OutputError: it cannot be written.
        """
        self.done[one.network_sha256, one.case] = one
        if self._path is None:
            return
        with writing(self._path), self._path.open("ab") as file:
            file.write(json.dumps(dump(one), separators=(",", ":")).encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _read(line: bytes) -> Done | None:
    try:
        one: Done = parse(Done, json.loads(line), exact=True)
    except ValueError:
        return None
    return one if line.endswith(b"\n") else None
