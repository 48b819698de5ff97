"""Studies and networks so small that a service gets through many of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from makers import networks
from makers.recipes import label, recipe_json
from makers.series import Stack

from IODeepLib.model_object import Model, write_model
from IODeepLib.recipe import recipe_from_json

_CHANNELS = 8


def small_study(seed: int = 0, slices: int = 6, **common: Any) -> Stack:
    """An MR study with one series, which the network of `small_model` reads."""
    voxels = np.random.default_rng(seed).integers(0, 200, (slices, 24, 24)).astype(np.int16)
    words = {"Modality": "MR", "BodyPartExamined": "BRAIN", "PatientName": "Secret^Name"}
    return Stack(voxels, (1.0, 1.0, 1.0), common=words | common)


def written_study(folder: Path, seed: int, **common: Any) -> str:
    """Write a small study into a folder of its own in `folder`; its UID."""
    study = small_study(seed, **common)
    study.write(folder / f"{seed}")
    return study.study


def small_model(
    folder: Path, name: str = "small", channels: int = _CHANNELS, **changes: Any
) -> Model:
    """A network that finds something in every study, packed in a folder of its name."""
    labels = [label(value) for value in range(1, channels)]
    output = {"channels": channels, "activation": "softmax", "labels": labels}
    asked = recipe_json(name=name, output=output, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    network = networks.save(networks.conv(3, channels=channels), folder / f"{name}.onnx")
    return write_model(network, recipe_from_json(json.dumps(asked)), folder / name)
