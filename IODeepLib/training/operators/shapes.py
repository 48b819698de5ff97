"""What moves values and asks for sizes; sizes stay on the processor, wherever the image is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from IODeepLib.training.operators.said import Rule, Said

# TensorProto.DataType.
_TYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}


def concat(said: Said, *tensors: Tensor) -> Tensor:
    return torch.cat(tensors, said.whole("axis", 0))


def split(said: Said, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = said.whole("axis", 0)
    given = said.ints("split") if sizes is None else tuple(sizes.tolist())
    if given is None:
        given_size = -(-x.shape[axis] // said.outputs)
        return torch.split(x, given_size, axis)
    return torch.split(x, list(given), axis)


def cut(
    said: Said,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    first, last, which = (
        said.ints(name) if given is None else tuple(given.tolist())
        for name, given in (("starts", starts), ("ends", ends), ("axes", axes))
    )
    if first is None or last is None:
        raise said.refused("no starts and ends")
    which = which or tuple(range(len(first)))
    by = (1,) * len(first) if steps is None else tuple(steps.tolist())
    for begin, end, axis, step in zip(first, last, which, by, strict=True):
        if step == 0:
            raise said.refused("a step of 0")
        if step < 0:  # exporters turn lists of paddings around; PyTorch steps forward alone
            taken = range(*slice(begin, end, step).indices(x.shape[axis]))
            x = x.index_select(axis, torch.tensor(list(taken), dtype=torch.int64, device=x.device))
            continue
        index = [slice(None)] * x.dim()
        index[axis % x.dim()] = slice(begin, end, step)
        x = x[tuple(index)]
    return x


def gather(said: Said, x: Tensor, indices: Tensor) -> Tensor:
    axis = said.whole("axis", 0) % x.dim()
    n = x.shape[axis]
    indices = torch.where(indices < 0, indices + n, indices).to(x.device)
    found = x.index_select(axis, indices.reshape(-1))
    return found.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def reshape(said: Said, x: Tensor, shape: Tensor) -> Tensor:
    if said.whole("allowzero", 0):
        raise said.refused("allowzero")
    wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())]
    return x.reshape(wanted)


def transpose(said: Said, x: Tensor) -> Tensor:
    return x.permute(said.ints("perm") or tuple(reversed(range(x.dim()))))


def squeeze(said: Said, x: Tensor, axes: Tensor | None = None) -> Tensor:
    given = said.ints("axes") if axes is None else tuple(axes.tolist())
    return x.squeeze() if given is None else x.squeeze(given)


def unsqueeze(said: Said, x: Tensor, axes: Tensor | None = None) -> Tensor:
    given = said.ints("axes") if axes is None else tuple(axes.tolist())
    if given is None:
        raise said.refused("no axes")
    for axis in sorted(a % (x.dim() + len(given)) for a in given):
        x = x.unsqueeze(axis)
    return x


def flatten(said: Said, x: Tensor) -> Tensor:
    axis = said.whole("axis", 1)
    return x.reshape(math.prod(x.shape[: axis % (x.dim() + 1)]), -1)


def expand(said: Said, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))


def tile(said: Said, x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(tuple(repeats.tolist()))


def cast(said: Said, x: Tensor) -> Tensor:
    to = said.whole("to", 0)
    if to not in _TYPES:
        raise said.refused(f"the type {to}")
    return x.to(_TYPES[to])


def shape_of(said: Said, x: Tensor) -> Tensor:
    sizes = list(x.shape)[said.whole("start", 0) : said.whole("end", x.dim())]
    return torch.tensor(sizes, dtype=torch.int64)


def size_of(said: Said, x: Tensor) -> Tensor:
    return torch.tensor(x.numel(), dtype=torch.int64)


def constant(said: Said) -> Tensor:
    for name, kind in (("value_int", torch.int64), ("value_ints", torch.int64)):
        if said.has(name):
            value = said.whole(name, 0) if name == "value_int" else said.ints(name)
            return torch.tensor(value, dtype=kind)
    if said.has("value_float"):
        return torch.tensor(said.real("value_float", 0.0))
    if said.has("value_floats"):
        return torch.tensor(said.ints("value_floats"), dtype=torch.float32)
    raise said.refused("a value that is no number")


def constant_of_shape(said: Said, shape: Tensor) -> Tensor:
    value = said.number("value", 0.0)
    kind = torch.int64 if isinstance(value, int) else torch.float32
    return torch.full(tuple(shape.tolist()), value, dtype=kind)


def range_of(said: Said, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def depth_to_space(said: Said, x: Tensor) -> Tensor:
    if x.dim() != 4:
        raise said.refused(f"{x.dim()} axes")
    b, (n, c, h, w) = said.whole("blocksize", 1), x.shape
    if said.text("mode", "DCR") == "CRD":
        return torch.pixel_shuffle(x, b)
    x = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c // (b * b), h * b, w * b)


RULES: dict[str, Rule] = {
    "Concat": concat,
    "Split": split,
    "Slice": cut,
    "Gather": gather,
    "Reshape": reshape,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Flatten": flatten,
    "Expand": expand,
    "Tile": tile,
    "Cast": cast,
    "Shape": shape_of,
    "Size": size_of,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Range": range_of,
    "DepthToSpace": depth_to_space,
    "Identity": lambda said, x: x,
}
