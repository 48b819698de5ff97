"""The recipe of a network that the first IODeep program stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from IODeepLib.codes import region_by_term
from IODeepLib.errors import UsageError
from IODeepLib.importers.draft import Missing
from IODeepLib.importers.labels import labels_of
from IODeepLib.sources.first_generation import FirstGeneration
from IODeepLib.text.records import dump

_LONGEST_NAME, _LONGEST_TITLE = 40, 64
_MODALITY = re.compile(r"[A-Z]{2,16}")
# As the program itself searches for them.
_MODALITIES = {"MRI": "MR"}
_COLORS = ("red", "green", "blue")
# Images are made to fit by OpenCV's Lanczos there; this comes nearest.
_INTERPOLATION = "cubic"

ASSUMED = (
    "slices are scaled to 0 to 1, each volume by its own range: --set input.intensity=...",
    f"slices are resized by {_INTERPOLATION} interpolation; the first program used Lanczos'",
)


def names_of(one: FirstGeneration) -> dict[str, Any]:
    """Name and title, as far as the network has a name."""
    name = re.sub(r"[^a-z0-9]+", "-", one.name.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    title = re.sub(r"[^ -~]|\\", " ", one.name).strip()[:_LONGEST_TITLE].strip()
    return {"name": name, "title": title} if name and title else {}


def applies_to(one: FirstGeneration) -> dict[str, Any]:
    """Modality and body part, as far as they are known ones."""
    made: dict[str, Any] = {}
    modality = _MODALITIES.get(one.modality, one.modality)
    if _MODALITY.fullmatch(modality):
        made["modalities"] = [modality]
    region = region_by_term(one.body_part) if one.body_part else None
    if region is not None:
        made["anatomic_regions"] = [dump(region.code)]
    return made


def input_of(one: FirstGeneration, channels: int, rows: int, columns: int) -> dict[str, Any]:
    """The recipe's input: slices as they lie in the series, of one size."""
    names = [one.modality or "image"]
    made: list[dict[str, Any]] = [{"name": name} for name in names]
    if channels == len(_COLORS):
        made = [{"name": color, "color": color} for color in _COLORS]
    return {
        "channels": made,
        "orientation": "source",
        "axis_order": "NCYX",
        "grid": {"mode": "resize", "shape": [rows, columns], "interpolation": _INTERPOLATION},
        "intensity": [{"step": "min_max"}],
    }


def output_of(
    channels: int, last: str, of_pixels: bool, names: Sequence[str]
) -> tuple[dict[str, Any], list[Missing], list[str]]:
    """The recipe's output, what of it has to be answered, and what was assumed.

    Args:
        channels: of the network's output.
        last: the kind of its last layer.
        of_pixels: whether the output is an image; else it is about the whole one.
        names: of the labels, in order; may be empty.

    Raises:
        UsageError: there are more or fewer labels.
    """
    single = channels == 1 or last == "sigmoid"
    made: dict[str, Any] = {
        "channels": channels,
        "activation": "none"
        if last in ("sigmoid", "softmax")
        else "sigmoid"
        if single
        else "softmax",
        "decision": "threshold" if single else "argmax",
    }
    background = not single and of_pixels
    first = 1 if background else 0
    assumed = ["channel 0 is background"] if background else []
    count = channels - first
    if len(names) not in (0, count):
        raise UsageError(
            f"{len(names)} labels for a network of {channels} channels",
            f"{count}",
            "correct --labels",
        )
    if names:
        labels = labels_of([(i, name) for i, name in enumerate(names, 1)])
        listed, missing = labels.recipe, labels.missing
        assumed += [labels.assumed] if labels.assumed else []
    else:
        listed = [{"value": i} for i in range(1, count + 1)]
        missing = [item for i in range(count) for item in _unnamed(i)]
    for i, label in enumerate(listed):
        label["channel"] = first + i
    return made | {"labels": listed}, missing, assumed


def _unnamed(i: int) -> tuple[Missing, ...]:
    place = f"output.labels[{i}]"
    return (
        Missing(f"{place}.name", "what the network finds; see --labels, too", "liver"),
        Missing(f"{place}.type", "what that is, a code", "SCT^10200004^Liver"),
        Missing(
            f"{place}.category",
            "of what kind that is, a code of CID 7150",
            "SCT^91723000^Anatomical Structure",
        ),
    )
