"""The recipe of a trained model of nnU-Net."""

from __future__ import annotations

import re
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.draft import Missing
from IODeepLib.importers.nnunet import normalization, resampling
from IODeepLib.importers.nnunet.dataset import Dataset
from IODeepLib.importers.nnunet.plans import Configuration, Plans

# How the array of a file lies: (z, y, x) of the file's own axes, or of the patient's.
_AS_FILED = ("SimpleITKIO", "NibabelIO")
_REORIENTED = "NibabelIOWithReorient"
_FLAT = "NaturalImage2DIO"
_LONGEST_NAME, _LONGEST_TITLE = 40, 64

ORIENTATION = Missing(
    "input.orientation",
    "where columns, rows and slices of the training files lead to, which no file says: "
    "LPS for axial series read by ITK, LAS or RAS for many NIfTI files, 'source' for the "
    "axes of the series as it lies",
    "RAS",
)


def input_of(
    plans: Plans, of: Configuration, dataset: Dataset, mirroring: tuple[int, ...]
) -> dict[str, Any]:
    """The recipe's input; without `orientation` where the model does not say it.

    Args:
        plans, of: what plans.json says, and its configuration.
        dataset: what dataset.json says.
        mirroring: the network's spatial axes that may be mirrored, zero based.
    """
    letters = "".join("ZYX"[axis] for axis in plans.transpose_forward)[-len(of.patch_size) :]
    if any(axis >= len(letters) for axis in mirroring):
        raise ModelError(
            f"mirroring over the axes {mirroring} of a {len(letters)}D network",
            "axes that it has",
            "take the checkpoint and plans.json of one training",
        )
    steps = [normalization.steps(plans, of, i) for i in range(len(dataset.channels))]
    made: dict[str, Any] = {
        "channels": [{"name": name} for name in dataset.channels],
        "axis_order": "NC" + letters,
        "crop": "nonzero",
        "grid": resampling.grid(of),
        "patch_size": list(of.patch_size),
        "patch_starts": "even",
        "gaussian": {"center": "voxel", "least": 6e-9},
        "mirror": "".join(letters[axis] for axis in mirroring),
    }
    if all(each == steps[0] for each in steps):
        made["intensity_before_grid"] = steps[0]
    else:
        for channel, each in zip(made["channels"], steps, strict=True):
            channel["intensity_before_grid"] = each
    if len(dataset.channels) > 1:
        _tell_apart(made["channels"], dataset)
    made |= _of_reader(plans, made["channels"])
    return made


def output_of(dataset: Dataset) -> dict[str, Any]:
    """The recipe's output, but for its labels."""
    made: dict[str, Any] = {"channels": dataset.heads}
    return made | ({"activation": "sigmoid", "decision": "regions"} if dataset.regions else {})


def names_of(plans: Plans, configuration: str) -> dict[str, Any]:
    """Name and title, as far as the data set has a name."""
    plain = re.sub(r"^(Dataset|Task)\d+_", "", plans.dataset_name)
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    if not name:
        return {}
    words = re.sub(r"[^ -~]|_|\\\\", " ", plain).strip()
    title = f"{words} (nnU-Net, {configuration})"
    return {"name": name, "title": title} if len(title) <= _LONGEST_TITLE else {"name": name}


def _tell_apart(channels: list[dict[str, Any]], dataset: Dataset) -> None:
    """Say what the series of each channel are called by, or of which modality they are."""
    modalities = dataset.modalities
    if None not in modalities and len(set(modalities)) == len(modalities):
        for channel, modality in zip(channels, modalities, strict=True):
            channel["modality"] = modality
    else:
        for channel in channels:
            channel["words"] = [channel["name"]]


def _of_reader(plans: Plans, channels: list[dict[str, Any]]) -> dict[str, Any]:
    reader = plans.image_reader_writer
    if "TotalSegmentator" in plans.dataset_name:
        return {"orientation": "RAS"}  # it turns images before it calls nnU-Net
    if reader in _AS_FILED:
        return {}
    if reader == _REORIENTED:
        return {"orientation": "RAS"}
    if reader == _FLAT:  # its pixels have no size
        if len(channels) == 3:
            for channel, color in zip(channels, ("red", "green", "blue"), strict=True):
                channel.pop("words", None)
                channel["color"] = color
        return {"orientation": "source", "grid": {"mode": "native"}}
    raise ModelError(
        f"plans.json: {reader}",
        "one of " + ", ".join((*_AS_FILED, _REORIENTED, _FLAT)),
        "train on NIfTI files, or export the network as ONNX: iodeep import onnx",
    )
