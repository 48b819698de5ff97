"""Which tensors of a network are trained: what its operators take as weights.

Initializers of the main graph alone: exporters write parameters as such, and what a program made up
by itself (the scale of a normalization that has none, the factor of an activation) as constants.
"""

from __future__ import annotations

import math

from IODeepLib.onnx_file.graph import Graph
from IODeepLib.onnx_file.tensor import Tensor

# TensorProto.DataType: float32, float16, float64, bfloat16.
FLOATING = (1, 10, 11, 16)
# By operator, the inputs that are weights.
_WEIGHTS = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (0, 1, 2),
    "MatMul": (0, 1),
    "PRelu": (1,),
    # Of running statistics nothing is trained.
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
}
# These take any numbers: a single one is a factor that somebody wrote down.
_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
# What changes nothing but the shape.
_SAME_VALUES = ("Identity", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten", "Expand")


def trained_tensors(graph: Graph) -> dict[str, Tensor]:
    """The tensors that are trained, by name, in the order in which they are used."""
    known = dict(graph.constants)
    # Exporters write equal tensors once: what is a statistic as well stays as it is.
    statistics = {
        known[name].name
        for node in graph.nodes
        if node.operator == "BatchNormalization"
        for name in node.inputs[3:]
        if name in known
    }
    found: dict[str, Tensor] = {}
    for node in graph.nodes:
        if node.domain:
            continue
        if node.operator in _SAME_VALUES and node.inputs and node.inputs[0] in known:
            known.update(dict.fromkeys(node.outputs, known[node.inputs[0]]))
        arithmetic = node.operator in _ARITHMETIC
        places = range(2) if arithmetic else _WEIGHTS.get(node.operator, ())
        for name in (node.inputs[i] for i in places if i < len(node.inputs)):
            tensor = known.get(name)
            if tensor is None or tensor.name in statistics or not _is_parameter(tensor):
                continue
            if not arithmetic or math.prod(tensor.shape) > 1:
                found[tensor.name] = tensor
    return found


def _is_parameter(tensor: Tensor) -> bool:
    there = bool(tensor.inline or tensor.external) and tensor.nbytes > 0
    return there and tensor.in_main_graph and tensor.data_type in FLOATING
