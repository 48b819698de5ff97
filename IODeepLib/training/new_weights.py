"""A new version of a model: the same networks, one of them with other weights. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from IODeepLib.disk.byte_ranges import chunks
from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import ModelError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Card, Model, read_architecture, unpack
from IODeepLib.model_object.unpacking import onnx_file_name
from IODeepLib.onnx_file import ExternalData, OnnxFile
from IODeepLib.onnx_file.graph import read_graph
from IODeepLib.onnx_file.trained import trained_tensors
from IODeepLib.publish import pack
from IODeepLib.recipe import Recipe
from IODeepLib.sources.folder import find_model
from IODeepLib.trust.signer import Signer

_WEIGHTS, _NETWORK = "tuned.bin", "tuned.onnx"  # beside what was unpacked
_MOST_NAMES = 3  # in an error


def shapes_of(model: Model, network: str = "") -> dict[str, tuple[int, ...]]:
    """The shapes of what is trained in a network, by the initializers' names."""
    file, _ = read_architecture(model, network)
    return {name: tensor.shape for name, tensor in trained_tensors(read_graph(file)).items()}


def with_weights(
    model: Model,
    weights: Mapping[str, NDArray[Any]],
    recipe: Recipe,
    out: Path,
    *,
    network: str = "",
    parent: Card | None = None,
    signer: Signer | None = None,
    progress: Progress | None = None,
) -> Model:
    """Write a model with other weights as a new version.

    Args:
        model: the model, with its weights.
        weights: by the initializers' names, all that is trained in one of its networks.
        recipe: of the new version.
        out: a new or empty folder; it appears whole or not at all.
        network: which one; the only network of a model has no name.
        parent: the version that the card refers to; None for `model` itself.
        signer: who signs it.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: the model is incomplete or altered, or these are not the weights of its
            network: other names or shapes, other types than float32, not finite.
        RecipeError: the recipe does not go with the network.
        OutputError: the folder cannot be written, or something else is there.
    """
    label = f"{model.label}, network {network}" if network else model.label
    check_weights(shapes_of(model, network), weights, label)
    with temporary_folder() as folder:
        unpacked = folder / "model"
        unpack(model, unpacked)
        _replace(unpacked / onnx_file_name(network), weights, unpacked / _NETWORK)
        paths = {one.name: unpacked / onnx_file_name(one.name) for one in model.card.networks}
        paths[network] = unpacked / _NETWORK
        pack(
            paths if paths.keys() != {""} else paths[""],
            recipe,
            out,
            parent=parent or model.card,
            signer=signer,
            progress=progress,
        )
    return find_model(out)


def check_weights(
    shapes: Mapping[str, tuple[int, ...]], weights: Mapping[str, NDArray[Any]], label: str
) -> None:
    """Refuse weights that are not those of a network.

    Args:
        shapes: of what is trained in it, by name.
        weights: by name.
        label: of the network.

    Raises:
        ModelError: names, shapes or types are others, or a value is not finite.
    """

    def refuse(what: str) -> None:
        raise ModelError(
            f"weights for {label} with {what}",
            f"finite float32 values for its {len(shapes)} trained tensors, in their shapes",
            "train this very network",
        )

    for what, names in (
        ("nothing for", sorted(shapes.keys() - weights.keys())),
        ("values for the unknown", sorted(weights.keys() - shapes.keys())),
    ):
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            refuse(f"{what} {', '.join(map(repr, names[:_MOST_NAMES]))}{more}")
    for name, values in weights.items():
        if values.dtype != np.float32 or values.shape != shapes[name]:
            refuse(f"{values.dtype} of shape {values.shape} for {name!r}")
        if not np.isfinite(values).all():
            refuse(f"values that are not finite in {name!r}")


def _replace(source: Path, weights: Mapping[str, NDArray[Any]], target: Path) -> None:
    """Write an ONNX file with the weights as external data beside it."""
    places = {}
    with (target.parent / _WEIGHTS).open("wb") as file:
        for name, values in weights.items():
            content = np.ascontiguousarray(values, "<f4")
            places[name] = ExternalData(_WEIGHTS, file.tell(), content.nbytes)
            file.write(content.tobytes())
    with target.open("wb") as file:
        for chunk in chunks(OnnxFile.open(source).rewritten(places)):
            file.write(chunk)
