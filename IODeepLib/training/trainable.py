"""Which models can be trained so far."""

from __future__ import annotations

from IODeepLib.errors import UsageError
from IODeepLib.recipe import Decision, Recipe, Stage, Task


def trained_stage(recipe: Recipe) -> Stage:
    """The only stage of a model that can be trained.

    Raises:
        UsageError: it has several networks, or does not segment by scores.
    """
    stages = recipe.all_stages
    names = [name for stage in stages for name in stage.network_names]
    found = ""
    if recipe.task is not Task.SEGMENTATION:
        found = f"whose task is {recipe.task.value}"
    elif len(stages) > 1 or len(names) > 1:
        found = f"with {len(names)} networks in {len(stages)} stages"
    elif stages[0].output.decision is Decision.LABELS:
        found = "whose network gives label values, which have no slope"
    if found:
        raise UsageError(
            f"{recipe.name}@{recipe.version}, {found}",
            "a model of one network that gives scores of labels",
            "tune it where it was trained",
        )
    return stages[0]
