"""The weights in an object of the first IODeep program: a state dict, layer by layer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataelem import RawDataElement

from IODeepLib.disk.byte_ranges import ByteRange, chunks
from IODeepLib.disk.files import writing
from IODeepLib.errors import ModelError
from IODeepLib.headers.header_file import open_regular
from IODeepLib.importers import packages
from IODeepLib.importers.checkpoint import read_checkpoint
from IODeepLib.model_object.instance import reading
from IODeepLib.sources.first_generation import WEIGHTS

_DEFER = 64 * 2**10  # bytes; elements above it are left in the file
_UNDEFINED = 0xFFFFFFFF  # length of an element that is made of fragments (PS3.5 A.4)
_NEXT = "retrieve or copy the object again"
# Where others than the state dict alone were saved, its usual names.
_STATE = ("state_dict", "model_state_dict", "model")

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one module of the network has: its tensors by their last names.

    Attributes:
        name: of the module in the state dict.
        tensors: weight, bias, running_mean, ...
    """

    name: str
    tensors: dict[str, Float32]

    @property
    def kind(self) -> str:
        """What module it is, by its tensors."""
        if "running_mean" in self.tensors:
            return "batch normalization"
        weight = self.tensors.get("weight")
        if weight is None:
            return "none"
        if weight.ndim == 1:
            return "PReLU" if "bias" not in self.tensors else "normalization without statistics"
        return {2: "dense", 4: "convolution"}.get(weight.ndim, f"{weight.ndim}-dimensional weights")

    @property
    def weight(self) -> Float32:
        """Its main tensor."""
        return self.tensors["weight"]

    @property
    def bias(self) -> Float32 | None:
        """What is added, if anything is."""
        return self.tensors.get("bias")

    def __str__(self) -> str:
        return f"{self.name}.weight ({self.kind}, {' x '.join(map(str, self.weight.shape))})"


def read_weights(path: Path, folder: Path) -> list[Unit]:
    """The weights of the object in the file at `path`, in their order.

    Args:
        path: of the object.
        folder: for the file that PyTorch reads.

    Raises:
        ModelError: they cannot be read, or are no state dict.
    """
    checkpoint = folder / "weights.pth"
    _decode(path, checkpoint)
    state = _state(read_checkpoint(checkpoint))
    return list(units_of(state, checkpoint.stat().st_size))


def units_of(state: Mapping[str, Any], most_bytes: int) -> Iterator[Unit]:
    """The modules of a state dict in its order, each with its tensors as float32.

    Args:
        state: names and tensors.
        most_bytes: of all tensors. One number in a file can be a tensor of any size.

    Raises:
        ModelError: a tensor is of a kind that no layer has, or there are more bytes.
    """
    torch = packages.torch()
    tensors: dict[str, dict[str, Float32]] = {}
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if size > most_bytes:
        raise ModelError(
            f"tensors of {size} bytes in {most_bytes}", "no more than there are", _NEXT
        )
    for name, tensor in state.items():
        module, _, last = name.rpartition(".")
        if last == "num_batches_tracked":
            continue
        if not tensor.is_floating_point() or tensor.layout != torch.strided:
            raise ModelError(f"{name} of {tensor.dtype}", "dense floating point numbers", _NEXT)
        array = tensor.detach().to(torch.float32).contiguous().numpy()
        if not np.isfinite(array).all():
            raise ModelError(f"{name} with values that are not finite", "finite numbers", _NEXT)
        tensors.setdefault(module, {})[last] = array
    for module, found in tensors.items():
        if "weight" not in found:
            raise ModelError(f"{module} with {', '.join(found)}", "weights of a layer", _NEXT)
        yield Unit(module, found)


def _state(value: dict[str, Any]) -> dict[str, Any]:
    torch = packages.torch()
    for found in (value, *(value.get(name) for name in _STATE)):
        if (
            isinstance(found, dict)
            and found
            and all(
                isinstance(name, str) and isinstance(tensor, torch.Tensor)
                for name, tensor in found.items()
            )
        ):
            return found
    raise ModelError(
        f"weights with {', '.join(map(repr, list(value)[:5]))}",
        "a state dict: names and tensors",
        _NEXT,
    )


def _decode(path: Path, target: Path) -> None:
    """Write what the element holds in base64 to a file, without holding it."""
    left = b""
    try:
        with writing(target), target.open("xb") as file:
            for chunk in chunks([_content(path)]):
                text = left + bytes(chunk).strip(b" \0\r\n")
                whole = len(text) // 4 * 4
                file.write(base64.b64decode(text[:whole], validate=True))
                left = text[whole:]
            if left:
                raise binascii.Error("it breaks off")
    except binascii.Error as error:
        raise ModelError(
            f"{path} with weights that are no base64 ({error})", "base64", _NEXT
        ) from None


def _content(path: Path) -> ByteRange | bytes:
    """Where the element lies in the file; itself if it is short."""
    with reading(str(path)):
        with open_regular(path) as file:
            dataset = dcmread(file, defer_size=_DEFER)
        dataset.filename, dataset.fileobj_type = str(path), open
        raw = dataset.get_item(WEIGHTS, keep_deferred=True)
        size = path.stat().st_size
    if raw is None:
        raise ModelError(f"{path} without weights (0017,0018)", "the whole object", _NEXT)
    if not isinstance(raw, RawDataElement):
        return str(raw.value).encode("ascii", "replace")
    if raw.length == _UNDEFINED or raw.value_tell + raw.length > size:
        raise ModelError(f"{path} with weights that break off", "the whole object", _NEXT)
    return ByteRange(path, raw.value_tell, raw.length)
