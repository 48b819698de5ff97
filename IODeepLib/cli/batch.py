"""Read all studies of a folder or a PACS, several at once, each once; with tables of it all."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.batch.summary import Summary

WHICH = ("best", "all", "regions")
_FILES = ("records.jsonl", "measurements.csv", "measurements.parquet", "summary.html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="SOURCE", help=f"where the studies are: {arguments.SOURCE}")
    arguments.add_models(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="new folder, or that of the same batch",
    )
    parser.add_argument(
        "--store", metavar="SOURCE", help=f"where the DICOM results go as well: {arguments.SOURCE}"
    )
    parser.add_argument("--model", metavar="NAME[@VERSION]", help="this model, where it fits")
    parser.add_argument(
        "--which",
        choices=WHICH,
        default=WHICH[0],
        help="of the models that fit a series: regions is the best of each anatomic region [best]",
    )
    parser.add_argument("--date", metavar="DATE", help="of a PACS: Study Date, or a range with '-'")
    parser.add_argument("--modality", metavar="CS", help="Modality of the images, such as CT")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="studies that are read at once; with --slurm, jobs [one a core, as memory allows]",
    )
    parser.add_argument(
        "--minutes", type=float, default=120.0, metavar="N", help="the longest for a study [120]"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="have it done by the workers of a Dask scheduler: tls://HOST:PORT",
    )
    parser.add_argument(
        "--slurm", action="store_true", help="have it done by Dask workers that Slurm starts"
    )
    parser.add_argument(
        "--slurm-options",
        default="",
        metavar="LIST",
        help="of its jobs: queue=NAME,cores=4,memory=16GB,walltime=12:00:00",
    )


def run(options: argparse.Namespace) -> int:
    if options.slurm_options and not options.slurm:
        raise UsageError("--slurm-options without --slurm", "both", "add --slurm")
    from IODeepLib import batch

    with console.progress("batch") as progress:
        summary = batch.map(
            options.path,
            options.models,
            options.out,
            model=options.model,
            which=options.which,
            store=options.store,
            study_date=options.date,
            modality=options.modality,
            workers=options.workers,
            scheduler=options.scheduler,
            slurm=options.slurm_options if options.slurm else None,
            minutes=options.minutes,
            progress=progress,
            began=lambda where: console.say(f"reading with {where}"),
        )
    wrote = [f"wrote {options.out / name}" for name in _FILES]
    console.emit(options, _document(options, summary), "\n".join([*summary.lines(), *wrote]))
    return _status(summary)


def _status(summary: Summary) -> int:
    """Whether a script has to look: something failed, or nothing was there to be run."""
    from IODeepLib.batch.terms import Outcome

    if summary.studies[Outcome.FAILED]:
        return 4
    return 0 if summary.studies[Outcome.DONE] else 3


def _document(options: argparse.Namespace, summary: Summary) -> dict[str, Any]:
    return {
        "studies": {outcome.value: count for outcome, count in sorted(summary.studies.items())},
        "read_now": summary.new,
        "done_before": summary.before,
        "runs": summary.runs,
        "failures": [
            {"reason": words, "count": group.count, "studies": group.examples}
            for words, group in summary.failures
        ],
        "files_without_study": summary.nobodys,
        "files": [str(options.out / name) for name in _FILES],
    }
