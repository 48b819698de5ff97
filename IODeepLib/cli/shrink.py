"""Make a network smaller, as a new version, and measure what that changes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.shrink.shrink import Case


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", help=f"where the model is: {arguments.SOURCE}")
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="SERIES",
        help="folder or file with DICOM images that it fits, or another SOURCE: to measure on, "
        "and for int8 to see what values occur",
    )
    parser.add_argument(
        "--to",
        choices=("fp16", "int8"),
        required=True,
        help="weights of half the bits, or of a quarter",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    parser.add_argument(
        "--model", metavar="NAME[@VERSION]", help="which one, where MODEL holds several; or its UID"
    )
    parser.add_argument(
        "--version", metavar="X.Y.Z", help="of the new one [the next minor version]"
    )
    parser.add_argument(
        "--least-dice",
        type=float,
        default=0.95,
        metavar="DICE",
        help="refuse what is less alike, for any label, to what the network found before [0.95]",
    )
    parser.add_argument("--study", metavar="UID", help="Study Instance UID of the images")
    parser.add_argument("--series", metavar="UID", help="Series Instance UID of the images")
    parser.add_argument(
        "--provider", default="auto", metavar="NAME", help="ONNX Runtime execution provider [auto]"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads for the network [one a core]"
    )
    arguments.add_signing(parser)


def run(options: argparse.Namespace) -> None:
    from IODeepLib import pipeline
    from IODeepLib.cli.pack import described
    from IODeepLib.model_object.new_version import next_version
    from IODeepLib.shrink.precision import Precision, check
    from IODeepLib.shrink.shrink import shrink

    if options.threads is not None and options.threads < 1:
        raise UsageError(f"--threads {options.threads}", "1 or more", "correct --threads")
    if not 0 <= options.least_dice <= 1:
        raise UsageError(f"--least-dice {options.least_dice:g}", "0 to 1", "correct --least-dice")
    signer = arguments.signer_if_asked(options)
    source = arguments.source_of(options.models)
    catalog = arguments.models_in(source)
    model = arguments.one_model(catalog, options.model, options.models)
    taken = {m.card.version for m in catalog.every if m.card.model_uid == model.card.model_uid}
    to = Precision(options.to)
    with _cases(options, model) as cases, console.progress() as progress:
        model = source.fetch(model, progress)
        check(model, to)
        smaller, figures = shrink(
            model,
            cases,
            to,
            options.out,
            version=options.version or next_version(model.card.version, taken),
            least_dice=options.least_dice,
            options=pipeline.Options(provider=options.provider, threads=options.threads),
            signer=signer,
            progress=progress,
        )
    document, text = described(smaller, options.out)
    document["measured"] = {
        "dataset": figures.dataset,
        "dice": figures.dice,
        "seconds": {"before": figures.seconds[0], "after": figures.seconds[1]},
        "megabytes": {"before": figures.megabytes[0], "after": figures.megabytes[1]},
        "processor": figures.processor,
    }
    against = f"against {model.label} on {figures.dataset}:"
    lines = [text, against, *(f"  {line}" for line in figures.sentences())]
    console.emit(options, document, "\n".join(lines))


@contextmanager
def _cases(options: argparse.Namespace, model: Model) -> Iterator[Sequence[Case]]:
    """What each SERIES holds that the model fits best; its files may be gone after the block."""
    from IODeepLib.cli.run import choose
    from IODeepLib.shrink.shrink import Case

    of_images = {"patient": None, "accession": None, "date": None, "modality": None, "volume": None}
    with ExitStack() as stack:
        cases = []
        for path in options.paths:
            asked = argparse.Namespace(**vars(options) | of_images | {"path": path})
            images = stack.enter_context(arguments.images_in(asked, [model]))
            series, _, _ = choose(images, [model])
            cases.append(Case(series, images))
        volumes = [(case.series.series_instance_uid, case.series.label) for case in cases]
        if len(set(volumes)) < len(volumes):
            raise UsageError(
                f"{counted(len(volumes), 'SERIES', 'SERIES')}, of which some are the same",
                "each once",
                "leave out the others",
            )
        yield cases
