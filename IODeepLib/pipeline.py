"""The main job: a series and a model in, a result on the series' voxels out.

from IODeepLib import find_models, find_series, run

series = find_series("study")[0]
model = find_models("models").models[0]
result = run(series, model)
result.save("out")
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from IODeepLib.errors import CancelledError, NoModelFitsError
from IODeepLib.geometry import Volume
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.inference.classification import Classification
from IODeepLib.inference.confidence import check_confidence
from IODeepLib.inference.occlusion import check_occlusion
from IODeepLib.inference.postprocess import postprocess, steps_on_network
from IODeepLib.inference.quality import Quality, input_as_asked
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.stage_run import StageRun
from IODeepLib.inference.stage_terms import How
from IODeepLib.inference.suv import in_suv
from IODeepLib.machine.progress import Progress
from IODeepLib.measurements.uptake import uptake_of
from IODeepLib.model_object import Model
from IODeepLib.model_object.held import held
from IODeepLib.model_object.publishers import proved
from IODeepLib.network.kept import KeptSessions
from IODeepLib.network.providers import Engine
from IODeepLib.network.runtime import open_session
from IODeepLib.recipe import AfterStep, Input, Recipe
from IODeepLib.recipe import Stage as RecipeStage
from IODeepLib.results import SegmentationType, seg_obstacle
from IODeepLib.results.asked_for import (
    check_seg_type_of,
    departure,
    labels_left_out,
)
from IODeepLib.results.result import Result
from IODeepLib.results.source_images import identity_obstacle
from IODeepLib.results.sr import SrType
from IODeepLib.selection import Candidate, hounsfield, judge, publisher, training
from IODeepLib.selection.criteria import Verdict
from IODeepLib.series import Image, ImageSeries


class Stage(StrEnum):
    """The parts of a run, in order; a classification or regression has nothing to finish."""

    VERIFY = "verify"
    READ = "read"
    PREPARE = "prepare"
    INFER = "infer"
    FINISH = "finish"


# The share of the whole that each stage takes, roughly; inference is nearly all of it.
_SHARES = {
    Stage.VERIFY: 0.02,
    Stage.READ: 0.08,
    Stage.PREPARE: 0.05,
    Stage.INFER: 0.80,
    Stage.FINISH: 0.05,
}
_BEGINNINGS = {
    Stage.VERIFY: "verifying the model",
    Stage.READ: "reading the images",
    Stage.PREPARE: "preparing the image",
    Stage.INFER: "running the network",
    Stage.FINISH: "tidying up the labels",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is done.

    Attributes:
        seg_type: BINARY, LABELMAP or FRACTIONAL.
        provider: "auto", or the name of an ONNX Runtime execution provider.
        threads: how many threads the network computes with; None for the cores at hand.
        engine: AUTO, or PLAIN for ONNX Runtime's own 3D convolutions where a faster graph is known.
        labels: names of the labels that a segmentation keeps; None for all. Of a model of several
            stages only those are run that these labels need; their decisions and what comes after
            them are made with all labels, then the others are dropped.
        seg_on_slices: of a series that is corrected, also a DICOM SEG on its slices themselves.
        mirroring: run mirror images too, where the recipe asks for them; without, a run is up to
            eight times as fast, and its result another one.
        quality: how patches overlap, and whether mirror images are run: "fast", "default" for what
            the recipe says, or "best".
        confidence: also how sure the networks are of a segmentation, voxel by voxel and for each
            segment.
        sr_type: COMPREHENSIVE, or COMPREHENSIVE_3D, which few senders offer.
        occlusion: also a map of what a model looks at that says something of the whole image: how
            many blocks along its longest side are covered, 2 to 64; 0 for none.
    """

    seg_type: SegmentationType = SegmentationType.BINARY
    provider: str = "auto"
    threads: int | None = None
    labels: tuple[str, ...] | None = None
    seg_on_slices: bool = False
    mirroring: bool = True
    confidence: bool = False
    sr_type: SrType = SrType.COMPREHENSIVE
    occlusion: int = 0
    quality: Quality = Quality.DEFAULT
    engine: Engine = Engine.AUTO


