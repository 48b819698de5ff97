"""Rank the models that fit a series, with reasons."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console

if TYPE_CHECKING:
    from IODeepLib.selection import Candidate, Selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    arguments.add_series(parser)
    arguments.add_models(parser)
    arguments.add_measured(parser)


def run(options: argparse.Namespace) -> int:
    from IODeepLib.selection import select

    measured = arguments.measured_of(options)
    models = arguments.models_in(arguments.source_of(options.models)).models
    with arguments.images_in(options, models, upto=1.0) as images:
        selections = [select(series, models, images, measured) for series in images]
    text = "\n\n".join(selection_text(selection) for selection in selections)
    console.emit(options, [selection_document(s) for s in selections], text)
    return 0 if any(selection.fitting for selection in selections) else 3


def selection_text(selection: Selection) -> str:
    """The ranked table of one series and, below it, the reasons of every model."""
    from IODeepLib.model_object.shown_names import shown_names
    from IODeepLib.selection import distinct_labels
    from IODeepLib.selection.criteria import Verdict

    lines = [f"series {arguments.full_label(selection.series)}"]
    lines += [f"  note: {problem}" for problem in selection.series.problems]
    if not selection.candidates:
        return "\n".join([*lines, "no models"])
    rows = []
    names = shown_names([candidate.model for candidate in selection.candidates])
    for place, name, candidate in zip(selection.places, names, selection.candidates, strict=True):
        fits = "does not fit" if place is None else "fits"
        version = candidate.model.card.version
        rows.append((str(place or ""), name, version, fits, _summary(candidate)))
    lines += ["", console.table(("", "name", "version", "", "because"), rows)]
    equals = selection.equals
    if len(equals) > 1:
        listed = ", ".join(distinct_labels(equals))
        lines += ["", f"{len(equals)} models fit equally well, so that 'run' asks: {listed}"]
    elif selection.advantage:
        lines += ["", f"{equals[0].model.label} is the first because: {selection.advantage}"]
    for candidate in selection.candidates:
        stated = [r for r in candidate.reasons if r.verdict is not Verdict.ANY]
        cells = [(r.verdict.value, r.criterion, r.required, r.found, r.attribute) for r in stated]
        reasons = console.table(("verdict", "criterion", "required", "found", "in"), cells)
        lines += ["", candidate.model.label, textwrap.indent(reasons, "  ")]
    return "\n".join(lines)


def _met(count: int) -> str:
    from IODeepLib.text.wording import counted

    return f"{counted(count, 'criterion', 'criteria')} {'is' if count == 1 else 'are'} met"


def _summary(candidate: Candidate) -> str:
    """What decides: the criteria that fail; else how many are met, and which are unknown."""
    from IODeepLib.selection.criteria import Verdict

    failing = [reason.criterion for reason in candidate.with_verdict(Verdict.FAILS)]
    if failing:
        return ", ".join(failing)
    unknown = [reason.criterion for reason in candidate.with_verdict(Verdict.UNKNOWN)]
    said = [_met(candidate.count(Verdict.FITS))]
    said += [f"unknown: {', '.join(unknown)}"] if unknown else []
    steps = sum(reason.steps for reason in candidate.reasons)
    said += [f"region {steps} step{'s' if steps > 1 else ''} away"] if steps else []
    return "; ".join(said)


def selection_document(selection: Selection) -> dict[str, Any]:
    """The ranked models of one series with all reasons, for `--json`."""
    series = selection.series
    return {
        "study_instance_uid": series.study_instance_uid,
        "series_instance_uid": series.series_instance_uid,
        "series": series.label,
        "problems": list(series.problems),
        "best": [candidate.model.card.sop_instance_uid for candidate in selection.equals],
        "candidates": [
            {
                "place": place,
                "name": candidate.model.card.name,
                "version": candidate.model.card.version,
                "card_sop_instance_uid": candidate.model.card.sop_instance_uid,
                "fits": candidate.fits,
                "reasons": [reason.as_json() for reason in candidate.reasons],
                "channels": [item.series_instance_uid for item in candidate.channels],
            }
            for place, candidate in zip(selection.places, selection.candidates, strict=True)
        ],
    }
