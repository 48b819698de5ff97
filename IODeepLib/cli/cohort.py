"""Collect images with their right segmentations for a model, split by patient."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help=f"where the images and their DICOM SEGs are: {arguments.SOURCE}",
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME[@VERSION]",
        help="for which model: images that it fits, segments that are its labels; or its UID",
    )
    parser.add_argument(
        "--models", metavar="SOURCE", help="where the model is [where the images are]"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the cohort")
    parser.add_argument(
        "--shares",
        default="70,15,15",
        metavar="N,N,N",
        help="percentages of patients for training, validation and test [70,15,15]",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one splits otherwise [0]"
    )
    parser.add_argument(
        "--automatic",
        action="store_true",
        help="take what programs of others made alone for right, too",
    )
    parser.add_argument(
        "--complete",
        action="store_true",
        help="leave out images of which it is not known where all labels of the model are",
    )
    parser.add_argument(
        "--copies", type=Path, metavar="DIR", help="of a PACS: where its studies go, and stay"
    )
    parser.add_argument("--date", metavar="DATE", help="of a PACS: Study Date, or a range with '-'")


def run(options: argparse.Namespace) -> int:
    from IODeepLib.cohort import collect, write_cohort
    from IODeepLib.cohort.words import document, lines

    shares = _shares(options.shares)
    with console.progress("cohort") as progress:
        cohort = collect(
            options.sources,
            _model(options),
            seed=options.seed,
            shares=shares,
            automatic=options.automatic,
            complete=options.complete,
            copies=options.copies,
            study_date=options.date,
            progress=progress,
        )
    said = [*lines(cohort)]
    if cohort.cases:
        write_cohort(cohort, options.out)
        said.append(f"wrote {options.out}")
    else:
        said.append(f"found no case, and wrote no {options.out}")
    console.emit(options, document(cohort) | {"file": str(options.out)}, "\n".join(said))
    return 0 if cohort.cases else 3


def _model(options: argparse.Namespace) -> Model:
    source = arguments.source_of(options.models or options.sources[0])
    return arguments.some_models_named(arguments.models_in(source).every, options.model)[0]


def _shares(words: str) -> tuple[int, int, int]:
    try:
        train, validation, test = (int(part) for part in words.split(","))
    except ValueError:
        raise UsageError(
            f"--shares {words}", "three whole numbers, such as 70,15,15", "correct --shares"
        ) from None
    return train, validation, test
