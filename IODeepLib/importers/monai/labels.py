"""The labels of a bundle: which channel of its network means what, with which value."""

from __future__ import annotations

from IODeepLib.importers.labels import Labels
from IODeepLib.importers.labels import labels_of as coded
from IODeepLib.importers.monai.after import Decided
from IODeepLib.importers.monai.metadata import Tensor
from IODeepLib.recipe import Task

_BACKGROUND = ("background", "everything else")


def labels_of(decided: Decided, given: Tensor, channels: int, task: Task) -> Labels:
    """The labels, with their names as far as the metadata has them, and codes.

    Args:
        decided: how scores become labels.
        given: what the metadata says of the output.
        channels: of the output.
        task: of the network.
    """
    places = _places(decided, given, channels, task)
    labels = coded([(value, given.names.get(channel, "")) for value, channel, _ in places])
    for label, (_, channel, own) in zip(labels.recipe, places, strict=True):
        if own:
            label["channel"] = channel
    return labels


def _places(
    decided: Decided, given: Tensor, channels: int, task: Task
) -> list[tuple[int, int, bool]]:
    """Value and channel of each label, and whether the recipe has to say the channel."""
    if decided.first_wins:  # the first one is painted last
        return [(i, i, True) for i in reversed(range(1, channels))]
    if decided.painted:
        return [(value, channel, True) for channel, value in decided.painted]
    if task is not Task.SEGMENTATION:
        return [(i + 1, i, True) for i in range(channels)]
    first_is_background = given.names.get(0, "").lower() in _BACKGROUND
    if decided.output.get("decision") == "threshold":
        left_out = int(first_is_background and channels > 1)
        return [(i + 1 - left_out, i, bool(left_out)) for i in range(left_out, channels)]
    return [(i, i, False) for i in range(1, channels)]
