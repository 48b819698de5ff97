"""Rank the models that fit a series, with reasons."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console

if TYPE_CHECKING:
    from IODeepLib.selection import Candidate, Selection

NAME = "select"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    arguments.add_series(parser)
    arguments.add_models(parser)


def run(options: argparse.Namespace) -> int:
    from IODeepLib.selection import select

    models = arguments.models_in(arguments.source_of(options.models)).models
    with arguments.images_in(options, models) as images:
        selections = [select(series, models, images) for series in images]
    text = "\n\n".join(selection_text(selection) for selection in selections)
    console.emit(options, [selection_document(s) for s in selections], text)
    return 0 if any(selection.fitting for selection in selections) else 3


def selection_text(selection: Selection) -> str:
    """The ranked table of one series and, below it, the reasons of every model."""
    from IODeepLib.criteria import Verdict

    lines = [f"series {arguments.told_apart(selection.series)}"]
    lines += [f"  note: {problem}" for problem in selection.series.problems]
    if not selection.candidates:
        return "\n".join([*lines, "no models"])
    rows = []
    for place, candidate in enumerate(selection.candidates, 1):
        card = candidate.model.card
        fits = "fits" if candidate.fits else "does not fit"
        rows.append((str(place), card.name, card.version, fits, _summary(candidate)))
    lines += ["", console.table(("", "name", "version", "", "because"), rows)]
    for candidate in selection.candidates:
        stated = [r for r in candidate.reasons if r.verdict is not Verdict.ANY]
        cells = [(r.verdict.value, r.criterion, r.required, r.found, r.attribute) for r in stated]
        reasons = console.table(("verdict", "criterion", "required", "found", "in"), cells)
        lines += ["", candidate.model.label, textwrap.indent(reasons, "  ")]
    return "\n".join(lines)


def _summary(candidate: Candidate) -> str:
    """What decides: the criteria that fail; else how many are met, and which are unknown."""
    from IODeepLib.criteria import Verdict

    failing = [reason.criterion for reason in candidate.with_verdict(Verdict.FAILS)]
    if failing:
        return ", ".join(failing)
    unknown = [reason.criterion for reason in candidate.with_verdict(Verdict.UNKNOWN)]
    met = f"{candidate.count(Verdict.FITS)} criteria are met"
    return f"{met}; unknown: {', '.join(unknown)}" if unknown else met


def selection_document(selection: Selection) -> dict[str, Any]:
    """The same for `--json`."""
    series = selection.series
    return {
        "study_instance_uid": series.study_instance_uid,
        "series_instance_uid": series.series_instance_uid,
        "series": series.label,
        "problems": list(series.problems),
        "candidates": [
            {
                "name": candidate.model.card.name,
                "version": candidate.model.card.version,
                "card_sop_instance_uid": candidate.model.card.sop_instance_uid,
                "fits": candidate.fits,
                "reasons": [reason.as_json() for reason in candidate.reasons],
                "channels": [item.series_instance_uid for item in candidate.channels],
            }
            for candidate in selection.candidates
        ],
    }
