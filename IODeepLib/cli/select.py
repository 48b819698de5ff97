"""Rank the models that fit a series, with reasons."""

from __future__ import annotations

import argparse
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

    images = arguments.images_in(options)
    models = arguments.models_to_choose_from(options.models)
    selections = [select(series, models, images) for series in images]
    text = "\n\n".join(selection_text(selection) for selection in selections)
    console.emit(options, [selection_document(s) for s in selections], text)
    return 0 if any(selection.fitting for selection in selections) else 3


def selection_text(selection: Selection) -> str:
    """The ranked table of one series and, below it, the reasons of every model."""
    from IODeepLib.criteria import Verdict

    lines = [f"series {selection.series.label}"]
    lines += [f"  note: {problem}" for problem in selection.series.problems]
    if not selection.candidates:
        return "\n".join([*lines, "no models"])
    rows = []
    for place, candidate in enumerate(selection.candidates, 1):
        card = candidate.model.card
        fits = "fits" if candidate.fits else "does not fit"
        rows.append((str(place), card.name, card.version, fits, _short_reason(candidate)))
    lines += ["", console.table(("", "name", "version", "", "because"), rows)]
    for candidate in selection.candidates:
        lines += ["", candidate.model.label]
        stated = [r for r in candidate.reasons if r.verdict is not Verdict.ANY]
        cells = [
            (f"  {r.verdict.value}", r.criterion, r.required, r.found, r.attribute) for r in stated
        ]
        lines.append(console.table(("  verdict", "criterion", "required", "found", "in"), cells))
    return "\n".join(lines)


def _short_reason(candidate: Candidate) -> str:
    from IODeepLib.criteria import Verdict

    verdict = Verdict.FITS if candidate.fits else Verdict.FAILS
    named = [reason.criterion for reason in candidate.reasons if reason.verdict is verdict]
    unknown = candidate.count(Verdict.UNKNOWN)
    return ", ".join(named) + (f"; {unknown} unknown" if unknown else "")


def selection_document(selection: Selection) -> dict[str, Any]:
    """The same for `--json`."""
    series = selection.series
    return {
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
