"""Tensors in float32, read a piece at a time from where they lie: of a version or a difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.disk.byte_ranges import ByteRange, chunks
from IODeepLib.errors import InputError, ModelError
from IODeepLib.federation.records import Round, Trained
from IODeepLib.model_object import Model, read_architecture
from IODeepLib.onnx_file import DATA_TYPES

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
VALUE_BYTES = 4
# Values that are computed with at once: of a hundred sites they have 200 MB as float64.
PIECE = 2**18
_FLOAT32 = "F32"


class Tensor(NamedTuple):
    """A tensor: its shape, and where its values lie as little-endian float32."""

    shape: tuple[int, ...]
    values: ByteRange | memoryview

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    def pieces(self) -> Iterator[Float64]:
        """Its values in their order, at most PIECE of them at once, flat."""
        for begin in range(0, self.size, PIECE):
            yield self._read(begin, min(PIECE, self.size - begin))

    def whole(self) -> Float32:
        """All of it."""
        pieces = [piece.astype(np.float32) for piece in self.pieces()]
        return np.concatenate(pieces or [np.empty(0, np.float32)]).reshape(self.shape)

    def _read(self, begin: int, count: int) -> Float64:
        first, length = begin * VALUE_BYTES, count * VALUE_BYTES
        if isinstance(self.values, ByteRange):
            path, offset, _ = self.values
            content = b"".join(map(bytes, chunks([ByteRange(path, offset + first, length)])))
        else:
            content = bytes(self.values[first : first + length])
        # Zero has no sign: which of two zeros comes first in a sorted row is not said anywhere.
        return np.frombuffer(content, "<f4").astype(np.float64) + 0.0


def tensors_of(model: Model) -> dict[str, Tensor]:
    """The tensors of a version that could be trained: float32, of its main graph.

    Raises:
        ModelError: it has several networks, or a part is missing.
    """
    if len(model.card.networks) != 1:
        raise ModelError(
            f"{model.label} has {len(model.card.networks)} networks",
            "a model of one network",
            "take part with each of them as a model of its own",
        )
    onnx, part_of = read_architecture(model, model.card.networks[0].name)
    payloads = [part.payload for part in model.weights()]
    found = {}
    for one in onnx.tensors:
        kind = DATA_TYPES.get(one.data_type)
        if not one.in_main_graph or kind is None or kind.safetensors != _FLOAT32:
            continue
        if one.external is not None:
            payload = payloads[part_of[one.name]]
            offset, length = payload.offset + one.external.offset, one.external.length
            found[one.name] = Tensor(one.shape, ByteRange(payload.path, offset, length))
        elif one.inline is not None:
            begin, end = one.inline
            found[one.name] = Tensor(one.shape, onnx.buffer[begin:end])
    return found


def trained_in(model: Model, said: Round) -> dict[str, Tensor]:
    """The tensors of the parent that a round trains, in the round's order.

    Raises:
        InputError: the round names others than it has.
    """
    there = tensors_of(model)
    found = {}
    for one in said.tensors:
        tensor = there.get(one.name)
        if tensor is None or tensor.shape != one.shape:
            has = "no such tensor" if tensor is None else f"one of {tensor.shape}"
            raise InputError(
                f"{said.label} trains {one.name!r} of {one.shape}, and {model.label} has {has}",
                "tensors of the version that is tuned",
                "ask its coordinator",
            )
        found[one.name] = tensor
    return found


def described(tensors: Mapping[str, Tensor]) -> tuple[Trained, ...]:
    """Tensors as a round names them."""
    return tuple(Trained(name, tensor.shape) for name, tensor in tensors.items())
