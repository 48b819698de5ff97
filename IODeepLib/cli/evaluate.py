"""Measure models on a cohort whose truth is known, and compare them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.evaluation import Evaluation
    from IODeepLib.model_object import Model

_SPLITS = ("train", "validation", "test", "all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "wanted",
        nargs="+",
        metavar="MODEL",
        help=f"where a model is, one each: {arguments.SOURCE}; with --models its NAME[@VERSION]",
    )
    parser.add_argument("cohort", type=Path, metavar="COHORT", help="a file of 'iodeep cohort'")
    parser.add_argument(
        "--models", metavar="SOURCE", help="where all models are, which are then named"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="new folder, or that of the same evaluation, which goes on",
    )
    parser.add_argument(
        "--split", choices=_SPLITS, default="test", help="which cases of the cohort [test]"
    )
    parser.add_argument(
        "--tolerance",
        default="1",
        metavar="MM[,LABEL=MM]",
        help="millimeters that surfaces may lie apart in surface Dice, for all labels or one [1]",
    )
    parser.add_argument(
        "--provider", default="auto", metavar="NAME", help="ONNX Runtime execution provider [auto]"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads for the network [one a core]"
    )


def run(options: argparse.Namespace) -> int:
    from IODeepLib import pipeline
    from IODeepLib.cohort import Split, read_cohort
    from IODeepLib.evaluation import evaluate
    from IODeepLib.evaluation.packages import check_packages

    if options.threads is not None and options.threads < 1:
        raise UsageError(f"--threads {options.threads}", "1 or more", "correct --threads")
    tolerance, tolerances = _tolerances(options.tolerance)
    check_packages()
    cohort = read_cohort(options.cohort)
    with console.progress("fetch", upto=0.05) as progress:
        models = _models(options, progress)
    with console.progress("evaluate") as progress:
        evaluation = evaluate(
            models,
            cohort,
            split=None if options.split == "all" else Split(options.split),
            tolerance=tolerance,
            tolerances=tolerances,
            options=pipeline.Options(provider=options.provider, threads=options.threads),
            name=options.cohort.name,
            out=options.out,
            progress=progress,
        )
    console.emit(options, _document(options, evaluation), "\n".join(_lines(options, evaluation)))
    return 4 if evaluation.failures else 0


def _models(options: argparse.Namespace, progress: console.Shown) -> list[Model]:
    """Each one that is meant, with its weights."""
    found: list[Model] = []
    shared = None if options.models is None else arguments.source_of(options.models)
    catalog = None if shared is None else arguments.models_in(shared)
    for words in options.wanted:
        if shared is not None and catalog is not None:
            one = arguments.some_models_named(catalog.every, words)[0]
            found.append(shared.fetch(one, progress))
            continue
        source = arguments.source_of(words)
        there = arguments.models_in(source).models
        if len(there) != 1:
            labels = ", ".join(model.label for model in there) or "no model in use"
            raise UsageError(
                f"{labels} in {words}", "one model", f"add --models {words}, and name the model"
            )
        found.append(source.fetch(there[0], progress))
    return found


def _tolerances(words: str) -> tuple[float, dict[str, float]]:
    """Of all labels, and of those that have one of their own."""
    common, own = 1.0, {}
    for part in words.split(","):
        label, equals, value = part.rpartition("=")
        try:
            millimeters = float(value)
        except ValueError:
            raise UsageError(
                f"--tolerance {words}", "millimeters, such as 2 or 1,Liver=3", "correct --tolerance"
            ) from None
        if equals:
            own[label.strip()] = millimeters
        else:
            common = millimeters
    return common, own


def _lines(options: argparse.Namespace, evaluation: Evaluation) -> list[str]:
    from IODeepLib.evaluation.place import COMPARISON, PAGE, RESULT, TABLE
    from IODeepLib.evaluation.summary import Groups, summary_of
    from IODeepLib.evaluation.write import comparisons

    rows, groups = [], Groups(evaluation)
    for i, model in enumerate(evaluation.models):
        for label in (None, *evaluation.labels):
            own = groups.of(i, label)
            figures = [summary_of(own, metric) for metric in evaluation.metrics]
            cells = ["–" if one.mean is None else f"{one.mean:.4f}" for one in figures]
            counts = f"{figures[0].patients}, {figures[-1].patients}"
            rows.append((model.label, label or "all labels", *cells, counts))
    titles = [metric.words for metric in evaluation.metrics]
    heads = ("model", "label", *titles, "patients (Dice, distances)")
    lines = [f"on {evaluation.dataset}, means over patients:", console.table(heads, rows)]
    lines += [f"note: {note}" for note in evaluation.notes]
    for one in evaluation.failures:
        label = evaluation.models[one.model].label
        lines.append(f"{label} could not be run on case {one.case}: {one.why}")
    for first, second, several in comparisons(evaluation):
        names = [evaluation.models[i].label for i in (first, second)]
        lines.append(f"{names[1]} against {names[0]}:")
        lines += [f"  {one}" for one in several if not one.label]
    names = [RESULT, TABLE, *([COMPARISON] if len(evaluation.models) > 1 else []), PAGE]
    return [*lines, *(f"wrote {options.out / name}" for name in names)]


def _document(options: argparse.Namespace, evaluation: Evaluation) -> dict[str, Any]:
    from IODeepLib.evaluation.summary import mean_dice
    from IODeepLib.evaluation.write import comparisons
    from IODeepLib.text.records import dump

    return {
        "mean_dice": {
            model.network_sha256: mean_dice(evaluation, i)
            for i, model in enumerate(evaluation.models)
        },
        **dump(evaluation),
        "compared": [
            {
                "first": evaluation.models[first].label,
                "second": evaluation.models[second].label,
                "metric": one.metric.value,
                "label": one.label,
                "patients": one.patients,
                "first_mean": one.first,
                "second_mean": one.second,
                "difference": one.difference,
                "low": one.low,
                "high": one.high,
                "p": one.p,
                "note": one.note,
            }
            for first, second, several in comparisons(evaluation)
            for one in several
        ],
        "folder": str(options.out),
    }
