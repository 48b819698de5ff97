"""What is asked of a run, held against the model before anything is done."""

from __future__ import annotations

from IODeepLib.errors import UsageError
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


def leaves_mirroring_out(model: Model, mirroring: bool) -> bool:
    """Whether mirror images are not run that the recipe asks for: the result is another one."""
    mirrored = any(stage.input.mirror for stage in model.card.recipe.all_stages)
    return mirrored and not mirroring


def without_mirroring(model: Model, mirroring: bool) -> list[str]:
    """A sentence where they are not."""
    if not leaves_mirroring_out(model, mirroring):
        return []
    return ["mirror images, which the model takes the mean over, were left out as asked"]


def check_seg_type_of(recipe: Recipe, seg_type: SegmentationType) -> None:
    """Refuse before the run what cannot be written after it."""
    if recipe.task is Task.SEGMENTATION:
        decisions = {stage.output.decision for stage in recipe.result_stages}
        check_seg_type(
            seg_type,
            overlapping=recipe.overlapping,
            probable=Decision.LABELS not in decisions,
        )
