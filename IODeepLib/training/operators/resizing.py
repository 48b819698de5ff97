"""Resize and Upsample: PyTorch's own interpolation where it means the same, else axis by axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from IODeepLib.training.operators.said import Rule, Said

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
# How far a coordinate may be from half a voxel, for being it.
_SAME = 1e-6


def resize(
    said: Said,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    if said.opset < 11:  # the scales come second, and coordinates are scaled alone
        return _resized(said, x, _numbers(roi), None, "asymmetric", "floor")
    if said.has("axes") or said.whole("antialias", 0) or said.whole("exclude_outside", 0):
        raise said.refused("axes, antialias or exclude_outside")
    if said.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise said.refused("keep_aspect_ratio_policy")
    how = said.text("coordinate_transformation_mode", "half_pixel")
    rounding = said.text("nearest_mode", "round_prefer_floor")
    return _resized(said, x, _numbers(scales), _numbers(sizes), how, rounding)


def upsample(said: Said, x: Tensor, scales: Tensor | None = None) -> Tensor:
    given = said.ints("scales") if scales is None else _numbers(scales)
    return _resized(said, x, given, None, "asymmetric", "floor")


def _numbers(tensor: Tensor | None) -> Sequence[float] | None:
    return None if tensor is None or not tensor.numel() else tensor.tolist()


def _resized(
    said: Said,
    x: Tensor,
    scales: Sequence[float] | None,
    sizes: Sequence[float] | None,
    how: str,
    rounding: str,
) -> Tensor:
    given = sizes if scales is None else scales
    if given is None or len(given) != x.dim():
        raise said.refused("neither scales nor sizes of all axes")
    if scales is None:
        wanted = [int(n) for n in given]
        factors = [new / old for new, old in zip(wanted, x.shape, strict=True)]
    else:
        wanted = [int(n * factor) for n, factor in zip(x.shape, given, strict=True)]
        factors = [float(factor) for factor in given]
    if wanted[:2] != list(x.shape[:2]):
        raise said.refused("other channels or another batch")
    mode = said.text("mode", "nearest")
    call: dict[str, Any] = {"size": wanted[2:]}
    if scales is not None:
        call = {"scale_factor": factors[2:], "recompute_scale_factor": False}
    if mode == "nearest" and (how, rounding) == ("asymmetric", "floor"):
        return functional.interpolate(x, **call)
    if mode == "linear" and x.dim() - 2 in _LINEAR:
        if how in ("half_pixel", "pytorch_half_pixel") and min(wanted[2:]) > 1:
            return functional.interpolate(x, **call, mode=_LINEAR[x.dim() - 2])
        if how == "align_corners":
            size = wanted[2:]
            kind = _LINEAR[x.dim() - 2]
            return functional.interpolate(x, size=size, mode=kind, align_corners=True)
    if mode not in ("nearest", "linear"):
        raise said.refused(f"mode {mode}")
    for axis in range(2, x.dim()):
        if wanted[axis] != x.shape[axis]:
            at = _coordinates(said, how, x.shape[axis], wanted[axis], factors[axis])
            x = _nearest(said, x, axis, at, rounding) if mode == "nearest" else _linear(x, axis, at)
    return x


def _coordinates(said: Said, how: str, old: int, new: int, factor: float) -> Tensor:
    """Where the new values lie, in the old ones."""
    at = torch.arange(new, dtype=torch.float64)
    if how == "asymmetric":
        return at / factor
    if how == "half_pixel" or (how == "pytorch_half_pixel" and new > 1):
        return (at + 0.5) / factor - 0.5
    if how == "pytorch_half_pixel":
        return torch.zeros_like(at)
    if how == "align_corners":
        return at * ((old - 1) / max(1, new - 1))
    raise said.refused(f"coordinate_transformation_mode {how}")


def _nearest(said: Said, x: Tensor, axis: int, at: Tensor, rounding: str) -> Tensor:
    rules = {
        "floor": torch.floor(at + _SAME),
        "ceil": torch.ceil(at - _SAME),
        "round_prefer_floor": torch.ceil(at - 0.5 - _SAME),
        "round_prefer_ceil": torch.floor(at + 0.5 + _SAME),
    }
    if rounding not in rules:
        raise said.refused(f"nearest_mode {rounding}")
    return x.index_select(axis, _index(rules[rounding], x, axis))


def _linear(x: Tensor, axis: int, at: Tensor) -> Tensor:
    low = torch.floor(at)
    shape = [-1 if i == axis else 1 for i in range(x.dim())]
    share = (at - low).to(x).reshape(shape)
    below = x.index_select(axis, _index(low, x, axis))
    above = x.index_select(axis, _index(low + 1, x, axis))
    return below + share * (above - below)


def _index(at: Tensor, x: Tensor, axis: int) -> Tensor:
    return at.clamp(0, x.shape[axis] - 1).long().to(x.device)


RULES: dict[str, Rule] = {"Resize": resize, "Upsample": upsample}
