"""What became of the studies: a file with a line of JSON for each, of which every one is whole.

A line is written in one piece and onto the disk before anything else is done. What a power failure
may have left behind the last whole line goes when the file is opened; so do former lines on a study
that was done again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from IODeepLib.batch.terms import Outcome, StudyRecord, from_line, to_line
from IODeepLib.disk.files import whole_file, writing

_log = logging.getLogger(__name__)


class Records:
    """The file, made where it is missing; for one process at a time.

    Attributes:
        known: of each study what it had when it was last read, and what came of it.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, tuple[str, Outcome]] = {}
        self.tidy()

    def __iter__(self) -> Iterator[StudyRecord]:
        """All of them, read from the file one by one."""
        if self._path.exists():
            with self._path.open("rb") as file:
                for line in file:
                    if (record := _read(line)) is not None:
                        yield record

    def add(self, record: StudyRecord) -> None:
        """Remember what became of a study.

        Raises:
            OutputError: it cannot be written; the file is as it was before.
        """
        line = f"{to_line(record)}\n".encode("ascii")
        with writing(self._path), self._path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                while line:
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
        self.known[record.study] = record.content, record.outcome

    def tidy(self) -> None:
        """Leave one line for each study, the last one on it.

        Raises:
            OutputError: the file cannot be written.
        """
        last: dict[str, int] = {}
        self.known, lines = {}, 0
        for lines, record in enumerate(self._each_line(), 1):
            if record is not None:
                last[record.study] = lines
                self.known[record.study] = record.content, record.outcome
        if lines == len(last):
            return
        keep = set(last.values())
        with whole_file(self._path) as new, new.open("wb") as kept, self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number in keep:
                    kept.write(line)

    def _each_line(self) -> Iterator[StudyRecord | None]:
        if self._path.exists():
            with self._path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    record = _read(line)
                    if record is None:
                        _log.warning("line %d of %s is no record", number, self._path)
                    yield record


def _read(line: bytes) -> StudyRecord | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record: StudyRecord = from_line(StudyRecord, line)
    except (ValueError, json.JSONDecodeError):
        return None
    return record
