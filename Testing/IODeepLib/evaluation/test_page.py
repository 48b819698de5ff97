"""The page and the tables: names are text, formulas no formulas, and nothing is fetched."""

from __future__ import annotations

import csv
import html.parser
from pathlib import Path

import pytest
from makers.evaluations import evaluation
from msgspec.structs import replace

from IODeepLib.evaluation.page import page
from IODeepLib.evaluation.plots import pictures
from IODeepLib.evaluation.records import Evaluation, Failure, Tolerance
from IODeepLib.evaluation.tables import write_comparisons, write_figures
from IODeepLib.evaluation.write import comparisons

NASTY = "<script>alert(1)</script> =cmd|'/c calc' $\\frac{a$ \u202e"


@pytest.fixture(scope="module")
def nasty() -> Evaluation:
    """Two models on eight patients, and names that want more than to be read."""
    values = [0.1 * i for i in range(1, 9)]
    made = evaluation(values, [*values[1:], None], cohort=NASTY)
    return replace(
        made,
        figures=tuple(replace(one, label=NASTY) for one in made.figures),
        tolerances=(Tolerance(NASTY, 1.0),),
        models=tuple(replace(one, title=NASTY) for one in made.models),
        failures=(Failure(1, "0" * 16, 3, "ImageError", "of Doe^Jane"),),
        notes=(NASTY,),
    )


class Tags(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href")]


def test_the_page(nasty: Evaluation) -> None:
    plots = pictures(nasty)
    assert len(plots) == 3
    text = page(nasty, comparisons(nasty), [], plots)
    read = Tags(text)
    assert "script" not in read.tags
    assert all(link.startswith("data:image/png;base64,") for link in read.links)
    assert len(read.links) == 3
    assert "organs@1.1.0 against organs@1.0.0" in text
    assert "nothing to be found, and nothing found" in text
    assert "could not be run on 1 case" in text
    assert "Doe" not in text


def test_a_page_without_any_value() -> None:
    empty = evaluation([None, None])
    assert pictures(empty) == {}
    assert "no value" in page(empty, comparisons(empty), [], {})


def test_tables(nasty: Evaluation, tmp_path: Path) -> None:
    write_figures(nasty, tmp_path / "figures.csv")
    write_comparisons(nasty, comparisons(nasty), tmp_path / "comparison.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    assert [float(row["dice"]) for row in rows[:8]] == [x.dice for x in nasty.figures[:8]]
    assert rows[-1]["dice"] == ""
    for name in ("figures", "comparison"):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    with (tmp_path / "comparison.csv").open(encoding="utf-8", newline="") as file:
        (first, *_) = csv.DictReader(file)
    assert (first["patients"], first["metric"]) == ("7", "dice")
