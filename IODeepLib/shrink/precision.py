"""What a network can be shrunk to, and which ones can be shrunk."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.model_object import Model, read_architecture
from IODeepLib.recipe import Task

# What ONNX (TensorProto.DataType) and people call the types of weights.
_FLOAT32 = 1
_NAMES = {1: "float32", 2: "uint8", 3: "int8", 10: "float16", 11: "float64", 16: "bfloat16"}
# What protobuf holds in one file, and room for the graph itself.
_MOST_BYTES = 2**31 - 2**26


class Precision(StrEnum):
    """What weights, and most values between layers, become."""

    FP16 = "fp16"
    INT8 = "int8"


def check(model: Model, to: Precision) -> None:
    """Raise unless all networks of `model` can be shrunk.

    Raises:
        UsageError: what it finds cannot be compared, as it segments nothing.
        ModelError: its weights are not what is shrunk, or too large.
    """
    if model.card.task is not Task.SEGMENTATION:
        raise UsageError(
            f"{model.label}, whose task is {model.card.task.value}",
            "a network that segments: the Dice between what it finds before and after is measured",
            "leave it as it is",
        )
    for name in (network.name for network in model.card.networks):
        what = f"the network {name} of {model.label}" if name else model.label
        size = sum(part.length for part in model.card.parts_of(name))
        if size > _MOST_BYTES:
            raise ModelError(
                f"{what} with {size / 1e9:.1f} GB of weights",
                f"at most {_MOST_BYTES / 1e9:.1f} GB, which one ONNX file holds",
                "export it in half precision",
            )
        kind = _kind(model, name)
        if kind != _FLOAT32:
            raise ModelError(
                f"{what}, most of whose weights are {_NAMES.get(kind, 'of another type')} already",
                f"weights in float32, to make {to.value} of",
                "take the version that it was made from",
            )


def _kind(model: Model, network: str) -> int:
    """The type that most bytes of the weights have."""
    onnx, _ = read_architecture(model, network)
    sizes: Counter[int] = Counter()
    for tensor in onnx.tensors:
        # Integers between the float32 layers of a network that was quantized are fewer bytes.
        sizes[tensor.data_type] += tensor.nbytes
    sizes.pop(7, None)  # int64: shapes and indices
    return sizes.most_common(1)[0][0] if sizes else _FLOAT32
