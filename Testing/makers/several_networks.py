"""Packed models of several networks for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
from makers import networks
from makers.packed_models import altered, files
from makers.recipes import liver_recipe

from IODeepLib.model_object import Model, write_model
from IODeepLib.model_object.characteristics import sha256
from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.recipe import Recipe
from IODeepLib.sources.folder import find_model

NAMES = ("fold-0", "fold-1", "fold-2")


def ensemble_recipe(names: tuple[str, ...] = NAMES) -> Recipe:
    """That of an ensemble of networks that these are the names of."""
    return liver_recipe(networks=list(names), schema="iodeep-recipe/2")


def make_networks(folder: Path) -> dict[str, Path]:
    """A network of each name: three tensors above 1 KiB and three below."""
    return {
        name: networks.save(networks.conv(3, layers=3, seed=seed), folder / f"{name}.onnx")
        for seed, name in enumerate(NAMES)
    }


def make_several(folder: Path, max_part_bytes: int = 20_000) -> Model:
    """They, packed in several parts each, in the folder `packed`."""
    paths = make_networks(folder)
    return write_model(paths, ensemble_recipe(), folder / "packed", max_part_bytes=max_part_bytes)


def with_items(model: Model, change: Callable[[list[pydicom.Dataset]], object]) -> Path:
    """The card of `model` after `change` was at the items of its networks."""
    path = files(model)[0]

    def alter(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        change(block[Element.NETWORKS].value)

    altered(path, alter)
    return path


def with_manifest(model: Model, change: Callable[[str], str]) -> Path:
    """The card of `model` with another manifest, and the digest of that one."""
    path = files(model)[0]

    def alter(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        text = change(block[Element.MANIFEST].value)
        block[Element.MANIFEST].value = text
        block[Element.MANIFEST_DIGEST].value = sha256(text)

    altered(path, alter)
    return path


def read_again(model: Model) -> Model:
    """`model` as its folder has it now."""
    return find_model(files(model)[0].parent)
