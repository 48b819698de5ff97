"""Packed models for tests: made, listed and altered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
from makers import networks
from makers.recipes import liver_recipe

from IODeepLib.model_object import Model, pack


def make_network(folder: Path) -> Path:
    """A network of three tensors above 1 KiB and three below."""
    return networks.save(networks.conv(3, layers=3), folder / "network.onnx")


def make_model(folder: Path, parts: int = 1) -> Model:
    """It, packed in 1 or 3 parts in the folder `packed`."""
    size = {1: 2**20, 3: 20_000}[parts]
    return pack(make_network(folder), liver_recipe(), folder / "packed", max_part_bytes=size)


def files(model: Model) -> list[Path]:
    """All files of a model."""
    assert model.card.path is not None
    return [model.card.path, *(part.path for part in model.weights())]


def altered(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    """Apply `change` to the data set in `path`."""
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def flip(path: Path, position: int) -> None:
    """Alter one byte."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
