"""Parts of layers, made of the weights as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from IODeepLib.errors import ModelError
from IODeepLib.importers.first_generation.architecture import Architecture, Layer
from IODeepLib.importers.first_generation.graph import Graph, Tensor
from IODeepLib.importers.first_generation.weights import Unit

NEXT = "export the network to ONNX with the program that trained it: iodeep import onnx"
# PyTorch's, which no description says otherwise.
_EPSILON = 1e-5
_DOUBLED = 2  # by an upsampling whose output is joined to nothing


@dataclass(frozen=True, slots=True)
class Choices:
    """What the objects do not say.

    Attributes:
        align_corners: of bilinear upsampling: whether the centers of the corner pixels stay.
        upsampling: "bilinear" or "nearest", where it has no weights.
        skip_first: whether the earlier layer's channels go before the upsampled ones.
    """

    align_corners: bool = True
    upsampling: str = "bilinear"
    skip_first: bool = True


class Conversion:
    """What has been converted so far, and the weights that are left."""

    def __init__(
        self, architecture: Architecture, units: Sequence[Unit], choices: Choices, copies: int
    ) -> None:
        self.architecture, self._choices = architecture, choices
        self.left = list(units)
        first = units[0] if units else None
        known = first.weight.shape[1] if first is not None and first.weight.ndim == 4 else None
        channels, rows, columns = architecture.input_shape(known)
        self.graph = Graph((channels // copies, rows, columns))
        self.done: dict[int, Tensor] = {}

    # Weights

    def take(self, layer: Layer, kind: str) -> Unit:
        """The next weights, which have to be of this kind."""
        if not self.left:
            raise ModelError(f"{layer}, for which no weights are left", kind, NEXT)
        unit = self.left.pop(0)
        if unit.kind != kind:
            raise ModelError(f"{layer}: {unit}", f"a {kind}", NEXT)
        return unit

    def check(self, layer: Layer, unit: Unit, *shape: int | None) -> None:
        """Refuse weights of another shape; None stands for any size."""
        found = unit.weight.shape
        pairs = list(zip(found, shape, strict=False))
        if len(found) != len(shape) or any(b is not None and a != b for a, b in pairs):
            wanted = " x ".join("any" if size is None else str(size) for size in shape)
            raise ModelError(f"{layer}: {unit}", wanted, NEXT)
        outputs = found[0]
        for name in ("bias", "running_mean", "running_var"):
            tensor = unit.tensors.get(name)
            if tensor is not None and tensor.shape != (outputs,):
                raise ModelError(
                    f"{layer}: {unit.name}.{name} with {tensor.shape}", f"{outputs}", NEXT
                )

    def constants(self, unit: Unit, *names: str) -> list[str]:
        """The tensors of a unit as constants of the graph, as far as they are there."""
        there = (name for name in names if name in unit.tensors)
        return [self.graph.weight(f"{unit.name}.{name}", unit.tensors[name]) for name in there]

    # Parts of layers

    def convolved(
        self, layer: Layer, tensor: Tensor, unit: Unit, padding: int, stride: int, groups: int = 1
    ) -> Tensor:
        outputs, _, *kernel = unit.weight.shape
        size = tuple(
            (n + 2 * padding - k) // stride + 1 for n, k in zip(tensor.size, kernel, strict=True)
        )
        name = self.graph.node(
            "Conv",
            tensor.name,
            *self.constants(unit, "weight", "bias"),
            pads=[padding] * 4,
            strides=[stride] * 2,
            group=groups,
        )
        return Tensor(name, outputs, size)

    def normalized(self, layer: Layer, tensor: Tensor) -> Tensor:
        unit = self.take(layer, "batch normalization")
        self.check(layer, unit, tensor.channels)
        names = ("weight", "bias", "running_mean", "running_var")
        missing = [name for name in names if name not in unit.tensors]
        if missing:
            raise ModelError(f"{layer}: {unit.name} without {missing[0]}", "it", NEXT)
        constants = self.constants(unit, *names)
        name = self.graph.node("BatchNormalization", tensor.name, *constants, epsilon=_EPSILON)
        return tensor._replace(name=name)

    def through(self, operator: str, tensor: Tensor, *more: str, **attributes: Any) -> Tensor:
        """An operator that changes no size."""
        return tensor._replace(name=self.graph.node(operator, tensor.name, *more, **attributes))

    def join(self, layer: Layer, tensor: Tensor) -> Tensor:
        assert layer.joined is not None  # noqa: S101 - asked before
        other = self.done[layer.joined]
        if other.size != tensor.size or len(tensor.size) != 2:
            raise ModelError(
                f"{layer}: {tensor.size} joined to layer {layer.joined} of {other.size}",
                "the same size",
                NEXT,
            )
        pair = [other.name, tensor.name]
        name = self.graph.node("Concat", *pair[:: 1 if self._choices.skip_first else -1], axis=1)
        return Tensor(name, other.channels + tensor.channels, tensor.size)

    def upsampled(self, layer: Layer, tensor: Tensor) -> Tensor:
        if len(tensor.size) != 2:
            raise ModelError(f"{layer} behind a flattened layer", "an image", NEXT)
        other = None if layer.joined is None else self.done[layer.joined]
        factor = _DOUBLED if other is None else other.size[0] // tensor.size[0]
        size = (tensor.size[0] * factor, tensor.size[1] * factor)
        if other is not None and (factor < 1 or size != other.size):
            raise ModelError(
                f"{layer}: {tensor.size} to be joined to layer {layer.joined} of {other.size}",
                "a whole multiple",
                NEXT,
            )
        if self._is_transposed(tensor, factor):
            unit = self.left.pop(0)
            outputs = unit.weight.shape[1]
            constants = self.constants(unit, "weight", "bias")
            name = self.graph.node("ConvTranspose", tensor.name, *constants, strides=[factor] * 2)
            grown = Tensor(name, outputs, size)
        else:
            grown = Tensor(self._resized(tensor, factor), tensor.channels, size)
        return grown if other is None else self.join(layer, grown)

    def _is_transposed(self, tensor: Tensor, factor: int) -> bool:
        """Whether the next weights are a transposed convolution: a kernel as large as its step."""
        if not self.left or self.left[0].kind != "convolution":
            return False
        unit, after = self.left[0], self.left[1:2]
        inputs, outputs, *kernel = unit.weight.shape
        bias = unit.bias
        return (
            inputs == tensor.channels
            and kernel == [factor, factor]
            and (bias is None or bias.shape == (outputs,))
            and not (after and after[0].kind == "batch normalization")
        )

    def _resized(self, tensor: Tensor, factor: int) -> str:
        scales = self.graph.weight("scales", np.array([1, 1, factor, factor], np.float32))
        if self._choices.upsampling == "nearest":
            how = {"mode": "nearest", "nearest_mode": "floor"}
            how["coordinate_transformation_mode"] = "asymmetric"
        else:
            corners = "align_corners" if self._choices.align_corners else "half_pixel"
            how = {"mode": "linear", "coordinate_transformation_mode": corners}
        return self.graph.node("Resize", tensor.name, "", scales, **how)
