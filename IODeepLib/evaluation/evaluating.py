"""Models run on the cases of a cohort, and what they find held against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from msgspec.structs import replace

from IODeepLib import pipeline
from IODeepLib.cohort import Case, Cohort, Split
from IODeepLib.cohort.loading import Loaded, load_collected
from IODeepLib.cohort.segments import match, of_label
from IODeepLib.errors import CancelledError, ImageError, IODeepError, UsageError
from IODeepLib.evaluation.measures import measure
from IODeepLib.evaluation.packages import check_packages
from IODeepLib.evaluation.place import Done, Kept, at_work_in
from IODeepLib.evaluation.records import (
    Evaluated,
    Evaluation,
    Failure,
    Figures,
    Tolerance,
)
from IODeepLib.evaluation.worst import Worst
from IODeepLib.evaluation.write import write
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.recipe import Label, Task
from IODeepLib.text.records import dump

TOLERANCE = 1.0  # mm
UNKNOWN = "nobody says whether it is there: not counted"
NO_LABEL = "no label of this model: not counted"


def evaluate(
    models: Sequence[Model],
    cohort: Cohort,
    *,
    split: Split | None = Split.TEST,
    tolerance: float = TOLERANCE,
    tolerances: Mapping[str, float] | None = None,
    surfaces: bool = True,
    options: pipeline.Options | None = None,
    name: str = "cohort",
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Run models on the cases of a cohort, and measure what they find.

    Args:
        models: with their weights; the first is what others are compared with.
        cohort: whose truth is known.
        split: which of its cases; None for all.
        tolerance: millimeters that surfaces may lie apart, of all labels but those in
            `tolerances`, by name.
        tolerances: see there.
        surfaces: whether to measure distances between surfaces; without, Dice alone, for which no
            further Python packages are needed.
        options: how the models are run.
        name: how the cohort is called.
        out: a folder for tables, page and pictures, and for what is done: a call that was ended
            goes on there. None for none.
        progress: called with the fraction done and a message; it may raise to stop.

    Returns:
        All figures. What a model could not be run on is one of its `failures`.

    Raises:
        UsageError: the call is wrong, or a package of the extra `train` is missing.
        ImageError: a file of the cohort is not there, or changed.
        OutputError: `out` holds something else, or cannot be written.
    """
    if surfaces or out is not None:
        check_packages()
    asked = _asked(models, cohort, split, tolerance, tolerances or {}, surfaces, name)
    cases = cohort.cases if split is None else cohort.of(split)
    if not cases:
        which = "case" if split is None else f"case for {split.value}"
        raise UsageError(
            f"no {which} in the cohort", "one at least", "choose another split, or collect more"
        )
    folder = None if out is None else Path(out).absolute()
    terms = {"cases": [case.key for case in cases], "evaluation": dump(asked)}
    with nullcontext() if folder is None else at_work_in(folder, terms):
        kept = Kept(folder)
        worst = Worst(folder, kept, asked)
        runner = _Runner(models, cohort, asked, options or pipeline.Options())
        for i, case in enumerate(cases):
            runner.run(case, kept, worst, _part(progress, i, len(cases)))
        done = [
            kept.done[model.network_sha256, case.key] for model in asked.models for case in cases
        ]
        evaluation = replace(
            asked,
            figures=tuple(figure for one in done for figure in one.figures),
            failures=tuple(one.failure for one in done if one.failure is not None),
            notes=runner.notes,
        )
        if folder is not None:
            write(evaluation, folder, worst)
    return evaluation


def _asked(
    models: Sequence[Model],
    cohort: Cohort,
    split: Split | None,
    tolerance: float,
    tolerances: Mapping[str, float],
    surfaces: bool,
    name: str,
) -> Evaluation:
    """An evaluation without figures yet."""
    names = [label.name for label in cohort.collected.labels]
    for label in tolerances:
        if label not in names:
            raise UsageError(
                f"a tolerance for {label!r}", f"a label of {', '.join(names)}", "correct the name"
            )
    for value in (tolerance, *tolerances.values()):
        if not 0 <= value <= 1000:
            raise UsageError(f"a tolerance of {value:g} mm", "0 to 1000", "correct it")
    for model in models:
        if model.card.recipe.task is not Task.SEGMENTATION:
            raise UsageError(
                f"{model.label}, whose task is {model.card.recipe.task.value}",
                "a model that segments",
                "leave it out",
            )
    evaluated = tuple(
        Evaluated(
            one.card.name,
            one.card.version,
            one.card.title,
            one.card.sop_instance_uid,
            one.card.network_digest,
        )
        for one in models
    )
    if len({one.network_sha256 for one in evaluated}) < len(evaluated) or not evaluated:
        raise UsageError("no model, or the same one twice", "each once", "leave the others out")
    return Evaluation(
        cohort=name,
        cohort_sha256=cohort.digest,
        split=split,
        models=evaluated,
        tolerances=tuple(Tolerance(x, tolerances.get(x, tolerance)) for x in names),
        surfaces=surfaces,
    )


