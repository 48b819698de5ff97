"""Models of several networks: nnU-Net's cascade, and parts such as TotalSegmentator's.

(nnunetv2/inference/data_iterators.py: the labels of the stage before are channels, not normalized)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.importers.draft import Missing
from IODeepLib.importers.labels import labels_of
from IODeepLib.importers.nnunet import recipe
from IODeepLib.importers.nnunet.model import Model

_PART = re.compile(r"_part([1-9][0-9]?)(?:_(.*))?$")
_LONGEST_NAME = 40


def part_of(dataset_name: str) -> int | None:
    """Which part a data set is, as TotalSegmentator numbers them, or None."""
    found = _PART.search(dataset_name)
    return int(found[1]) if found else None


def check_cascade(previous: Model, model: Model) -> None:
    """Refuse two models that do not belong together.

    Raises:
        UsageError: they are no two stages.
        ModelError: their labels or channels differ.
    """
    if model.of.previous_stage != previous.configuration or previous.of.previous_stage is not None:
        raise UsageError(
            f"--previous-stage: {previous.configuration}, before {model.configuration}",
            f"{model.of.previous_stage or 'nothing: it is no cascade'}",
            "give the folder of that configuration",
        )
    for what in ("labels", "channels", "regions"):
        if getattr(previous.dataset, what) != getattr(model.dataset, what):
            raise ModelError(
                f"other {what} in {previous.configuration} than in {model.configuration}",
                "two stages of one training data set",
                "give the stage that was trained with it",
            )


def cascade(previous: Model, model: Model) -> tuple[dict[str, Any], list[Missing], list[str]]:
    """The recipe of two stages, what is missing in it, and what was assumed.

    What both share is asked once, as `input.orientation` and of the last stage's labels; `share`
    then gives it to both.
    """
    first, last = (one.configuration for one in (previous, model))
    labels = labels_of(model.dataset.labels, f"stages[{last}].output.labels")
    read = [
        {"name": f"{first} {name}", "stage": first, "label": name} for name in model.read_labels
    ]
    inputs = [previous.input(), model.input()]
    inputs[1]["channels"] += read
    inputs[1]["label_interpolation"] = "per_class"
    made = []
    for one, input_ in zip((previous, model), inputs, strict=True):
        output = recipe.output_of(one.dataset) | {"labels": labels.recipe}
        made.append(_stage(one, one.configuration, input_, output))
    missing = [recipe.ORIENTATION] if "orientation" not in inputs[0] else []
    assumed = [labels.assumed] if labels.assumed else []
    return {"stages": made}, missing + labels.missing, assumed


def parts(models: Sequence[Model]) -> tuple[dict[str, Any], list[Missing], list[str]]:
    """The recipe of networks that each find some of the labels, which are numbered through."""
    made, missing, assumed, before = [], [], [], 0
    names = part_names(models)
    for model, name in zip(models, names, strict=True):
        if model.dataset.channels != models[0].dataset.channels:
            raise ModelError(
                f"other channels in {model.plans.dataset_name} than in the first part",
                "parts that read the same images",
                "import them one by one",
            )
        labels = labels_of(model.dataset.labels, f"stages[{name}].output.labels")
        for label in labels.recipe:
            if not model.dataset.regions:
                label["channel"] = label["value"]
            label["value"] += before
        before += max(value for value, _ in model.dataset.labels)
        output = recipe.output_of(model.dataset) | {"labels": labels.recipe}
        made.append(_stage(model, name, model.input(), output))
        missing += labels.missing
        assumed += [f"{name}: {labels.assumed}"] if labels.assumed else []
    if "orientation" not in made[0]["input"]:
        missing.insert(0, recipe.ORIENTATION)
    return {"stages": made}, missing, assumed


def part_names(models: Sequence[Model]) -> list[str]:
    """What the stage of each part is called: "1-organs", ..."""
    names: list[str] = []
    for model in models:
        found = _PART.search(model.plans.dataset_name)
        words = f"{found[1]}-{found[2] or ''}" if found else model.plans.dataset_name
        words = re.sub(r"_?[0-9]+subj$", "", words)
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", words).strip("-")[:_LONGEST_NAME]
        names.append(name or f"part-{len(names) + 1}")
    return names


def share(whole: dict[str, Any]) -> None:
    """Give what was answered once to all stages of the recipe: the orientation, codes of labels."""
    stages = whole.get("stages", [])
    orientation = (whole.pop("input", None) or {}).get("orientation")
    labels = stages[-1]["output"]["labels"] if stages else []
    for stage in stages:
        if orientation is not None:
            stage["input"].setdefault("orientation", orientation)
        names = {label["name"]: label for label in labels}
        if {label["name"] for label in stage["output"]["labels"]} == set(names):
            stage["output"]["labels"] = [
                names[label["name"]] for label in stage["output"]["labels"]
            ]


def _stage(
    model: Model, name: str, input_: dict[str, Any], output: dict[str, Any]
) -> dict[str, Any]:
    networks = model.networks(name)
    made: dict[str, Any] = {"name": name, "input": input_, "output": output}
    return made | ({"networks": list(networks)} if networks else {})
