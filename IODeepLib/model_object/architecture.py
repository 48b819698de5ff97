"""The architecture's external tensors: which part holds each of them.

In the card, a tensor's external data names the file `weights-N.safetensors` and a range in it,
where N is the part number, of all parts of all networks: written under these names beside the
architecture, the payloads make it a complete ONNX model for any program. Other names are never
followed.
"""

from __future__ import annotations

import functools

from IODeepLib.errors import ModelError
from IODeepLib.model_object.model import Model
from IODeepLib.onnx_file import OnnxFile


def payload_name(number: int) -> str:
    """The file name that stands for part `number`, counted from 1."""
    return f"weights-{number}.safetensors"


def read_architecture(model: Model, network: str = "") -> tuple[OnnxFile, dict[str, int]]:
    """The architecture of a network, and the part (its index, from 0) of each external tensor.

    Raises:
        ModelError: it was altered, or does not fit the manifest.
    """
    card = model.card
    label = f"{card.label}, network {network}" if network else card.label
    onnx = _parsed(card.read_architecture(network), f"the architecture of {label}")
    parts = card.manifest.parts
    names = {payload_name(i + 1): i for i in range(len(parts))}
    held = {
        (name, i)
        for i, part in enumerate(parts)
        if part.network == network
        for name in part.tensors
    }
    places: dict[str, int] = {}
    for tensor in onnx.tensors:
        place = tensor.external
        if place is None:
            continue
        index = names.get(place.location)
        if (
            index is None
            or (tensor.name, index) not in held
            or place.offset + place.length > parts[index].length
        ):
            raise ModelError(
                f"{onnx.name} looks for {tensor.name!r} in {place.location!r} at bytes "
                f"{place.offset} to {place.offset + place.length}",
                "a part that the manifest names for it, and a range within that",
                "pack the model again",
            )
        places[tensor.name] = index
    return onnx, places


@functools.lru_cache(maxsize=1)
def _parsed(content: bytes, name: str) -> OnnxFile:
    """A run verifies a model, opens it and verifies it again: the same bytes, three times."""
    return OnnxFile(content, name)
