"""A 3D image in ONNX Runtime's blocked 2D layout, its even and odd rows in tensors of their own.

Memory of a half is (C / b, D, R, W, b) float32: channels in blocks of b, slices, every second row,
columns. ONNX Runtime is told that it is (1, C, D * R, W): one tall 2D image, in which a dilation
of R rows reaches the next slice. Of a slice's R = H // 2 + 1 rows in each half at least one of
both is no image; where it is zero, it pads this slice below and the next one above. Channels are
filled up to whole blocks with zeros, which stay zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.onnx_file.made import Value, made_model, made_node, made_tensor

# The domain of the operators that ONNX Runtime's own layout optimizer writes into a graph.
BLOCKED = "com.microsoft.nchwc"
OPSET = 17

Array = npt.NDArray[Any]
Size = tuple[int, int, int]  # slices, rows, columns


@dataclass(frozen=True, slots=True)
class Halves:
    """An image with channels: the names of its tensors.

    Attributes:
        even, odd: rows 0, 2, 4, ... and 1, 3, 5, ... of every slice.
        channels: how many there are, without those that fill up the last block.
        size: slices, rows, columns.
        clean: whether the rows that are no image are zero.
    """

    even: str
    odd: str
    channels: int
    size: Size
    clean: bool

    @property
    def rows(self) -> int:
        """Rows of a slice in each half, those among them that are no image."""
        return self.size[1] // 2 + 1

    @property
    def valid(self) -> tuple[int, int]:
        """Those of them that are image, in the even and in the odd half."""
        return (self.size[1] + 1) // 2, self.size[1] // 2

    def __iter__(self) -> Iterator[str]:
        return iter((self.even, self.odd))


class Writer:
    """Writes a graph, node by node.

    Args:
        block: channels in a block, b.

    Attributes:
        multiplications: what the convolutions so far take.
        bytes: of the weights so far.
    """

    def __init__(self, block: int) -> None:
        self.block, self.multiplications, self.bytes = block, 0, 0
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []
        self._known: dict[object, str] = {}
        self._count = 0

    def op(self, kind: str, inputs: Sequence[str], domain: str = "", **said: Value) -> str:
        """A node; the name of what comes out."""
        return self.ops(kind, inputs, 1, domain, **said)[0]

    def ops(
        self, kind: str, inputs: Sequence[str], outputs: int, domain: str = "", **said: Value
    ) -> list[str]:
        """A node with several outputs."""
        names = [self._name() for _ in range(outputs)]
        self._nodes.append(made_node(kind, inputs, names, domain, said))
        return names

    def rename(self, name: str, wanted: str) -> None:
        """Give a tensor the name that an output has."""
        self._nodes.append(made_node("Identity", [name], [wanted]))

    def constant(self, values: Array) -> str:
        """A tensor of weights."""
        name = self._name()
        self.bytes += values.nbytes
        self._tensors.append(made_tensor(name, values))
        return name

    def numbers(self, *values: int) -> str:
        """A tensor of integers."""
        return self._once(("numbers", values), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A double."""
        return self._once(("number", value), np.array(value, np.float64))

    def model(
        self, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]
    ) -> bytes:
        """The ModelProto."""
        opsets = {"": OPSET, BLOCKED: 1}
        return made_model(self._nodes, self._tensors, inputs, outputs, opsets)

    def filled(self, channels: int) -> int:
        """Channels with those that fill up the last block."""
        return -(-channels // self.block) * self.block

    def reshape(self, name: str, *shape: int) -> str:
        """The same values, in another shape."""
        return self.op("Reshape", [name, self.numbers(*shape)])

    def tall(self, name: str, channels: int, size: Size, rows: int) -> str:
        """A half of any shape in the one that ONNX Runtime is told."""
        return self.reshape(name, 1, self.filled(channels), size[0] * rows, size[2])

    def vector(self, values: Array) -> Array:
        """A value a channel, filled up."""
        return np.pad(values, (0, self.filled(len(values)) - len(values)))

    def kernel(self, values: Array, blocked_input: bool = True) -> str:
        """Weights (out, in, height, width) float32 in blocks of both channels, or of those out."""
        out, into, height, width = values.shape
        whole = np.zeros(
            (self.filled(out), self.filled(into) if blocked_input else into, height, width),
            np.float32,
        )
        whole[:out, :into] = values
        out, into = whole.shape[:2]
        b = self.block
        if blocked_input:
            parts = whole.reshape(out // b, b, into // b, b, height, width)
            parts = parts.transpose(0, 2, 4, 5, 3, 1)
        else:
            parts = whole.reshape(out // b, b, into, height, width).transpose(0, 2, 3, 4, 1)
        return self.constant(parts.reshape(whole.shape))

    def ones(self, channels: int) -> str:
        """The kernel of a convolution that changes nothing."""
        return self._once(("ones", channels), np.ones((channels, 1, 1, 1), np.float32))

    def step(self, channels: int) -> str:
        """The kernel that takes the row below from each row."""
        block = np.tile(np.array([[1], [-1]], np.float32), (1, self.block))
        blocks = channels // self.block
        return self._once(("step", channels), np.tile(block, (blocks, 1)).reshape(-1, 1, 2, 1))

    def conv(
        self,
        source: str,
        kernel: str,
        shape: Sequence[int],
        *,
        bias: str = "",
        add: str = "",
        dilation: int = 1,
        pads: Sequence[int] = (0, 0, 0, 0),
        stride: int = 1,
        group: int = 1,
        activation: Mapping[str, Value] | None = None,
    ) -> str:
        """A blocked 2D convolution.

        Args:
            source: what is convolved.
            kernel: blocked weights.
            shape: height and width of the kernel.
            bias, add: what is added: a value a channel; a tensor like the one that comes out.
            dilation: rows from one of the kernel's to the next.
            pads: rows above, columns before, rows below, columns behind.
            stride: columns from one output to the next.
            group: 1, or as many as channels.
            activation: attributes that say what is done with the sum.
        """
        inputs = [source, kernel, bias, add]
        while not inputs[-1]:
            inputs.pop()
        return self.op(
            "Conv",
            inputs,
            BLOCKED,
            kernel_shape=list(shape),
            dilations=[dilation, 1],
            pads=list(pads),
            strides=[1, stride],
            group=group,
            **(activation or {}),
        )

    def cleaned(self, image: Halves) -> Halves:
        """The image with zeros in the rows that are none."""
        if image.clean:
            return image
        depth, _, width = image.size
        blocks, names = self.filled(image.channels) // self.block * depth, []
        for name, valid in zip(image, image.valid, strict=True):
            if valid < image.rows:
                mask = (np.arange(image.rows) < valid).astype(np.float32).reshape(1, -1, 1)
                wide = self.reshape(name, blocks, image.rows, width * self.block)
                name = self.op("Mul", [wide, self._once(("mask", valid, image.rows), mask)])
                name = self.tall(name, image.channels, image.size, image.rows)
            names.append(name)
        return Halves(names[0], names[1], image.channels, image.size, clean=True)

    def halved(self, name: str, channels: int, size: Size, rows: int, *, clean: bool) -> Halves:
        """Even and odd rows of a tensor that has all of them, `rows` a slice, few or none too many.

        Its memory is (C / b, D, rows, W, b).
        """
        depth, height, width = size
        blocks, each = self.filled(channels) // self.block * depth, height // 2 + 1
        wide = width * self.block
        name = self.reshape(name, blocks, rows, wide)
        if rows < 2 * each:
            name = self.op("Pad", [name, self.numbers(0, 0, 0, 0, 2 * each - rows, 0)])
        elif rows > 2 * each:
            name = self.op(
                "Slice", [name, self.numbers(0), self.numbers(2 * each), self.numbers(1)]
            )
        name = self.reshape(name, blocks, each, 2, wide)
        even, odd = (
            self.tall(half, channels, size, each) for half in self.ops("Split", [name], 2, axis=2)
        )
        return Halves(even, odd, channels, size, clean)

    def _once(self, key: object, values: Array) -> str:
        if key not in self._known:
            self._known[key] = self.constant(values)
        return self._known[key]

    def _name(self) -> str:
        self._count += 1
        return f"t{self._count}"
