"""Packed models for tests: made, listed and altered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pydicom
from makers import networks
from makers.recipes import liver_recipe

from IODeepLib.model_object import Model, write_model
from IODeepLib.model_object.characteristics import TAG, describe, sha256
from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.sources.folder import find_model


def make_network(folder: Path) -> Path:
    """A network of three tensors above 1 KiB and three below."""
    return networks.save(networks.conv(3, layers=3), folder / "network.onnx")


def make_model(folder: Path, parts: int = 1) -> Model:
    """It, packed in 1 or 3 parts in the folder `packed`."""
    size = {1: 2**20, 3: 20_000}[parts]
    return write_model(make_network(folder), liver_recipe(), folder / "packed", max_part_bytes=size)


def files(model: Model) -> list[Path]:
    """All files of a model."""
    assert model.card.path is not None
    return [model.card.path, *(part.path for part in model.weights())]


def altered(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    """Apply `change` to the data set in `path`, and describe its private block anew."""
    dataset = pydicom.dcmread(path)
    change(dataset)
    if TAG in dataset and block_of(dataset) is not None:
        with suppress(KeyError):  # there is nothing left to be described
            describe(dataset)
    dataset.save_as(path)


def flip(path: Path, position: int) -> None:
    """Alter one byte."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def with_recipe(model: Model, text: str) -> Model:
    """`model` with another recipe in its card, and the digest of that one."""
    path = files(model)[0]

    def change(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        block[Element.RECIPE].value = text
        block[Element.RECIPE_DIGEST].value = sha256(text)

    altered(path, change)
    return find_model(path.parent)


def with_architecture(model: Model, content: bytes) -> Model:
    """`model` with another architecture in its card, and the digest and length of that one."""
    path = files(model)[0]

    def change(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        block[Element.ARCHITECTURE].value = content + b"\0" * (len(content) % 2)
        block[Element.ARCHITECTURE_LENGTH].value = len(content)
        block[Element.ARCHITECTURE_DIGEST].value = sha256(content)

    altered(path, change)
    return find_model(path.parent)
