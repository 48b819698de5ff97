"""The network of `made.unet` in PyTorch, with the very weights of its ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def load(path: Path) -> Callable[[Any], Any]:
    """A function from an input tensor to the network's output, both (N, C, Z, Y, X) float32."""
    import onnx
    import torch
    from onnx import numpy_helper
    from torch.nn import functional

    graph = onnx.load(path).graph
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}

    def conv(values: list[Any], said: dict[str, Any]) -> Any:
        stride, padding = said.get("strides", [1] * 3), 1 if "pads" in said else 0
        return functional.conv3d(*values, stride=tuple(stride), padding=padding)

    operators: dict[str, Callable[[list[Any], dict[str, Any]], Any]] = {
        "Conv": conv,
        "ConvTranspose": lambda values, said: functional.conv_transpose3d(
            *values, stride=tuple(said["strides"])
        ),
        "InstanceNormalization": lambda values, _: functional.instance_norm(
            values[0], weight=values[1], bias=values[2]
        ),
        "LeakyRelu": lambda values, said: functional.leaky_relu(values[0], said["alpha"]),
        "Concat": lambda values, said: torch.cat(values, said["axis"]),
    }
    nodes = [
        (
            operators[node.op_type],
            list(node.input),
            node.output[0],
            {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        )
        for node in graph.node
    ]
    last_use = {name: i for i, (_, inputs, _, _) in enumerate(nodes) for name in inputs}

    def network(tensor: Any) -> Any:
        values = {graph.input[0].name: tensor}
        for i, (operator, inputs, output, said) in enumerate(nodes):
            values[output] = operator([weights.get(k, values.get(k)) for k in inputs], said)
            for name in inputs:  # as a module's local variables would go
                if last_use[name] == i:
                    values.pop(name, None)
        return values[graph.output[0].name]

    return network
