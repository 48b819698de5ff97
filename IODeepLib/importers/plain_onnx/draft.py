"""From an ONNX file to a draft: what was deduced stands in it, what nobody can see is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from IODeepLib.importers.draft import Draft, Missing
from IODeepLib.importers.labels import labels_of
from IODeepLib.importers.plain_onnx.look import Look, Values, look_at
from IODeepLib.recipe import Task

_LONGEST_NAME = 40


def onnx_draft(path: Path, labels: Sequence[str] = ()) -> Draft:
    """What an ONNX network shows of itself, as a draft.

    Args:
        path: the file; external data beside it.
        labels: names of what it finds, in the order of its channels, without background.

    Raises:
        ModelError: it cannot be run by ONNX Runtime alone, or reads no images.
    """
    seen = look_at(path)
    assumed = list(_said(seen))
    task = Task.CLASSIFICATION if seen.whole else Task.SEGMENTATION
    output, values = _output(seen, len(labels), assumed)
    coded = labels_of([(v, labels[i] if i < len(labels) else "") for i, v in enumerate(values)])
    if task is not Task.SEGMENTATION:
        for channel, label in enumerate(coded.recipe):
            label["channel"] = channel
    output["labels"] = coded.recipe
    assumed += [coded.assumed] if coded.assumed else []
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem)[:_LONGEST_NAME].strip("-")
    recipe = {
        **({"name": name} if name else {}),
        "task": task.value,
        "input": _input(seen),
        "output": output,
    }
    return Draft(
        path.name, lambda folder: path, recipe, [*_MISSING, *_axes(seen), *coded.missing], assumed
    )


_MISSING = (
    Missing(
        "input.orientation",
        "where X, Y and Z of the training images grew toward; 'source': the columns, rows and "
        "slices of a series as they lie",
        "RAS",
    ),
    Missing(
        "input.grid",
        "the voxels that it was trained on: their own, of one size in mm, or a shape",
        '{"mode": "spacing", "spacing": [1, 1, 1]}',
    ),
    Missing(
        "input.intensity",
        "how values were prepared, in order; [] for not at all",
        '[{"step": "z_score"}]',
    ),
)


def _said(seen: Look) -> list[str]:
    inputs = ", ".join(map(str, seen.inputs))
    said = [f"it reads {inputs}, channels {'last' if seen.last else 'first'}"]
    given = f"it gives {seen.output}: {seen.values.value} for noise"
    said.append(given)
    if len(seen.outputs) > 1:
        said.append(f"of its outputs {', '.join(seen.outputs)} the first one with voxels is read")
    if None in seen.sizes:
        those = f"multiples of {seen.step}" if seen.step > 1 else "all that were tried"
        said.append(f"it takes open sizes: {those}")
    return said


def _input(seen: Look) -> dict[str, Any]:
    channels = []
    for item, count in zip(seen.inputs, seen.channels, strict=True):
        for i in range(count):
            words = item.name if count == 1 else f"{item.name} {i + 1}"
            own = {"input": item.name} if len(seen.inputs) > 1 else {}
            channels.append({"name": words, **own})
    input_: dict[str, Any] = {"channels": channels}
    fixed = [size for size in seen.sizes if size is not None]
    if len(fixed) == len(seen.sizes):
        input_["patch_size"] = fixed
    elif seen.step > 1:
        input_["divisible_by"] = seen.step
    return input_


def _axes(seen: Look) -> list[Missing]:
    orders = {(3, False): "NCXYZ", (3, True): "NXYZC", (2, False): "NCYX", (2, True): "NYXC"}
    example = orders[len(seen.sizes), seen.last]
    why = (
        "which letter each axis is: X columns, Y rows, Z slices of an axial image; SimpleITK "
        "and nnU-Net have Z first, nibabel and MONAI X"
    )
    return [Missing("input.axis_order", why, example)]


def _output(seen: Look, named: int, assumed: list[str]) -> tuple[dict[str, Any], list[int]]:
    """The recipe's output, and the values of its labels."""
    output: dict[str, Any] = {"channels": seen.classes}
    if len(seen.outputs) > 1:
        output["name"] = seen.output.name
    values = list(range(1, seen.classes + 1))
    if seen.values is Values.LABELS and not seen.whole:
        output["decision"] = "labels"
        return output, list(range(1, max(1, named) + 1))
    one = seen.classes == 1
    if seen.values is Values.SCORES:
        output["activation"] = "sigmoid" if one else "softmax"
        assumed.append(f"its scores become probabilities by {output['activation']}")
    by_itself = one or seen.values is Values.SIGMOID
    output["decision"] = "threshold" if by_itself else "argmax"
    if by_itself:
        assumed.append("labels where a probability is above 0.5, each by itself")
        return output, values
    if seen.whole:
        return output, values
    assumed.append("channel 0 is background; labels by the highest channel")
    return output, values[:-1]