def run(
    series: Image,
    model: Model,
    options: Options | None = None,
    *,
    others: Sequence[Image] = (),
    progress: Progress | None = None,
    began: Callable[[Stage], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    watch: Callable[[str, Mapping[str, NDArray[Any]]], None] | None = None,
    sessions: KeptSessions | None = None,
) -> Result:
    """Run `model` on `series`.

    Args:
        series: the series to be read.
        model: a model with its weights.
        options: how it is done.
        others: further series, from which the other channels of the model are filled. The result
            lies on the voxels of the series that fills the first channel: on its `grid`.
        progress: called with the fraction done and a message.
        began: called with each stage as it begins, after `progress`; a model of several stages of
            its own prepares and infers for each of them.
        cancelled: asked all the time, also in other threads; once it says so, the run ends with
            CancelledError.
        watch: called before each run of a network with its name, "" for the only one of a model,
            and what it is given: an array for each input; in the thread that runs it.
        sessions: networks that are open from former runs, for one run at a time; they stay open,
            but with the engine PLAIN.

    Raises:
        UsageError: a label that the model does not have, or a SEG type or a confidence that it
            cannot give.
        NoModelFitsError: the model does not fit the series, or its publisher not the site's policy.
        ImageError: the series cannot be read, or not exactly.
        ModelError: the model is incomplete, altered, or fails.
        CancelledError: `cancelled` said so; nothing was written.
    """
    started = datetime.now(UTC)
    options = options or Options()
    model = proved(model)
    recipe = model.card.recipe
    left_out = labels_left_out(model, options.labels)
    departing = departure(model, options.quality, options.mirroring, options.labels)
    check_seg_type_of(recipe, options.seg_type)
    if options.confidence:
        check_confidence(recipe, model.label)
    if options.occlusion:
        check_occlusion(recipe, model.label, options.occlusion)
    candidate = judge(series, model, others)
    if not candidate.fits:
        series.check()
        failing = candidate.with_verdict(Verdict.FAILS)
        raise NoModelFitsError(
            f"{model.label} does not fit the series {series.label}: "
            + "; ".join(map(str, failing)),
            "a model whose every criterion the series meets",
            "see 'iodeep select' for the models that fit",
        )
    needed = recipe.stages_for(options.labels)
    inputs, suv_notes = _inputs(recipe, needed, candidate, options)
    stages = _Stages(progress, began, cancelled, [stage.name for stage in needed])
    image = candidate.channels[0]
    with held(model, stages.begin(Stage.VERIFY)) as own:
        how = How(
            open_network=lambda name: open_session(
                own,
                name,
                providers=options.provider,
                threads=options.threads,
                cancelled=stages.cancelled,
                watch=None if watch is None else functools.partial(watch, name),
                # One that was rewritten stays so.
                kept=sessions if options.engine is Engine.AUTO else None,
            ),
            inputs=inputs,
            began=stages.begin_part,
            cancelled=stages.cancelled,
            sized=image.has_voxel_size,
            probabilities=options.seg_type is SegmentationType.FRACTIONAL,
            confidence=options.confidence,
            occlusion=options.occlusion,
            rewritten=options.engine is Engine.AUTO,
        )
        running = StageRun(recipe, how, needed)
        running.open(needed[0])
        reading = stages.begin(Stage.READ)
        volumes = [
            image.volume(reading, channel.color)
            for image, channel in zip(candidate.channels, recipe.series_channels, strict=True)
        ]
        value_notes = [
            *hounsfield.notes(model.card.requirements, candidate.channels, volumes),
            *_padding(candidate.channels, volumes),
        ]
        picture_volume = volumes[0]
        trained_on = training.reasons(recipe.card.trained_on, image, picture_volume)
        found = running.find_all(volumes)
    notes: list[str] = []
    if isinstance(found, Segmentation):
        uptake = uptake_of(image)
        suv_notes = [*dict.fromkeys([*suv_notes, *([str(uptake)] if uptake else [])])]
        found, notes = _finish(recipe, found, image, stages)
    if isinstance(found, Segmentation) and options.labels is not None:
        found = found.only(options.labels)
    if isinstance(found, Segmentation):
        notes = [*running.notes, *notes]
    notes = [*_without_objects(candidate.channels, found), *notes]
    stages.end()
    return Result(
        channels=candidate.channels,
        model=model,
        reasons=candidate.reasons,
        trained_on=trained_on,
        found=found,
        volume=picture_volume,
        provider=", ".join(running.providers),
        seg_type=options.seg_type,
        notes=(
            *training.notes(trained_on),
            *_of_the_publisher(model),
            *_open_questions(candidate),
            *_problems(candidate.channels),
            *suv_notes,
            *value_notes,
            *running.session_notes,
            *departing.notes,
            *notes,
        ),
        steps=tuple(running.steps),
        left_out=left_out,
        want_seg_on_slices=options.seg_on_slices,
        departing=departing.options,
        threads=running.threads,
        stages=tuple(running.outcomes) if recipe.stages else (),
        sr_type=options.sr_type,
        occlusion=running.occlusion,
        started=started,
        ended=datetime.now(UTC),
    )


def _problems(channels: Sequence[Image]) -> list[str]:
    """What is noteworthy of the images, with the name of the series where there are several."""
    images = dict.fromkeys(channels)
    return [
        problem if len(images) == 1 else f"series {image.label}: {problem}"
        for image in images
        for problem in image.problems
    ]


def _padding(channels: Sequence[Image], volumes: Sequence[Volume]) -> list[str]:
    """What of the images is none."""
    return [
        f"series {image.label}: {volume.padding.mean():.1%} of its voxels are padding "
        f"({image.padding}) and count in no statistic"
        for image, volume in dict(zip(channels, volumes, strict=True)).items()
        if volume.padding is not None
    ]


def _open_questions(candidate: Candidate) -> list[str]:
    """What the series does not say, although the model requires it."""
    return [
        f"{reason.criterion}: the model is for {reason.required}, "
        f"the series does not say that it is ({reason.attribute}: {reason.found})"
        for reason in candidate.with_verdict(Verdict.UNKNOWN)
        if reason.criterion != publisher.CRITERION
    ]


def _of_the_publisher(model: Model) -> list[str]:
    """What a person should know of whose network it is."""
    return (
        [] if model.trust is None else [*filter(None, [model.trust.statement]), *model.trust.notes]
    )


def _without_objects(channels: Sequence[Image], found: Segmentation | Classification) -> list[str]:
    """Why no DICOM SEG and no DICOM SR are written, if so."""
    stored = dict.fromkeys(image for image in channels if isinstance(image, ImageSeries))
    segmented = isinstance(found, Segmentation)
    obstacles = map(seg_obstacle if segmented else identity_obstacle, stored)
    what = "no DICOM SEG is written, and no report" if segmented else "no report is written"
    return [f"{what}: {error}" for error in obstacles if error is not None]


def _finish(
    recipe: Recipe, found: Segmentation, image: Image, stages: _Stages
) -> tuple[Segmentation, list[str]]:
    """What is done to the labels of all stages, and sentences on it."""
    slices = image.slices
    if isinstance(slices, SliceStack):  # between the slices, and beside them, nobody saw anything
        found = found.on_slices(slices).on_even_grid()
    stages.begin(Stage.FINISH)
    steps: Sequence[AfterStep] = recipe.after
    if not recipe.stages:  # the others were done on the network's voxels
        _, steps = steps_on_network(steps, recipe.all_stages[0].output)
    found, notes = postprocess(found, steps, sized=image.has_voxel_size)
    if not image.has_voxel_size:
        notes.append("the size of a voxel is not known: no milliliters are given")
    return found, notes


def _inputs(
    recipe: Recipe, stages: Sequence[RecipeStage], candidate: Candidate, options: Options
) -> tuple[dict[str, Input], list[str]]:
    """The input of each of these stages as it is for these series, and sentences on it."""
    inputs: dict[str, Input] = {}
    notes: dict[str, None] = {}
    for stage in stages:
        own = [candidate.channels[i] for i in recipe.series_of(stage)]
        input_, said = in_suv(stage.input, own)
        inputs[stage.name] = input_as_asked(input_, options.quality, options.mirroring)
        notes.update(dict.fromkeys(said))
    return inputs, [*notes]


def begins_at(stage: Stage) -> float:
    """The fraction of a run, as `progress` is told it, at which `stage` begins."""
    stages = list(Stage)
    return sum(_SHARES[earlier] for earlier in stages[: stages.index(stage)])


class _Stages:
    """Progress over the whole run, and the question whether to stop, each time that it is told."""

    def __init__(
        self,
        progress: Progress | None,
        began: Callable[[Stage], None] | None,
        cancelled: Callable[[], bool] | None,
        names: Sequence[str],
    ) -> None:
        self._names = names
        self._progress = progress or (lambda fraction, message: None)
        self._began = began or (lambda stage: None)
        self.cancelled = cancelled or (lambda: False)

    def begin(self, stage: Stage) -> Progress:
        """The callback for the part of the whole that is `stage`."""
        return self._begin(stage, begins_at(stage), _SHARES[stage], "")

    def begin_part(self, number: int, preparing: bool) -> Progress:
        """The same of a stage of the model: that its image is prepared, or its networks run.

        All stages of the model are taken to be as long as each other.
        """
        count = len(self._names)
        shares = _SHARES[Stage.PREPARE], _SHARES[Stage.INFER]
        first = begins_at(Stage.PREPARE) + number * sum(shares) / count
        name = self._names[number]
        where = f"stage {number + 1} of {count}, {name}: " if name else ""
        if preparing:
            return self._begin(Stage.PREPARE, first, shares[0] / count, where)
        return self._begin(Stage.INFER, first + shares[0] / count, shares[1] / count, where)

    def _begin(self, stage: Stage, before: float, share: float, where: str) -> Progress:
        def progress(fraction: float, message: str) -> None:
            if self.cancelled():
                raise CancelledError
            self._progress(before + fraction * share, where + message)

        progress(0.0, _BEGINNINGS[stage])
        self._began(stage)
        return progress

    def end(self) -> None:
        """All is done."""
        self._progress(1.0, "done")
