"""What comes of an evaluation, as files: JSON, tables, a page."""

from __future__ import annotations

from pathlib import Path

from IODeepLib.disk.files import whole_file
from IODeepLib.evaluation.comparison import Comparison, compare
from IODeepLib.evaluation.file import write_evaluation
from IODeepLib.evaluation.page import page
from IODeepLib.evaluation.place import COMPARISON, PAGE, RESULT, TABLE
from IODeepLib.evaluation.plots import pictures
from IODeepLib.evaluation.records import Evaluation
from IODeepLib.evaluation.tables import write_comparisons, write_figures
from IODeepLib.evaluation.worst import Worst


def write(evaluation: Evaluation, folder: Path, worst: Worst) -> None:
    """Write all of it into the folder, over what a former call wrote.

    Raises:
        OutputError: it cannot be written.
    """
    compared = comparisons(evaluation)
    write_figures(evaluation, folder / TABLE)
    if compared:
        write_comparisons(evaluation, compared, folder / COMPARISON)
    text = page(evaluation, compared, worst.chosen(), pictures(evaluation))
    with whole_file(folder / PAGE) as new:
        new.write_text(text, encoding="utf-8", newline="\n")
    write_evaluation(evaluation, folder / RESULT)  # the last one: with it, all is there


def comparisons(evaluation: Evaluation) -> list[tuple[int, int, list[Comparison]]]:
    """The first model with each other one."""
    return [(0, i, compare(evaluation, 0, i)) for i in range(1, len(evaluation.models))]
