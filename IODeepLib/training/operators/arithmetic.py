"""Arithmetic, comparisons, matrices and sums."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from IODeepLib.training.operators.said import Rule, Said

_Function = Callable[..., Tensor]


def of_one(function: _Function) -> Rule:
    """The rule of an operator that takes one tensor and says nothing."""
    return lambda said, x: function(x)


def of_two(function: _Function) -> Rule:
    """The rule of an operator that takes two tensors and says nothing."""
    return lambda said, x, y: function(x, y)


def of_many(function: _Function) -> Rule:
    """The rule of an operator that takes any number of tensors."""
    return lambda said, *tensors: functools.reduce(function, tensors)


def divide(said: Said, x: Tensor, y: Tensor) -> Tensor:
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def modulo(said: Said, x: Tensor, y: Tensor) -> Tensor:
    return torch.fmod(x, y) if said.whole("fmod", 0) else torch.remainder(x, y)


def mean_of(said: Said, *tensors: Tensor) -> Tensor:
    return functools.reduce(torch.add, tensors) / len(tensors)


def clip(said: Said, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    least = low if low is not None or not said.has("min") else said.real("min", 0.0)
    most = high if high is not None or not said.has("max") else said.real("max", 0.0)
    if least is None and most is None:
        return x
    values = [None if end is None else float(end) for end in (least, most)]
    return torch.clamp(x, values[0], values[1])


def gemm(said: Said, x: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
    x = x.T if said.whole("transA", 0) else x
    y = y.T if said.whole("transB", 0) else y
    product = said.real("alpha", 1.0) * (x @ y)
    return product if z is None else product + said.real("beta", 1.0) * z


def einsum(said: Said, *tensors: Tensor) -> Tensor:
    return torch.einsum(said.text("equation", ""), *tensors)


def reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Rule:
    """The rule of an operator that makes one value of those along some axes."""

    def reduce(said: Said, x: Tensor, axes: Tensor | None = None) -> Tensor:
        given = said.ints("axes") if axes is None else tuple(axes.tolist())
        if not given and said.whole("noop_with_empty_axes", 0):
            return x
        return function(x, list(given or range(x.dim())), bool(said.whole("keepdims", 1)))

    return reduce


RULES: dict[str, Rule] = {
    "Add": of_two(torch.add),
    "Sub": of_two(torch.sub),
    "Mul": of_two(torch.mul),
    "Div": divide,
    "Mod": modulo,
    "Pow": of_two(lambda x, y: torch.pow(x, y.to(x.dtype))),
    "Sum": of_many(torch.add),
    "Mean": mean_of,
    "Min": of_many(torch.minimum),
    "Max": of_many(torch.maximum),
    "Sqrt": of_one(torch.sqrt),
    "Exp": of_one(torch.exp),
    "Log": of_one(torch.log),
    "Erf": of_one(torch.erf),
    "Abs": of_one(torch.abs),
    "Neg": of_one(torch.neg),
    "Reciprocal": of_one(torch.reciprocal),
    "Floor": of_one(torch.floor),
    "Ceil": of_one(torch.ceil),
    "Round": of_one(torch.round),
    "Clip": clip,
    "Gemm": gemm,
    "MatMul": of_two(torch.matmul),
    "Einsum": einsum,
    "Equal": of_two(torch.eq),
    "Less": of_two(torch.lt),
    "LessOrEqual": of_two(torch.le),
    "Greater": of_two(torch.gt),
    "GreaterOrEqual": of_two(torch.ge),
    "And": of_two(torch.logical_and),
    "Or": of_two(torch.logical_or),
    "Not": of_one(torch.logical_not),
    "Where": lambda said, where, x, y: torch.where(where, x, y),
    "ReduceMean": reduction(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceSum": reduction(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "ReduceMax": reduction(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "ReduceMin": reduction(lambda x, axes, keep: x.amin(axes, keepdim=keep)),
    "ReduceL2": reduction(lambda x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt()),
    "ReduceSumSquare": reduction(lambda x, axes, keep: x.square().sum(axes, keepdim=keep)),
    "ReduceProd": reduction(
        lambda x, axes, keep: (
            functools.reduce(lambda y, axis: y.prod(axis, keepdim=True), axes, x)
            if keep
            else x.flatten().prod()
        )
    ),
}
