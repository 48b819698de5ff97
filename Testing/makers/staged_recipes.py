"""Recipes of several stages, made to measure for tests."""

from __future__ import annotations

import copy
import json
from typing import Any

from makers.recipes import label, recipe_json

from IODeepLib.recipe import Recipe, recipe_from_json


def stage(name: str, *labels: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A stage as JSON, of one channel "image"; objects in `changes` are merged into it.

    Its labels have the output channels from 1 on, in their order.
    """
    placed = [{"channel": i, **one} for i, one in enumerate(labels, 1)]
    output = {"channels": len(labels) + 1, "labels": placed, **changes.pop("output", {})}
    whole = recipe_json(**changes, output=output)
    known = {key: whole[key] for key in ("input", "output")}
    more = {key: value for key, value in changes.items() if key not in known}
    return {"name": name, **copy.deepcopy(known), **more}


def staged_json(*stages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A recipe of these stages as JSON."""
    whole = recipe_json(**changes)
    del whole["input"], whole["output"]
    return whole | {"schema": "iodeep-recipe/2", "stages": list(stages)}


def staged(*stages: dict[str, Any], **changes: Any) -> Recipe:
    """The same, read."""
    return recipe_from_json(json.dumps(staged_json(*stages, **changes)))


def label_channel(of: str, name: str) -> dict[str, str]:
    """A channel that a label of an earlier stage fills."""
    return {"name": f"{of} {name}", "stage": of, "label": name}


IMAGE = {"name": "image"}


def cascade_json() -> list[dict[str, Any]]:
    """Stages of which the second reads the labels of the first, and the image."""
    return [
        stage("lowres", label(1, "Liver"), label(2, "Tumor")),
        stage(
            "fullres",
            label(1, "Liver"),
            label(2, "Tumor"),
            input={
                "channels": [
                    IMAGE,
                    label_channel("lowres", "Tumor"),
                    label_channel("lowres", "Liver"),
                ]
            },
        ),
    ]
