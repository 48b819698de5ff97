"""3D networks made layer by layer, with random weights, as ONNX models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from makers import networks
from onnx import helper, numpy_helper

OPSET = 17


class Layers:
    """A network that grows by one layer a call; each gives the name of what comes out."""

    def __init__(self, channels: int = 1, size: Sequence[int | None] = (None,) * 3) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._shape = [1, channels, *size]
        self._rng = np.random.default_rng(0)

    def node(self, kind: str, inputs: Sequence[str], **said: Any) -> str:
        out = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **said))
        return out

    def constant(self, values: Any) -> str:
        name = f"weight{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def random(self, *shape: int, scale: float = 1.0) -> str:
        return self.constant(scale * self._rng.standard_normal(shape))

    def conv(
        self,
        tensor: str,
        before: int,
        after: int,
        kernel: Sequence[int] = (3, 3, 3),
        strides: Sequence[int] = (1, 1, 1),
        bias: bool = True,
        **said: Any,
    ) -> str:
        weights = self.random(after, before, *kernel, scale=(before * np.prod(kernel)) ** -0.5)
        inputs = [tensor, weights, *([self.random(after)] if bias else [])]
        said = {"pads": [k // 2 for k in kernel] * 2, "strides": list(strides), **said}
        return self.node("Conv", inputs, **said)

    def up(
        self, tensor: str, before: int, after: int, kernel: Sequence[int], bias: bool = True
    ) -> str:
        inputs = [tensor, self.random(before, after, *kernel, scale=before**-0.5)]
        inputs += [self.random(after)] if bias else []
        return self.node("ConvTranspose", inputs, strides=list(kernel))

    def norm(self, tensor: str, channels: int) -> str:
        inputs = [tensor, self.random(channels), self.random(channels)]
        return self.node("InstanceNormalization", inputs)

    def pool(self, kind: str, tensor: str, kernel: Sequence[int], **said: Any) -> str:
        return self.node(kind, [tensor], **{"kernel_shape": kernel, "strides": kernel, **said})

    def prelu(self, tensor: str, *slopes: float) -> str:
        return self.node("PRelu", [tensor, self.constant(np.reshape(slopes, (-1, 1, 1, 1)))])

    def model(self, output: str) -> onnx.ModelProto:
        return networks.model(self.nodes, self.weights, {"image": self._shape}, output)


def unet(channels: int = 1, size: Sequence[int | None] = (None,) * 3) -> onnx.ModelProto:
    """Two levels of nnU-Net's PlainConvUNet, 16 and 32 channels wide, three classes."""
    net = Layers(channels, size)

    def block(tensor: str, before: int, after: int, step: int = 1) -> str:
        tensor = net.norm(net.conv(tensor, before, after, strides=[step] * 3), after)
        return net.node("LeakyRelu", [tensor], alpha=0.01)

    skip = block(block("image", channels, 16), 16, 16)
    below = block(block(skip, 16, 32, 2), 32, 32)
    joined = net.node("Concat", [net.up(below, 32, 16, (2, 2, 2)), skip], axis=1)
    return net.model(net.conv(block(block(joined, 32, 16), 16, 16), 16, 3, (1, 1, 1)))
