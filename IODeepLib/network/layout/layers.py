"""The layers of 3D networks on images in halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from IODeepLib.network.layout.blocks import BLOCKED, Array, Halves, Size, Writer
from IODeepLib.onnx_file.made import Value

Three = tuple[int, int, int]  # along slices, rows, columns


@dataclass(frozen=True, slots=True)
class Activation:
    """max(x, 0) + slope * min(x, 0)."""

    slope: float

    def fused(self) -> dict[str, Value]:
        """As attributes of a convolution."""
        if not self.slope:
            return {"activation": "Relu"}
        return {"activation": "LeakyRelu", "activation_params": [self.slope]}


@dataclass(frozen=True, slots=True)
class Picture:
    """The network's input: even and odd rows, channels not in blocks."""

    even: str
    odd: str
    channels: int
    size: Size


def picture(w: Writer, name: str, channels: int, size: Size) -> Picture:
    """The input (1, C, D, H, W), its rows apart."""
    depth, height, width = size
    rows = height // 2 + 1
    name = w.op("Pad", [name, w.numbers(*[0] * 8, 2 * rows - height, 0)])
    name = w.reshape(name, channels, depth * rows, 2, width)
    even, odd = (
        w.reshape(half, 1, channels, depth * rows, width)
        for half in w.ops("Split", [name], 2, axis=2)
    )
    return Picture(even, odd, channels, size)


def blocked(w: Writer, image: Picture) -> Halves:
    """The input in blocks of channels."""
    more = w.filled(image.channels) - image.channels
    even, odd = (
        w.op("ReorderInput", [w.op("Pad", [half, w.numbers(*[0] * 5, more, 0, 0)])], BLOCKED)
        for half in (image.even, image.odd)
    )
    return Halves(even, odd, image.channels, image.size, clean=True)


def plain(w: Writer, image: Halves) -> str:
    """The image as (1, C, D, H, W)."""
    depth, height, width = image.size
    rows, channels = image.rows, image.channels
    halves = [
        w.reshape(
            w.op("ReorderOutput", [half], BLOCKED, channels=channels),
            *(channels * depth, rows, 1, width),
        )
        for half in image
    ]
    name = w.reshape(w.op("Concat", halves, axis=2), 1, channels, depth, 2 * rows, width)
    return w.op("Slice", [name, w.numbers(0), w.numbers(height), w.numbers(3)])


