"""Select a model, run it on a series and write the results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.cli import arguments, console
from IODeepLib.errors import IODeepError, NoModelFitsError, UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Selection
    from IODeepLib.series import ImageSeries
    from IODeepLib.sources import Source

NAME = "run"
SEG_TYPES = ("BINARY", "LABELMAP", "FRACTIONAL")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    arguments.add_series(parser)
    arguments.add_models(parser)
    parser.add_argument(
        "--model", metavar="NAME[@VERSION]", help="this model, if it fits; or its UID"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    parser.add_argument(
        "--store", metavar="SOURCE", help=f"where the DICOM results go as well: {arguments.SOURCE}"
    )
    parser.add_argument(
        "--seg-type", choices=SEG_TYPES, default="BINARY", help="kind of DICOM SEG [BINARY]"
    )
    parser.add_argument(
        "--provider", default="auto", metavar="NAME", help="ONNX Runtime execution provider [auto]"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads for the network [one a core]"
    )
    parser.add_argument(
        "--labels", metavar="NAME,NAME", help="keep only these labels in the result [all]"
    )


def run(options: argparse.Namespace) -> None:
    from IODeepLib import pipeline
    from IODeepLib.files import whole_folder
    from IODeepLib.result import FILE_NAMES
    from IODeepLib.results import SegmentationType
    from IODeepLib.sources.outbox import store_or_keep

    if options.threads is not None and options.threads < 1:
        raise UsageError(f"--threads {options.threads}", "1 or more", "correct --threads")
    source = arguments.source_of(options.models)
    destination = None if options.store is None else arguments.destination_of(options.store)
    library = arguments.models_in(source)
    models: Sequence[Model] = library.models
    if options.model is not None:
        models = arguments.some_in_use(library, options.model)
    run_options = pipeline.Options(
        SegmentationType(options.seg_type),
        options.provider,
        options.threads,
        None if options.labels is None else tuple(map(str.strip, options.labels.split(","))),
    )
    # A run of minutes must not end at what can be known before: the folder is made first.
    with (
        whole_folder(options.out, FILE_NAMES) as folder,
        arguments.images_in(options, models) as images,
    ):
        series, model = choose(images, models)
        with console.progress() as progress:
            model = source.fetch(model, progress)
            result = pipeline.run(series, model, run_options, others=images, progress=progress)
        names = result.write(folder)
    files = [options.out / name for name in names]
    lines = [*result.sentences(), *(f"wrote {file}" for file in files)]
    document = result.document() | {"files": [str(file) for file in files]}
    if destination is not None:
        objects = [file for file in files if file.suffix == ".dcm"]
        try:
            new = store_or_keep(objects, destination, options.store)
        except IODeepError:  # the result lies in the folder all the same
            console.emit(options, document, "\n".join(lines))
            raise
        lines += [_stored(file, file in new, destination) for file in objects]
        if not objects:
            lines.append(f"stored nothing in {destination.name}: the result is no DICOM object")
        document["stored"] = [str(file) for file in new]
        document["already_there"] = [str(file) for file in objects if file not in new]
    console.emit(options, document, "\n".join(lines))


def _stored(file: Path, new: bool, destination: Source) -> str:
    return f"stored {file.name} in {destination.name}" + ("" if new else ", which had it already")


def choose(images: Sequence[ImageSeries], models: Sequence[Model]) -> tuple[ImageSeries, Model]:
    """The one series that a model fits, and the model that fits it best.

    Raises:
        NoModelFitsError: there is none.
        UsageError: several series fit, so that a person must say which one is meant.
    """
    from IODeepLib.selection import select

    selections = [select(series, models, images) for series in images]
    fitting: dict[frozenset[int], tuple[ImageSeries, Selection]] = {}
    for series, selection in zip(images, selections, strict=True):
        if selection.fitting:
            # The series of a multi-channel model are one choice, whichever of them is asked.
            filled = frozenset(id(channel) for channel in selection.best.channels)
            fitting.setdefault(filled, (series, selection))
    if len(fitting) > 1:
        listed = "; ".join(arguments.told_apart(series) for series, _ in fitting.values())
        raise UsageError(
            f"{len(fitting)} volumes that a model fits: {listed}",
            "one",
            "name one with --series, and with --volume where one series holds several",
        )
    if fitting:
        ((series, selection),) = fitting.values()
        return series, selection.best.model
    if len(selections) == 1 or not models:
        _ = selections[0].best  # raises, with the reasons
    raise NoModelFitsError(
        f"none of {len(models)} models fits one of the {len(images)} series "
        f"({'; '.join(series.label for series in images[:5])})",
        "a model whose every criterion a series meets",
        "see all reasons with 'iodeep select'",
    )
