"""What became of studies is remembered, whatever happened to the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from IODeepLib.batch.records import Records
from IODeepLib.batch.terms import Outcome, Run, StudyRecord, Trouble
from IODeepLib.errors import OutputError

MEASURED = (("Liver", "volume", 2.5, "mL"),)
RUN = Run("1.2.3.4", "echo 2", "liver@1.0.0", "2.25.7", "run-1", 1.5, MEASURED)


def record(study: str, content: str = "a", outcome: Outcome = Outcome.DONE) -> StudyRecord:
    trouble = Trouble("ImageError", "of Müller\n\x1b[2J", "no image")
    return StudyRecord(study, content, outcome, "2026-01-01", 2.0, (RUN,), (trouble,))


def test_what_was_said_comes_back(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.jsonl")
    added = [record("1.2"), record("1.3", outcome=Outcome.FAILED)]
    for one in added:
        records.add(one)
    again = Records(tmp_path / "records.jsonl")
    assert list(again) == added
    assert (
        again.known
        == records.known
        == {
            "1.2": ("a", Outcome.DONE),
            "1.3": ("a", Outcome.FAILED),
        }
    )


def test_the_last_word_on_a_study_counts(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.jsonl")
    for one in (record("1.2"), record("1.3"), record("1.2", "b", Outcome.FAILED)):
        records.add(one)
    records.tidy()
    assert list(records) == [record("1.3"), record("1.2", "b", Outcome.FAILED)]
    assert records.known["1.2"] == ("b", Outcome.FAILED)


@pytest.mark.parametrize("left", [b'{"study":"1.', b'{"study":"1.4"}\n', b"\0\0\0\0", b"[]\n"])
def test_what_is_no_whole_line_goes(left: bytes, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    Records(path).add(record("1.2"))
    with path.open("ab") as file:
        file.write(left)
    records = Records(path)
    records.add(record("1.3"))
    assert list(Records(path)) == [record("1.2"), record("1.3")]
    assert len(path.read_bytes().splitlines()) == 2


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "records.jsonl"
    records = Records(path)
    records.add(record("1.2"))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, pytest.raises(OutputError, match="No space left"):
        patched.setattr(os, "fsync", full)
        records.add(record("1.3"))
    assert list(Records(path)) == [record("1.2")]
    assert "1.3" not in records.known
