"""Normalizations and activations."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from IODeepLib.training.operators.said import Rule, Said


def instance_norm(said: Said, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    if math.prod(x.shape[2:]) == 1:  # which PyTorch refuses: nothing differs from its mean
        around = (1, -1, *(1,) * (x.dim() - 2))
        return 0 * x * scale.view(around) + shift.view(around)
    return functional.instance_norm(x, weight=scale, bias=shift, eps=said.real("epsilon", 1e-5))


def batch_norm(
    said: Said, x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    """With the running statistics as they are: patches are too few to measure others."""
    if said.whole("training_mode", 0) or said.outputs > 1:
        raise said.refused("training_mode")
    return functional.batch_norm(
        x, mean, variance, scale, shift, training=False, eps=said.real("epsilon", 1e-5)
    )


def group_norm(said: Said, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    groups, epsilon = said.whole("num_groups", 0), said.real("epsilon", 1e-5)
    if scale.shape[0] == x.shape[1]:
        return functional.group_norm(x, groups, scale, shift, epsilon)
    around = (1, -1, *(1,) * (x.dim() - 2))  # up to opset 20, a value a group
    each = x.shape[1] // groups
    normal = functional.group_norm(x, groups, eps=epsilon)
    return normal * scale.repeat_interleave(each).view(around) + shift.repeat_interleave(each).view(
        around
    )


def layer_norm(said: Said, x: Tensor, scale: Tensor, shift: Tensor | None = None) -> Tensor:
    if said.outputs > 1:
        raise said.refused("mean and deviation as outputs")
    axis = said.whole("axis", -1) % x.dim()
    sizes = list(x.shape[axis:])
    scale = scale.expand(sizes)
    shift = None if shift is None else shift.expand(sizes)
    return functional.layer_norm(x, sizes, scale, shift, said.real("epsilon", 1e-5))


def leaky_relu(said: Said, x: Tensor) -> Tensor:
    return functional.leaky_relu(x, said.real("alpha", 0.01), inplace=said.overwrites)


def prelu(said: Said, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def elu(said: Said, x: Tensor) -> Tensor:
    return functional.elu(x, said.real("alpha", 1.0), inplace=said.overwrites)


def selu(said: Said, x: Tensor) -> Tensor:
    alpha = said.real("alpha", 1.6732632423543772)
    return said.real("gamma", 1.0507009873554805) * functional.elu(x, alpha)


def hard_sigmoid(said: Said, x: Tensor) -> Tensor:
    return torch.clamp(said.real("alpha", 0.2) * x + said.real("beta", 0.5), 0, 1)


def gelu(said: Said, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=said.text("approximate", "none"))


def softmax(said: Said, x: Tensor) -> Tensor:
    return _over(said, x, torch.softmax)


def log_softmax(said: Said, x: Tensor) -> Tensor:
    return _over(said, x, torch.log_softmax)


def _over(said: Said, x: Tensor, function: Rule) -> Tensor:
    if said.opset >= 13:
        return function(x, said.whole("axis", -1))
    axis = said.whole("axis", 1) % x.dim()  # all axes from here on are one
    flat = x.reshape(math.prod(x.shape[:axis]), -1)
    return function(flat, -1).reshape(x.shape)


def dropout(said: Said, x: Tensor, *_: Tensor | None) -> Tensor:
    """Nothing is left out: a network that was exported to be run says no more of it."""
    if said.outputs > 1:
        raise said.refused("a mask as output")
    return x


RULES: dict[str, Rule] = {
    "InstanceNormalization": instance_norm,
    "BatchNormalization": batch_norm,
    "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm,
    "Relu": lambda said, x: functional.relu(x, inplace=said.overwrites),
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Elu": elu,
    "Selu": selu,
    "Gelu": gelu,
    "Sigmoid": lambda said, x: torch.sigmoid(x),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": lambda said, x: functional.hardswish(x),
    "Mish": lambda said, x: functional.mish(x),
    "Softplus": lambda said, x: functional.softplus(x),
    "Tanh": lambda said, x: torch.tanh(x),
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
    "Dropout": dropout,
}
