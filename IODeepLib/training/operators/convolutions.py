"""Convolutions, pooling, and the padding that they do."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from IODeepLib.training.operators.said import Rule, Said

_Sizes = tuple[int, ...]


def conv(said: Said, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    kernel = tuple(weight.shape[2:])
    strides, dilations = _strides(said, kernel), said.ints("dilations") or (1,) * len(kernel)
    before, behind = _pads(said, x.shape[2:], kernel, strides, dilations)
    x, padding = _padded(x, before, behind)
    groups = said.whole("group", 1)
    return _of_rank(said, _CONVOLUTIONS, len(kernel))(
        x, weight, bias, strides, padding, dilations, groups
    )


def conv_transpose(said: Said, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    kernel = tuple(weight.shape[2:])
    if said.has("output_shape") or said.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise said.refused("output_shape or auto_pad")
    strides, dilations = _strides(said, kernel), said.ints("dilations") or (1,) * len(kernel)
    pads = said.ints("pads") or (0,) * 2 * len(kernel)
    before, behind = pads[: len(kernel)], pads[len(kernel) :]
    more = said.ints("output_padding") or (0,) * len(kernel)
    even = before == behind
    result = _of_rank(said, _TRANSPOSED, len(kernel))(
        x,
        weight,
        bias,
        strides,
        before if even else 0,
        more,
        said.whole("group", 1),
        dilations,
    )
    if even:
        return result
    ends = zip(before, behind, result.shape[2:], strict=True)
    return result[(..., *(slice(first, n - last) for first, last, n in ends))]


def max_pool(said: Said, x: Tensor) -> Tensor:
    if said.outputs > 1 or said.whole("storage_order", 0):
        raise said.refused("indices of what is the largest")
    kernel, strides, dilations = _window(said)
    before, behind = _pads(said, x.shape[2:], kernel, strides, dilations)
    if before != behind or any(2 * n > size for n, size in zip(before, kernel, strict=True)):
        x, before = functional.pad(x, _for_pad(before, behind), value=-math.inf), (0,) * len(kernel)
    return _of_rank(said, _MAX_POOLS, len(kernel))(
        x, kernel, strides, before, dilations, bool(said.whole("ceil_mode", 0))
    )


def average_pool(said: Said, x: Tensor) -> Tensor:
    kernel, strides, dilations = _window(said)
    before, behind = _pads(said, x.shape[2:], kernel, strides, dilations)
    if before != behind or set(dilations) != {1}:
        raise said.refused(f"pads {before} and {behind}, or dilations {dilations}")
    counted = bool(said.whole("count_include_pad", 0))
    return _of_rank(said, _AVERAGE_POOLS, len(kernel))(
        x, kernel, strides, before, bool(said.whole("ceil_mode", 0)), counted
    )


def global_average_pool(said: Said, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


def global_max_pool(said: Said, x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), keepdim=True)


_CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)
_TRANSPOSED = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
_MAX_POOLS = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
_AVERAGE_POOLS = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)


def _of_rank(said: Said, functions: Sequence[Callable[..., Tensor]], rank: int) -> Any:
    if not 1 <= rank <= len(functions):
        raise said.refused(f"{rank} spatial axes")
    return functions[rank - 1]


def _strides(said: Said, kernel: _Sizes) -> _Sizes:
    return said.ints("strides") or (1,) * len(kernel)


def _window(said: Said) -> tuple[_Sizes, _Sizes, _Sizes]:
    kernel = said.ints("kernel_shape")
    if not kernel:
        raise said.refused("no kernel_shape")
    return kernel, _strides(said, kernel), said.ints("dilations") or (1,) * len(kernel)


def _pads(
    said: Said, sizes: Sequence[int], kernel: _Sizes, strides: _Sizes, dilations: _Sizes
) -> tuple[_Sizes, _Sizes]:
    """What is padded before and behind each axis."""
    how = said.text("auto_pad", "NOTSET")
    if how == "NOTSET":
        pads = said.ints("pads") or (0,) * 2 * len(kernel)
        return pads[: len(kernel)], pads[len(kernel) :]
    if how == "VALID":
        return (0,) * len(kernel), (0,) * len(kernel)
    before, behind = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
        small, large = total // 2, total - total // 2
        before.append(large if how == "SAME_LOWER" else small)
        behind.append(small if how == "SAME_LOWER" else large)
    return tuple(before), tuple(behind)


def _padded(x: Tensor, before: _Sizes, behind: _Sizes) -> tuple[Tensor, _Sizes]:
    """`x` and what a convolution shall pad itself: it does so alike on both ends."""
    if before == behind:
        return x, before
    return functional.pad(x, _for_pad(before, behind)), (0,) * len(before)


def _for_pad(before: _Sizes, behind: _Sizes) -> list[int]:
    """As PyTorch wants it: the last axis first."""
    pairs = zip(reversed(before), reversed(behind), strict=True)
    return [n for pair in pairs for n in pair]


_PAD_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def pad(
    said: Said,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    given = said.ints("pads") if pads is None else tuple(pads.tolist())
    if given is None:
        raise said.refused("no pads")
    which = list(range(x.dim())) if axes is None else [int(a) % x.dim() for a in axes.tolist()]
    before, behind = [0] * x.dim(), [0] * x.dim()
    for axis, first, last in zip(which, given[: len(which)], given[len(which) :], strict=True):
        before[axis], behind[axis] = first, last
    mode = said.text("mode", "constant")
    if mode == "constant":
        filled = said.real("value", 0.0) if value is None else float(value)
        return functional.pad(x, _for_pad(tuple(before), tuple(behind)), value=filled)
    if mode not in _PAD_MODES or any((*before[:2], *behind[:2])) or min(*before, *behind) < 0:
        raise said.refused(f"mode {mode} and pads {given}")
    return functional.pad(x, _for_pad(tuple(before[2:]), tuple(behind[2:])), mode=_PAD_MODES[mode])


RULES: dict[str, Rule] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "Pad": pad,
}