def convolved(
    w: Writer, parts: Sequence[Halves] | Picture, kernel: Array, bias: Array | None, stride: Three
) -> Halves:
    """Convolution (pads of half a kernel) of images whose channels follow one another.

    Args:
        w: where it is written.
        parts: images of the same size, or the input.
        kernel: (out, in, slices, rows, columns), of 1 or 3 each.
        bias: a value a channel, if any.
        stride: 1 or 2 each.
    """
    size = parts.size if isinstance(parts, Picture) else parts[0].size
    _, height, width = size
    out = kernel.shape[0]
    deep, high, wide = kernel.shape[2:]
    rows, columns = height // 2 + 1, -(-width // stride[2])
    across = size[0], height, columns
    bias_name = w.constant(w.vector(bias)) if bias is not None else ""

    def conv(source: str, values: Array, add: str = "", *, biased: bool, up: int = 0) -> str:
        """The sum with `values` (out, in, slices, columns), of rows that lie `up` above.

        Where the kernel is in one slice, its second one is the row that lies `up` below those.
        """
        into, high = values.shape[1:3]
        direct = isinstance(parts, Picture)
        w.multiplications += (
            w.filled(out)
            * (into if direct else w.filled(into))
            * (high * wide * size[0] * rows * columns)
        )
        reach = deep // 2 * rows
        return w.conv(
            source,
            w.kernel(values.astype(np.float32), not direct),
            (high, wide),
            bias=bias_name if biased else "",
            add=add,
            dilation=rows if deep > 1 else 1,
            pads=(reach + up, wide // 2, max(reach - up, 0), wide // 2),
            stride=stride[2],
        )

    if isinstance(parts, Picture):  # few channels: the rows of the kernel become channels
        above = w.op("Pad", [parts.odd, w.numbers(0, 0, 1, 0, 0, 0, -1, 0)])
        below = w.op("Pad", [parts.even, w.numbers(0, 0, -1, 0, 0, 0, 1, 0)])
        values = np.concatenate([kernel[:, :, :, row] for row in range(3)], 1)
        windows = [[above, parts.even, parts.odd], [parts.even, parts.odd, below]]
        names = [
            conv(w.op("Concat", window, axis=1), values, biased=True)
            for window in windows[: 2 if stride[1] == 1 else 1]
        ]
    else:
        if deep * high > 1:
            parts = [w.cleaned(part) for part in parts]
        slices = np.split(kernel, np.cumsum([part.channels for part in parts])[:-1], axis=1)
        if high == 3 and stride[1] == 1:
            names = _winograd(w, parts, slices, conv)
        else:
            names = []
            for half in range(1 if stride[1] == 2 else 2):
                total = ""
                for part, values in zip(parts, slices, strict=True):
                    first, *others = np.moveaxis(values, 3, 0)
                    if high == 1:
                        total = conv((part.even, part.odd)[half], first, total, biased=not total)
                        continue
                    middle, last = others  # of stride 2: every even row, and those around it
                    total = conv(part.even, middle, total, biased=not total)
                    if deep == 1:
                        both = np.concatenate([first, last], 2)
                        total = conv(part.odd, both, total, biased=False, up=1)
                    else:
                        total = conv(part.odd, first, total, biased=False, up=1)
                        total = conv(part.odd, last, total, biased=False)
                names.append(total)
    names = [_every_second_slice(w, name, out, across, rows, stride[0]) for name in names]
    depth = -(-size[0] // stride[0])
    if len(names) == 2:
        return Halves(names[0], names[1], out, (depth, height, columns), clean=False)
    after = depth, -(-height // 2), columns
    return w.halved(names[0], out, after, rows, clean=False)


def _winograd(
    w: Writer, parts: Sequence[Halves], slices: Sequence[Array], conv: Callable[..., str]
) -> list[str]:
    """Both halves of a convolution over three rows, by Winograd's F(2, 3): two rows at once.

    With rows a, b, c, d and a kernel k, what comes out is k0 a + k1 b + k2 c and
    k0 b + k1 c + k2 d. With s = (k0 + k2 + k1) (b + c) / 2 and t = (k0 + k2 - k1) (c - b) / 2 that
    is s + t + k0 (a - c) and s - t - k2 (b - d): four products of rows, not six.
    """
    total = minus = ""
    outer = []
    for part, kernel in zip(parts, slices, strict=True):
        first, middle, last = np.moveaxis(kernel.astype(np.float64), 3, 0)
        sum_, difference = w.op("Add", list(part)), w.op("Sub", [part.odd, part.even])
        total = conv(sum_, (first + middle + last) / 2, total, biased=False)
        minus = conv(difference, (first - middle + last) / 2, minus, biased=False)
        channels = w.filled(part.channels)
        down = w.step(channels)
        above = w.conv(part.odd, down, (2, 1), pads=(1, 0, 0, 0), group=channels)
        below = w.conv(part.even, down, (2, 1), pads=(0, 0, 1, 0), group=channels)
        outer.append((above, first, below, -last))
    even, odd = w.op("Add", [total, minus]), w.op("Sub", [total, minus])
    for i, (above, first, below, last) in enumerate(outer):
        even = conv(above, first, even, biased=i == 0)
        odd = conv(below, last, odd, biased=i == 0)
    return [even, odd]


def transposed(w: Writer, image: Halves, kernel: Array, bias: Array | None) -> Halves:
    """Transposed convolution (in, out, slices, rows, columns), of 1 or 2 each, with that stride."""
    (depth, height, width), rows, b = image.size, image.rows, w.block
    into, out, deep, high, wide = kernel.shape
    filled = w.filled(out)
    size = depth * deep, height * high, width * wide
    after = size[1] // 2 + 1
    bias_name = "" if bias is None else w.constant(np.tile(w.vector(bias), deep * wide))
    sources = list(image)
    if high == 2:  # rows of both halves come into each one
        sources = [w.op("Concat", sources, axis=0)] * 2
    names = []
    for half, source in enumerate(sources):
        row = half if high == 2 else 0
        phases = np.zeros((deep, wide, filled, into), np.float32)
        phases[:, :, :out] = kernel[:, :, :, row].transpose(2, 3, 1, 0)
        weights = w.kernel(phases.reshape(-1, into, 1, 1))
        w.multiplications += phases.size // into * w.filled(into) * depth * rows * high * width
        name = w.conv(source, weights, (1, 1), bias=bias_name)
        name = w.reshape(name, high, deep, wide, filled // b, depth, rows, width, b)
        name = w.op("Transpose", [name], perm=[3, 4, 1, 5, 0, 6, 2, 7])
        name = w.reshape(name, filled // b * size[0], rows * high, size[2] * b)
        if rows * high > after:
            name = w.op("Slice", [name, w.numbers(0), w.numbers(after), w.numbers(1)])
        names.append(w.tall(name, out, size, after))
    return Halves(names[0], names[1], out, size, clean=image.clean and bias is None)


def normalized(
    w: Writer,
    image: Halves,
    scale: Array,
    shift: Array,
    epsilon: float,
    add: Halves | None,
    activation: Activation | None,
) -> Halves:
    """Instance normalization; then, if they are given, an image is added, and the activation.

    Mean and variance are summed in double precision from those of the rows, and the variance is
    that of values from which the mean was taken: it may lie far from zero.
    """
    depth, height, width = image.size
    channels = w.filled(image.channels)

    def mean(halves: Sequence[str], count: int) -> str:
        """Over `count` values, from (C / b, D, R, b) of a half's rows."""
        sums = []
        for name, valid in zip(halves, image.valid, strict=True):
            name = w.reshape(name, channels // w.block, depth, image.rows, w.block)
            name = w.op("Slice", [name, w.numbers(0), w.numbers(valid), w.numbers(2)])
            name = w.op("Cast", [name], to=11)
            sums.append(w.op("ReduceSum", [name, w.numbers(1, 2)], keepdims=0))
        total = w.op("Div", [w.op("Add", sums), w.number(count)])
        return w.reshape(total, channels)

    def single(name: str, *shape: int) -> str:
        return w.reshape(w.op("Cast", [name], to=1), channels, *shape)

    said = {"kernel_shape": [1, width], "strides": [1, 1], "pads": [0] * 4}
    rows = [w.op("AveragePool", [half], BLOCKED, **said) for half in image]
    minus = single(w.op("Neg", [mean(rows, depth * height)]))
    ones = w.ones(channels)
    centered = [w.conv(half, ones, (1, 1), bias=minus, group=channels) for half in image]
    rows, n = [], channels * depth * image.rows
    for half in centered:  # each row is its own kernel: the sum of its squares
        itself = w.reshape(half, 1, n, 1, width), w.reshape(half, n, 1, 1, width)
        rows.append(w.conv(*itself, (1, width), group=n))
    variance = mean(rows, depth * height * width)
    deviation = w.op("Sqrt", [w.op("Add", [variance, w.number(epsilon)])])
    factor = w.op("Div", [w.constant(w.vector(scale).astype(np.float64)), deviation])
    factor, bias = single(factor, 1, 1, 1), w.constant(w.vector(shift))
    fused = activation.fused() if activation else {}
    even, odd = (
        w.conv(half, factor, (1, 1), bias=bias, add=other, group=channels, activation=fused)
        for half, other in zip(centered, add or ("", ""), strict=True)
    )
    return Halves(even, odd, image.channels, image.size, clean=False)


def activated(w: Writer, image: Halves, activation: Activation) -> Halves:
    """The activation by itself."""
    even, odd = (w.op("LeakyRelu", [half], alpha=activation.slope) for half in image)
    return Halves(even, odd, image.channels, image.size, image.clean)


def added(w: Writer, one: Halves, other: Halves) -> Halves:
    """The sum of two images."""
    even, odd = (w.op("Add", list(pair)) for pair in zip(one, other, strict=True))
    return Halves(even, odd, one.channels, one.size, one.clean and other.clean)


def pooled(w: Writer, image: Halves, kernel: Three, *, largest: bool) -> Halves:
    """The largest or the mean of 1 or 2 values each along slices, rows and columns."""
    image = w.cleaned(image)
    (depth, height, width), rows = image.size, image.rows
    deep, high, wide = kernel
    size = depth // deep, height // high, width // wide
    names = list(image)
    if high == 2:
        names = [w.op("Max" if largest else "Mean", names)]
    blocks = w.filled(image.channels) // w.block * size[0]
    done = []
    for name in names:
        said = {"kernel_shape": [1, wide], "strides": [1, wide], "pads": [0] * 4}
        name = w.op("MaxPool" if largest else "AveragePool", [name], BLOCKED, **said)
        if deep == 2:
            name = w.reshape(name, blocks, 2, rows * size[2] * w.block)
            name = (
                w.op("ReduceMax", [name], axes=[1], keepdims=0)
                if largest
                else w.op("ReduceMean", [name], axes=[1], keepdims=0)
            )
            name = w.tall(name, image.channels, (size[0], 0, size[2]), rows)
        done.append(name)
    if high == 1:
        return Halves(done[0], done[1], image.channels, size, clean=True)
    return w.halved(done[0], image.channels, size, rows, clean=height % 2 == 0)


def _every_second_slice(
    w: Writer, name: str, channels: int, size: Size, rows: int, step: int
) -> str:
    if step == 1:
        return name
    depth, _, width = size
    blocks, each = w.filled(channels) // w.block, rows * width * w.block
    name = w.reshape(name, blocks, depth, each)
    name = w.op("Slice", [name, *map(w.numbers, (0, depth, 1, 2))])
    return w.tall(name, channels, (-(-depth // 2), 0, width), rows)
