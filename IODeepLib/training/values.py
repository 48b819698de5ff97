"""The values of a network's tensors, read from where they lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.onnx_file import OnnxFile, Tensor
from IODeepLib.onnx_file.tensor import read_integers

# NumPy's name of a TensorProto.DataType.
TYPES = {
    1: "<f4",
    2: "u1",
    3: "i1",
    4: "<u2",
    5: "<i2",
    6: "<i4",
    7: "<i8",
    9: "?",
    10: "<f2",
    11: "<f8",
}

Place = Callable[[Tensor], ByteRange]


def read_values(file: OnnxFile, tensor: Tensor, place: Place) -> NDArray[Any] | None:
    """A copy of a tensor's values; None for a type or a form that is not read.

    Args:
        file: the model that it is of.
        tensor: which one.
        place: where the values of an external one lie.
    """
    if tensor.data_type not in TYPES:
        return None
    kind = np.dtype(TYPES[tensor.data_type])
    if tensor.external:
        where = place(tensor)
        count = math.prod(tensor.shape)
        array = np.fromfile(where.path, kind, count, offset=where.offset)
        return array.reshape(tensor.shape)
    if tensor.inline:
        part = file.buffer[slice(*tensor.inline)]
        return np.frombuffer(part, kind).reshape(tensor.shape).copy()
    integers = read_integers(file.buffer, tensor, math.prod(tensor.shape))
    if integers is None or len(integers) != math.prod(tensor.shape):
        return None
    return np.array(integers, kind).reshape(tensor.shape)
