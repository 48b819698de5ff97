"""The labels of a bundle: which channel of its network means what, with which value."""

from __future__ import annotations

from typing import Any

from IODeepLib.importers.draft import Missing
from IODeepLib.importers.monai.after import Decided
from IODeepLib.importers.monai.metadata import Tensor
from IODeepLib.recipe import Task

_BACKGROUND = ("background", "everything else")


def labels_of(decided: Decided, given: Tensor, channels: int, task: Task) -> list[dict[str, Any]]:
    """The labels as plain records, with their names as far as the metadata has them.

    Args:
        decided: how scores become labels.
        given: what the metadata says of the output.
        channels: of the output.
        task: of the network.
    """
    named = given.names
    if decided.first_wins:
        return [_label(i, i, named, own=True) for i in reversed(range(1, channels))]
    if decided.painted:
        return [_label(value, channel, named, own=True) for channel, value in decided.painted]
    if task is not Task.SEGMENTATION:
        return [_label(i + 1, i, named, own=True) for i in range(channels)]
    first_is_background = named.get(0, "").lower() in _BACKGROUND
    if decided.output.get("decision") == "threshold":
        left_out = int(first_is_background and channels > 1)
        places = range(left_out, channels)
        return [_label(i + 1 - left_out, i, named, own=bool(left_out)) for i in places]
    return [_label(i, i, named, own=False) for i in range(1, channels)]


def _label(value: int, channel: int, named: dict[int, str], own: bool) -> dict[str, Any]:
    """A label; with its channel where the recipe would take another one."""
    found: dict[str, Any] = {"value": value}
    if channel in named:
        found["name"] = named[channel]
    return found | ({"channel": channel} if own else {})


def missing_of(labels: list[dict[str, Any]]) -> list[Missing]:
    """What has to be asked of labels."""
    missing = []
    for i, label in enumerate(labels):
        place = f"output.labels[{i}]"
        value = label["value"]
        if "name" not in label:
            why = f"what the label {value} is called: metadata.json has no channel_def for it"
            missing.append(Missing(f"{place}.name", why, f"Structure {value}"))
        name = label.get("name", f"label {value}")
        for key, example in (
            ("category", "SCT^91723000^Anatomical Structure"),
            ("type", "SCT^10200004^Liver"),
        ):
            if key not in label:
                missing.append(Missing(f"{place}.{key}", f"the coded {key} of {name!r}", example))
    return missing
