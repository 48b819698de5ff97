"""Networks whose results can be told beforehand: their scores are sums of the input channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from makers.recipes import recipe
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.model_object import Model
from IODeepLib.publish import pack
from IODeepLib.recipe import Recipe


def sums(
    weights: Sequence[Sequence[float]],
    spatial: int,
    ending: str = "",
    bias: Sequence[float] | None = None,
) -> onnx.ModelProto:
    """A network whose output channel i is the sum of the input channels times `weights[i]`.

    Args:
        weights: (output channel, input channel).
        spatial: 2 or 3 spatial axes.
        bias: what is added to each output channel.
        ending: "pool" averages each channel over the image, "peak" takes its highest value;
            "argmax" gives label values.
    """
    kernel = np.asarray(weights, np.float32)
    outputs, inputs = kernel.shape
    nodes = [helper.make_node("Conv", ["image", "kernel", "bias"], ["sums"])]
    added = np.zeros(outputs, np.float32) if bias is None else np.asarray(bias, np.float32)
    shape: list[int | None] = [None, outputs, *[None] * spatial]
    kind = TensorProto.FLOAT
    if ending in ("pool", "peak"):
        pool = "GlobalAveragePool" if ending == "pool" else "GlobalMaxPool"
        nodes.append(helper.make_node(pool, ["sums"], ["pooled"]))
        nodes.append(helper.make_node("Flatten", ["pooled"], ["out"]))
        shape = [None, outputs]
    elif ending == "argmax":
        nodes.append(helper.make_node("ArgMax", ["sums"], ["out"], axis=1, keepdims=0))
        shape, kind = [None] * (spatial + 1), TensorProto.INT64
    else:
        nodes.append(helper.make_node("Identity", ["sums"], ["out"]))
    graph = helper.make_graph(
        nodes,
        "sums",
        [
            helper.make_tensor_value_info(
                "image", TensorProto.FLOAT, [None, inputs, *[None] * spatial]
            )
        ],
        [helper.make_tensor_value_info("out", kind, shape)],
        [
            numpy_helper.from_array(kernel.reshape(outputs, inputs, *[1] * spatial), "kernel"),
            numpy_helper.from_array(added, "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def models_of(folder: Path, networks: Mapping[str, onnx.ModelProto], recipe: Recipe) -> Model:
    """A model of several networks, each under the name that the recipe has for it."""
    paths = {}
    for name, network in networks.items():
        paths[name] = folder / f"{name}.onnx"
        onnx.save(network, str(paths[name]))
    return pack(paths, recipe, folder / "model")


def one_sided() -> onnx.ModelProto:
    """Scores of the voxel itself, and of the next one along the last axis: it has a direction."""
    kernel = np.zeros((2, 1, 1, 1, 3), np.float32)
    kernel[0, 0, 0, 0, 1] = kernel[1, 0, 0, 0, 2] = 1
    convolve = helper.make_node("Conv", ["image", "kernel"], ["out"], pads=[0, 0, 1, 0, 0, 1])
    shape = [None, None, None, None]
    graph = helper.make_graph(
        [convolve],
        "next",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *shape[1:]])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2, *shape[1:]])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def model_of(folder: Path, network: onnx.ModelProto, **changes: Any) -> Model:
    onnx.save(network, str(folder / "network.onnx"))
    return pack(folder / "network.onnx", recipe(**changes), folder / "model")