class _Runner:
    """Runs each model on a case and measures what it finds."""

    def __init__(
        self,
        models: Sequence[Model],
        cohort: Cohort,
        asked: Evaluation,
        options: pipeline.Options,
    ) -> None:
        self._models, self._cohort, self._asked = models, cohort, asked
        self._options = options
        labels = cohort.collected.labels
        matchings = [_matching(model, labels) for model in models]
        self._labels = [found for found, _ in matchings]
        self.notes = tuple(
            f"{model.label}: {note}"
            for model, (_, notes) in zip(models, matchings, strict=True)
            for note in notes
        )

    def run(self, case: Case, kept: Kept, worst: Worst, progress: Progress) -> None:
        """All models that were not run on it yet."""
        evaluated = self._asked.models
        done = [kept.done.get((one.network_sha256, case.key)) for one in evaluated]
        waiting = [i for i, one in enumerate(done) if one is None or one.failure is not None]
        if not waiting:
            return
        loaded = load_collected(case, self._cohort.collected)
        for count, i in enumerate(waiting):
            sha256 = evaluated[i].network_sha256
            part = _part(progress, count, len(waiting))
            try:
                result = pipeline.run(
                    loaded.series,
                    self._models[i],
                    self._options,
                    others=loaded.others,
                    progress=part,
                )
            except CancelledError:
                raise
            except IODeepError as error:
                failure = Failure(i, case.key, case.patient, type(error).__name__, str(error))
                kept.add(Done(sha256, case.key, failure=failure))
                continue
            found = result.segmentation
            assert found is not None  # noqa: S101 - see `_asked`
            if not found.lies_on(loaded.series.grid):
                raise ImageError(
                    f"series {loaded.series.label}, on whose voxels no result lies",
                    "a series of even slices",
                    "collect the cohort without it",
                )
            figures = self._measured(i, case, loaded, found)
            worst.offer(i, case, figures, loaded, result.volume, found, self._labels[i])
            kept.add(Done(sha256, case.key, figures))

    def _measured(
        self, model: int, case: Case, loaded: Loaded, found: Segmentation
    ) -> tuple[Figures, ...]:
        truth = loaded.segmentation
        spacing = loaded.series.grid.spacing
        figures = []
        for label, tolerance in zip(truth.labels, self._asked.tolerances, strict=True):
            own = self._labels[model].get(label.value)
            figure = Figures(model, case.key, case.patient, label.name)
            if own is None:
                figures.append(replace(figure, why=NO_LABEL))
                continue
            mask = found.mask(own)
            if label.value in case.unknown:
                voxels = int(mask.sum())
                figures.append(replace(figure, found=voxels, why=UNKNOWN))
                continue
            values = measure(
                truth.mask(label),
                mask,
                spacing,
                tolerance.millimeters,
                surfaces=self._asked.surfaces,
            )
            figures.append(
                replace(
                    figure,
                    dice=values.dice,
                    surface_dice=values.surface_dice,
                    hausdorff95=values.hausdorff95,
                    reference=values.reference,
                    found=values.found,
                    why=values.why,
                )
            )
        return tuple(figures)


def _matching(model: Model, labels: Sequence[Label]) -> tuple[dict[int, Label], tuple[str, ...]]:
    """By the value of a label of the cohort, the one of the model that means the same."""
    own = {label.value: label for label in model.card.recipe.labels}
    same = [x for x in labels if x.value in own and of_label(own[x.value]) == of_label(x)]
    if len(same) == len(labels):
        return {label.value: own[label.value] for label in labels}, ()
    matching = match({value: of_label(label) for value, label in own.items()}, labels)
    found = {asked: own[value] for value, asked in reversed(matching.labels.items())}
    if not found:
        names = ", ".join(label.name for label in labels)
        raise UsageError(
            f"{model.label}, none of whose labels the cohort has ({names})",
            "a model with one of them at least",
            "leave it out, or collect a cohort for it",
        )
    return found, matching.notes


def _part(progress: Progress | None, done: int, count: int) -> Progress:
    def tell(fraction: float, message: str) -> None:
        if progress is not None:
            progress((done + fraction) / count, message)

    return tell
