"""All figures as CSV, a row for each model, case and label; and the comparison of models."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from IODeepLib.disk.files import whole_file
from IODeepLib.evaluation.comparison import Comparison
from IODeepLib.evaluation.records import Evaluation
from IODeepLib.text.spreadsheet import cell

COLUMNS = (
    "patient",
    "case",
    "model",
    "version",
    "label",
    "dice",
    "surface_dice",
    "tolerance_mm",
    "hausdorff95_mm",
    "reference_voxels",
    "found_voxels",
    "why",
)
COMPARED = (
    "first",
    "second",
    "metric",
    "label",
    "patients",
    "first_mean",
    "second_mean",
    "difference",
    "low",
    "high",
    "p",
    "note",
)
_Cell = str | float | int | None


def write_figures(evaluation: Evaluation, path: Path) -> None:
    """Write all figures.

    Raises:
        OutputError: they cannot be written.
    """
    tolerances = {one.label: one.millimeters for one in evaluation.tolerances}
    _write(
        path,
        COLUMNS,
        (
            (
                one.patient,
                one.case,
                evaluation.models[one.model].name,
                evaluation.models[one.model].version,
                one.label,
                one.dice,
                one.surface_dice,
                tolerances.get(one.label),
                one.hausdorff95,
                one.reference,
                one.found,
                one.why,
            )
            for one in evaluation.figures
        ),
    )


def write_comparisons(
    evaluation: Evaluation, found: Iterable[tuple[int, int, Sequence[Comparison]]], path: Path
) -> None:
    """Write what came of comparing models.

    Raises:
        OutputError: it cannot be written.
    """
    _write(
        path,
        COMPARED,
        (
            (
                evaluation.models[first].label,
                evaluation.models[second].label,
                one.metric.value,
                one.label,
                one.patients,
                one.first,
                one.second,
                one.difference,
                one.low,
                one.high,
                one.p,
                one.note,
            )
            for first, second, several in found
            for one in several
        ),
    )


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[_Cell]]) -> None:
    with whole_file(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([cell(one) if isinstance(one, str) else one for one in row])
