"""Layer by layer from the first IODeep program's description and its weights to ONNX.

Weights are taken in the order of the state dict, and each has to have the shape that its layer
asks for. Blocks are those of the usual U-Net in PyTorch: twice a convolution that keeps the size,
batch normalization and ReLU. What no public text says are `Choices`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from IODeepLib.errors import ModelError
from IODeepLib.importers.first_generation.architecture import BLOCKS, Architecture, Layer
from IODeepLib.importers.first_generation.conversion import NEXT, Choices, Conversion
from IODeepLib.importers.first_generation.graph import Tensor
from IODeepLib.importers.first_generation.weights import Unit

_UPSAMPLE = "upsample"


def convert(
    architecture: Architecture, units: Sequence[Unit], choices: Choices, copies: int = 1
) -> Any:
    """The network as an ONNX model: image (batch, channels, rows, columns), scores.

    Args:
        architecture: its layers.
        units: its weights, in order.
        choices: what the object does not say.
        copies: how many channels of the network each channel of the image fills.

    Raises:
        ModelError: a layer cannot be converted, or weights do not fit; the message names it.
    """
    made = Conversion(architecture, units, choices, copies)
    tensor = made.graph.input
    if copies > 1:
        name = made.graph.node("Concat", *[tensor.name] * copies, axis=1)
        tensor = Tensor(name, tensor.channels * copies, tensor.size)
    for layer in architecture.layers:
        tensor = made.done[layer.number] = _converted(made, layer, tensor)
    if made.left:
        raise ModelError(f"weights of no layer: {made.left[0]}", "as many as the layers have", NEXT)
    return made.graph.finished(tensor)


def _converted(made: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    method = _METHODS.get(layer.kind, _block if layer.kind in BLOCKS else None)
    if method is None:
        known = ", ".join(sorted({*_METHODS, *BLOCKS}))
        raise ModelError(f"{layer}", f"a layer that can be converted: {known}", NEXT)
    if layer.joined is not None and layer.kind not in {*BLOCKS, _UPSAMPLE}:
        raise ModelError(
            f"{layer}, to which layer {layer.joined} is joined", "an upsampling or a block", NEXT
        )
    if layer.joined is not None and layer.kind in BLOCKS:
        tensor = made.join(layer, tensor)
    result = method(made, layer, tensor)
    if min(result.size, default=1) < 1:
        raise ModelError(f"{layer}, of which nothing is left", "a larger input", NEXT)
    return result


# What makes a layer's output of its input


def _block(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    # The first convolution of a decoder's block may have any width (half of its input, or its
    # output); the second one ends in the width that is said, or half of it before an upsampling
    # without weights.
    assert layer.width is not None and layer.kernel is not None  # noqa: S101 - blocks have them
    widths = (layer.width,) if layer.kind == "doubleconv" else (layer.width, layer.width // 2)
    for last in (False, True):
        unit = self.take(layer, "convolution")
        self.check(layer, unit, None, tensor.channels, layer.kernel, layer.kernel)
        if last and unit.weight.shape[0] not in widths:
            raise ModelError(
                f"{layer}: {unit}", f"{' or '.join(map(str, widths))} output channels", NEXT
            )
        tensor = self.convolved(layer, tensor, unit, layer.kernel // 2, 1)
        tensor = self.through("Relu", self.normalized(layer, tensor))
    return tensor


def _convolution(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    unit = self.take(layer, "convolution")
    self.check(layer, unit, layer.width, tensor.channels, layer.kernel, layer.kernel)
    of = self.architecture
    return self.convolved(layer, tensor, unit, of.padding, of.stride)


def _separable(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    of = self.architecture
    each = self.take(layer, "convolution")
    self.check(layer, each, tensor.channels, 1, layer.kernel, layer.kernel)
    tensor = self.convolved(layer, tensor, each, of.padding, of.stride, tensor.channels)
    across = self.take(layer, "convolution")
    self.check(layer, across, layer.width, tensor.channels, 1, 1)
    return self.convolved(layer, tensor, across, 0, 1)


def _pooling(operator: str) -> Callable[[Conversion, Layer, Tensor], Tensor]:
    def pooled(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
        assert layer.kernel is not None  # noqa: S101 - poolings have one
        step = [layer.kernel] * 2
        name = self.graph.node(operator, tensor.name, kernel_shape=step, strides=step)
        return Tensor(name, tensor.channels, tuple(n // layer.kernel for n in tensor.size))

    return pooled


def _dense(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    if tensor.size:
        raise ModelError(f"{layer} of an image", "a Flatten before it", NEXT)
    unit = self.take(layer, "dense")
    self.check(layer, unit, None, tensor.channels)
    name = self.graph.node("Gemm", tensor.name, *self.constants(unit, "weight", "bias"), transB=1)
    return Tensor(name, unit.weight.shape[0], ())


def _flatten(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    name = self.graph.node("Flatten", tensor.name, axis=1)
    return Tensor(name, tensor.channels * int(np.prod(tensor.size, dtype=int)), ())


def _prelu(self: Conversion, layer: Layer, tensor: Tensor) -> Tensor:
    unit = self.take(layer, "PReLU")
    slopes = unit.weight
    if slopes.shape not in ((1,), (tensor.channels,)):
        raise ModelError(f"{layer}: {unit}", f"1 or {tensor.channels} slopes", NEXT)
    shaped = slopes.reshape(-1, *[1] * len(tensor.size))
    return self.through("PRelu", tensor, self.graph.weight(f"{unit.name}.weight", shaped))


def _same(operator: str, **attributes: Any) -> Callable[[Conversion, Layer, Tensor], Tensor]:
    return lambda self, layer, tensor: self.through(operator, tensor, **attributes)


_METHODS: dict[str, Callable[[Conversion, Layer, Tensor], Tensor]] = {
    "cnn2d": _convolution,
    "dsc2d": _separable,
    "maxpool2d": _pooling("MaxPool"),
    "avgpool2d": _pooling("AveragePool"),
    _UPSAMPLE: Conversion.upsampled,
    "batchnorm1d": Conversion.normalized,
    "batchnorm2d": Conversion.normalized,
    "relu": _same("Relu"),
    "tanh": _same("Tanh"),
    "sigmoid": _same("Sigmoid"),
    "softmax": _same("Softmax", axis=1),
    "prelu": _prelu,
    "dropout": lambda self, layer, tensor: tensor,  # does nothing once it is trained
    "flatten": _flatten,
    "dense": _dense,
    "output": _dense,
}
