"""Select a model, run it on a series and write the results."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import ImageError, IODeepError, NoModelFitsError, UsageError

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Candidate, Selection
    from IODeepLib.selection.preference import Measured
    from IODeepLib.series import ImageSeries
    from IODeepLib.sources import Source

_MOST_SHOWN = 5
_BLOCKS = 8
# How many times as long as what comes before the networks (imports, reading, preparing) what comes
# behind them takes (tidying up, measuring, writing).
_BEHIND = 1.0
SEG_TYPES = ("BINARY", "LABELMAP", "FRACTIONAL")
QUALITIES = ("fast", "default", "best")
SR_TYPES = ("COMPREHENSIVE", "COMPREHENSIVE_3D")
ENGINES = ("auto", "plain")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    arguments.add_series(parser)
    arguments.add_models(parser)
    parser.add_argument(
        "--model", metavar="NAME[@VERSION]", help="this model, if it fits; or its UID"
    )
    arguments.add_measured(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new folder, or that of the same run"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the result of another run in DIR"
    )
    parser.add_argument(
        "--store", metavar="SOURCE", help=f"where the DICOM results go as well: {arguments.SOURCE}"
    )
    parser.add_argument(
        "--seg-type", choices=SEG_TYPES, default="BINARY", help="kind of DICOM SEG [BINARY]"
    )
    parser.add_argument(
        "--seg-on-slices",
        action="store_true",
        help="of a series that is corrected (tilted, uneven), also a DICOM SEG on its own slices",
    )
    parser.add_argument(
        "--sr-type", choices=SR_TYPES, default=SR_TYPES[0], help=f"kind of DICOM SR [{SR_TYPES[0]}]"
    )
    parser.add_argument(
        "--provider", default="auto", metavar="NAME", help="ONNX Runtime execution provider [auto]"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="plain: on the processor, never a network's rewritten graph, which is faster [auto]",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads for the network [one a core]"
    )
    parser.add_argument(
        "--quality",
        choices=QUALITIES,
        default="default",
        help="fast: patches overlap less, and no mirror images; best: they overlap more [default]",
    )
    parser.add_argument(
        "--no-mirroring",
        action="store_true",
        help="leave out the mirror images that some networks take the mean over: faster",
    )
    parser.add_argument(
        "--labels",
        metavar="NAME,NAME",
        help="keep only these labels in the result, and run only the stages they need [all]",
    )
    parser.add_argument(
        "--confidence",
        action="store_true",
        help="also how sure the networks are of a segmentation, as a DICOM Parametric Map",
    )
    parser.add_argument(
        "--occlusion",
        type=int,
        nargs="?",
        const=_BLOCKS,
        default=0,
        metavar="N",
        help="also a map of what a network that judges a whole image looks at: N blocks along its "
        f"longest side are covered one by one [{_BLOCKS}]",
    )
    arguments.add_also(parser)
    arguments.add_signing(parser)


def run(options: argparse.Namespace) -> None:
    began = time.monotonic()
    from IODeepLib import pipeline
    from IODeepLib.disk.files import whole_folder
    from IODeepLib.inference.quality import Quality
    from IODeepLib.machine.progress import TimeLeft
    from IODeepLib.network.providers import Engine
    from IODeepLib.results import SegmentationType
    from IODeepLib.results.also import refuse
    from IODeepLib.results.asked_for import departure, labels_left_out
    from IODeepLib.results.loading import load, load_beside
    from IODeepLib.results.result import FILE_NAMES
    from IODeepLib.results.run_record import described, provenance_of, recorded_options
    from IODeepLib.results.same_run import refuse_other_run
    from IODeepLib.results.sr import SrType
    from IODeepLib.sources.outbox import store_or_keep

    importing = time.monotonic() - began
    if options.threads is not None and options.threads < 1:
        raise UsageError(f"--threads {options.threads}", "1 or more", "correct --threads")
    also = arguments.also_of(options)
    signer = arguments.signer_if_asked(options)
    measured = arguments.measured_of(options)
    source = arguments.source_of(options.models)
    destination = None if options.store is None else arguments.destination_of(options.store)
    catalog = arguments.models_in(source)
    models: Sequence[Model] = catalog.models
    if options.model is not None:
        models = arguments.some_models_in_use(catalog, options.model)
    run_options = pipeline.Options(
        SegmentationType(options.seg_type),
        options.provider,
        options.threads,
        None if options.labels is None else tuple(map(str.strip, options.labels.split(","))),
        options.seg_on_slices,
        not options.no_mirroring,
        options.confidence,
        SrType(options.sr_type),
        options.occlusion,
        Quality(options.quality),
        Engine(options.engine),
    )
    planned: dict[str, Any] = {}
    names: list[str] = []

    def may_replace(former: Path) -> None:
        if not options.force:
            refuse_other_run(former, planned, options.out, names or None)

    # A run of minutes must not end at what can be known before: the folder is made first.
    with (
        whole_folder(options.out, FILE_NAMES, may_replace) as folder,
        arguments.images_in(options, models) as images,
    ):
        series, candidate, why = choose(images, models, measured)
        left_out = labels_left_out(candidate.model, run_options.labels)
        departing = departure(
            candidate.model, run_options.quality, run_options.mirroring, run_options.labels
        )
        asked = recorded_options(run_options.seg_type, left_out, departing.options)
        planned |= described(candidate.channels, provenance_of(candidate.model, asked))
        may_replace(options.out)
        refuse(also, candidate.channels, candidate.model)
        with console.progress("fetch", upto=0.15) as progress:
            model = source.fetch(candidate.model, progress)
        infer, ends = pipeline.Stage.INFER.value, pipeline.begins_at(pipeline.Stage.FINISH)
        left = TimeLeft(infer, ends, _BEHIND, time.monotonic() - importing)
        with console.progress("run", upto=0.9, left=left) as progress:

            def begin(stage: pipeline.Stage) -> None:
                progress.begin(stage.value)
                if stage is pipeline.Stage.INFER:
                    load_beside(series.grid.shape)

            result = pipeline.run(
                series,
                model,
                run_options,
                others=images,
                progress=progress,
                began=begin,
            ).beside(also)
        with console.progress("write", upto=0.95 if destination else 1.0) as progress:
            progress(0.0, "writing the results")
            load()
            names += result.write(folder, also)
            if signer is not None:
                from IODeepLib.trust.signing import sign_files

                sign_files([folder / n for n in names if n.endswith(".dcm")], signer)
    files = [options.out / name for name in names]
    refused = result.also_refused(also)
    lines = [
        *result.sentences(),
        *(f"wrote {file}" for file in files),
        *arguments.refused_lines(refused),
    ]
    if why:
        lines.insert(1, f"  chosen because: {why}")
    document = result.document() | {"files": [str(file) for file in files], "chosen_because": why}
    if also:
        document["not_written"] = refused
    if destination is not None:
        objects = [file for file in files if file.suffix == ".dcm"]
        try:
            with console.progress("store") as progress:
                progress(0.0, f"storing in {destination.name}")
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


def choose(
    images: Sequence[ImageSeries],
    models: Sequence[Model],
    measured: Mapping[str, Measured] | None = None,
) -> tuple[ImageSeries, Candidate, str]:
    """The one series that a model fits, the model that fits it best, and what makes it the best.

    Where several are as good, a person at the terminal takes one of them.

    Raises:
        NoModelFitsError: there is none.
        UsageError: there are several, and nobody to ask.
    """
    from IODeepLib.selection import select
    from IODeepLib.text.wording import counted

    selections = [select(series, models, images, measured) for series in images]
    choices: dict[tuple[frozenset[int], str], tuple[Selection, Candidate]] = {}
    for selection in selections:
        for candidate in selection.equals:
            # The series of a multi-channel model are one choice, whichever of them is asked.
            filled = frozenset(id(channel) for channel in candidate.channels)
            key = filled, candidate.model.card.sop_instance_uid
            choices.setdefault(key, (selection, candidate))
    found = list(choices.values())
    picked = 0 if len(found) == 1 else None
    if len(found) > 1:
        picked = console.pick("Several are as good:", [_words(*choice) for choice in found])
    if picked is not None:
        selection, candidate = found[picked]
        series = images[selections.index(selection)]
        return series, candidate, selection.advantage if len(found) == 1 else "taken by a person"
    if found:
        raise _undecided(found)
    if len(selections) == 1 or not models:
        _ = selections[0].best  # raises, with the reasons
    listed = "; ".join(map(_why_none, selections[:_MOST_SHOWN]))
    more = len(selections) - _MOST_SHOWN
    listed += f"; and {more} more" if more > 0 else ""
    if all(series.refusal for series in images):
        raise ImageError(
            f"none of the {len(images)} series can be read ({listed})",
            "slices of the patient that can be read",
            "fetch the series again, or choose other ones",
        )
    raise NoModelFitsError(
        f"none of {counted(len(models), 'model')} fits one of the {len(images)} series ({listed})",
        "a model whose every criterion a series meets",
        "see all reasons with 'iodeep select'",
    )


def _why_none(selection: Selection) -> str:
    """Why no model fits a series: what is wrong with it, or what the closest model fails first."""
    from IODeepLib.selection.criteria import Verdict

    series = selection.series
    why = series.refusal or selection.candidates[0].with_verdict(Verdict.FAILS)[0]
    return f"{series.label}: {why}"


def _words(selection: Selection, candidate: Candidate) -> str:
    card = candidate.model.card
    return (
        f"{card.label} ({card.title}, {card.recipe.card.publisher}) "
        f"on {arguments.full_label(selection.series)}"
    )


def _undecided(found: Sequence[tuple[Selection, Candidate]]) -> IODeepError:
    """Nobody said which series or model is meant."""
    selection = found[0][0]
    if all(other is selection for other, _ in found):
        try:
            _ = selection.best
        except UsageError as error:
            return error
    volumes = dict.fromkeys(arguments.full_label(selection.series) for selection, _ in found)
    models = dict.fromkeys(candidate.model.label for _, candidate in found)
    several = f"; and {len(models)} models: {'; '.join(models)}" if len(models) > 1 else ""
    return UsageError(
        f"{len(volumes)} volumes that a model fits: {'; '.join(volumes)}{several}",
        "one",
        "name one with --series, and with --volume where one series holds several"
        + (", and the model with --model" if several else ""),
    )
