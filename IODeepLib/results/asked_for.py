"""What is asked of a run, held against the model before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from IODeepLib.errors import UsageError
from IODeepLib.inference.quality import Quality, input_as_asked
from IODeepLib.model_object import Model
from IODeepLib.recipe import Decision, Recipe, Task
from IODeepLib.results.frames import SegmentationType
from IODeepLib.results.seg import check_seg_type


def labels_left_out(model: Model, labels: tuple[str, ...] | None) -> tuple[str, ...]:
    """The names of the labels that are not to be kept.

    Raises:
        UsageError: a name that the model does not have, none at all, or a model without segments.
    """
    if labels is None:
        return ()
    recipe = model.card.recipe
    if recipe.task is not Task.SEGMENTATION:
        raise UsageError(
            f"labels to keep, for {model.label}, whose task is {recipe.task.value}",
            "a model that segments",
            "leave out the names of the labels",
        )
    known = [label.name for label in recipe.labels]
    unknown = [name for name in labels if name not in known]
    if unknown or not labels:
        raise UsageError(
            f"{model.label} has no label {', '.join(map(repr, unknown))}"
            if unknown
            else "no label to keep",
            f"at least one of {', '.join(known)}",
            "correct the names of the labels",
        )
    return tuple(name for name in known if name not in labels)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a run departs from the model's recipe because it was asked to.

    Attributes:
        options: what was asked for, as far as it makes the result another one.
        notes: the same in sentences.
    """

    options: dict[str, Any]
    notes: tuple[str, ...]


def departure(
    model: Model, quality: Quality, mirroring: bool, labels: Collection[str] | None
) -> Departure:
    """How `quality`, `mirroring` and the labels that are kept depart from the recipe of `model`."""
    needed = model.card.recipe.stages_for(labels)
    given = [stage.input for stage in needed]
    asked = [input_as_asked(one, quality, mirroring) for one in given]
    options: dict[str, Any] = {}
    notes: list[str] = []
    if any(quality.of(one) is not one for one in given):
        options["quality"] = quality.value
    before, after = ([one.overlap for one in inputs] for inputs in (given, asked))
    if before != after:
        notes.append(
            f"patches overlap by {_parts(after)} instead of {_parts(before)}: quality "
            f"'{quality}' was asked for"
        )
    if not mirroring and any(quality.of(one).mirror for one in given):
        options["mirroring"] = False
    if [one.mirror for one in given] != [one.mirror for one in asked]:
        notes.append("mirror images, which the model takes the mean over, were left out as asked")
    if quality is not Quality.DEFAULT and "quality" not in options:
        notes.append(f"quality '{quality}' is the same as the default for this model")
    notes += [
        f"stage {stage.name} was not run: no label that was asked for needs it; what it would have "
        "painted over stays"
        for stage in model.card.recipe.all_stages
        if stage not in needed
    ]
    return Departure(options, tuple(notes))


def _parts(overlaps: Iterable[float]) -> str:
    return ", ".join(f"{overlap:.4g}" for overlap in dict.fromkeys(overlaps))


def check_seg_type_of(recipe: Recipe, seg_type: SegmentationType) -> None:
    """Refuse before the run what cannot be written after it."""
    if recipe.task is Task.SEGMENTATION:
        decisions = {stage.output.decision for stage in recipe.result_stages}
        check_seg_type(
            seg_type,
            overlapping=recipe.overlapping,
            probable=Decision.LABELS not in decisions,
        )
