"""A cohort from end to end, by real processes: whoever dies, each study is read once."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import Answer, refused, without_times
from makers.series import save
from makers.small_studies import written_study
from pyarrow import parquet

from IODeepLib import batch
from IODeepLib.batch.place import study_folder
from IODeepLib.batch.records import Records
from IODeepLib.batch.terms import Outcome
from IODeepLib.errors import ModelError, OutputError, UsageError

PATIENCE = 120  # seconds


def records_of(out: Path) -> dict[str, tuple[Outcome, str]]:
    """Of each study what came of it, and when."""
    return {one.study: (one.outcome, one.ended) for one in Records(out / "records.jsonl")}


def objects(out: Path) -> Counter[tuple[str, str]]:
    """How many results of each modality a study has."""
    found: Counter[tuple[str, str]] = Counter()
    for path in out.glob("studies/*/*/*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        assert study_folder(out, header.StudyInstanceUID) == path.parents[1]
        found[header.StudyInstanceUID, header.Modality] += 1
    return found


def test_a_cohort(
    models: Path,
    tmp_path: Path,
    child: Callable[[str], Path],
    iodeep: Callable[..., Answer],
) -> None:
    """One process is killed in the middle of a run; then all is read again, and nothing is done."""
    source, out = tmp_path / "studies", tmp_path / "out"
    good = [written_study(source, seed) for seed in range(2)]
    other = written_study(source, 3, Modality="CT", SeriesDescription="of Secret^Name")
    empty = pydicom.dcmread(source / "0" / "000.dcm")
    empty.StudyInstanceUID, empty.SOPClassUID = "1.2.3.4", pydicom.uid.ComprehensiveSRStorage
    del empty.PixelData
    save(empty, source / "report.dcm")
    broken = written_study(source, 4)
    for path in (source / "4").iterdir():
        path.write_bytes(path.read_bytes()[:-500])
    (source / "lost.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 100)
    marks = child("dies once")

    answer = iodeep("batch", source, "--models", models, "--out", out, "--workers", 1)
    assert answer.status == 4, answer  # there are bad ones
    assert (marks / "killed").exists()
    assert "5 studies, 5 read now" in answer.out
    assert "1 DICOM file that no study is named in" in answer.out
    assert "reading with 1 process of" in answer.err
    outcomes = {study: outcome for study, (outcome, _) in records_of(out).items()}
    wanted = dict.fromkeys(good, Outcome.DONE) | {other: Outcome.NOTHING}
    assert outcomes == wanted | dict.fromkeys(["1.2.3.4", broken], Outcome.FAILED)
    reasons = {one.study: one.troubles for one in Records(out / "records.jsonl") if one.troubles}
    assert "no image" in reasons["1.2.3.4"][0].reason
    assert "damaged files" in reasons[broken][0].reason
    assert objects(out) == {(one, kind): 1 for one in good for kind in ("SEG", "SR")}
    for name in ("measurements.csv", "summary.html", "summary.txt"):
        assert "Secret" not in (out / name).read_text()
    assert (out / "summary.png").read_bytes().startswith(b"\x89PNG")

    iodeep("run", source / "0", "--models", models, "--out", tmp_path / "single")
    here = study_folder(out, good[0]) / "run-1"
    assert [one.name for one in sorted(here.iterdir())] == [
        one.name for one in sorted((tmp_path / "single").iterdir())
    ]
    for path in here.iterdir():
        single = (tmp_path / "single" / path.name).read_bytes()
        assert without_times(path.read_bytes()) == without_times(single), path.name

    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    table = parquet.read_table(out / "measurements.parquet").to_pylist()
    assert [dict(row, value=float(row["value"])) for row in rows] == table
    assert {row["study"] for row in rows} == set(good)
    said = json.loads((here / "result.json").read_text())
    volumes = {
        row["label"]: row["value"]
        for row in table
        if row["study"] == good[0] and (row["measure"], row["unit"]) == ("volume", "mL")
    }
    assert volumes == {
        one["label"]: one["volume_ml"] for one in said["measurements"]["segments"] if one["voxels"]
    }

    before = records_of(out)
    again = json.loads(
        iodeep("batch", source, "--models", models, "--out", out, "--workers", 1, "--json").out
    )
    assert (again["read_now"], again["done_before"]) == (2, 3)  # what failed is tried again
    after = records_of(out)
    assert all(after[one] == before[one] for one in [*good, other])
    assert len((out / "records.jsonl").read_text().splitlines()) == 5


def test_whoever_is_interrupted_goes_on_where_it_was(models: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "studies", tmp_path / "out"
    studies = [written_study(source, seed) for seed in range(4)]
    call = [sys.executable, "-m", "IODeepLib.cli", "batch", source, "--models", models]
    call += ["--out", out, "--workers", "1"]
    lines = out / "records.jsonl"
    with subprocess.Popen([*map(str, call)], stderr=subprocess.PIPE, text=True) as command:
        ends = time.monotonic() + PATIENCE
        while not (lines.exists() and lines.stat().st_size):
            assert command.poll() is None and time.monotonic() < ends
            time.sleep(0.01)
        command.send_signal(signal.SIGINT)
        _, said = command.communicate()
    assert command.returncode == 130, said
    assert said.strip().endswith("nothing is left half written")
    done = records_of(out)
    assert 1 <= len(done) < len(studies)
    assert not list(out.rglob("*.part"))
    (source / "0" / "000.dcm").unlink()  # one that is done has changed since, or is new
    summary = batch.map(source, models, out, workers=1)
    assert summary.studies == {Outcome.DONE: len(studies)}
    assert summary.before == len(done.keys() - {studies[0]})
    assert summary.new == len(studies) - summary.before
    assert objects(out) == {(one, kind): 1 for one in studies for kind in ("SEG", "SR")}
    after = records_of(out)
    assert all(after[one] == done[one] for one in done.keys() - {studies[0]})


def test_nobody_mixes_what_was_asked_for(
    models: Path, tmp_path: Path, child: Callable[[str], Path], iodeep: Callable[..., Answer]
) -> None:
    child("does nothing")
    source, out = tmp_path / "studies", tmp_path / "out"
    written_study(source, 0)
    call = ["batch", source, "--models", models, "--out", out, "--workers", 1]
    assert iodeep(*call).status == 0
    refused(iodeep(*call, "--which", "all"), 4, "other models or options")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    refused(iodeep(*call[:-4], "--out", tmp_path / "full"), 4, "already holds mine.txt")
    (out / "batch.json").write_text("{")
    refused(iodeep(*call), 4, "other models or options")


def test_calls_that_are_wrong(models: Path, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    (tmp_path / "studies").mkdir()
    call = ["batch", tmp_path / "studies", "--models", models, "--out", tmp_path / "out"]
    for more, words in {
        ("--workers", "0"): "--workers 0",
        ("--minutes", "-1"): "--minutes -1",
        ("--date", "20200101"): "a folder with studies",
        ("--modality", "no such"): "Modality",
        ("--slurm-options", "queue=a"): "add --slurm",
        ("--scheduler", "tcp://127.0.0.1:1", "--slurm"): "one of them",
        ("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"): "leave --workers out",
    }.items():
        answer = iodeep(*call, *more)
        refused(answer, 2, words)
    with pytest.raises(ModelError, match="no model 'none'"):
        batch.map(tmp_path / "studies", models, tmp_path / "out", model="none")
    with pytest.raises(UsageError, match="--which most"):
        batch.map(tmp_path / "studies", models, tmp_path / "out", which="most")
    nothing = iodeep(*call)
    assert nothing.status == 3
    assert "0 studies" in nothing.out


def test_two_at_once_in_one_folder(
    models: Path, tmp_path: Path, child: Callable[[str], Path]
) -> None:
    marks = child("hangs")
    source, out = tmp_path / "studies", tmp_path / "out"
    written_study(source, 0)

    def second(_: str) -> None:
        with pytest.raises(OutputError, match="another batch at work"):
            batch.map(source, models, out, workers=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.map(source, models, out, workers=1, began=second)
    assert not list(marks.iterdir())  # nobody had begun
