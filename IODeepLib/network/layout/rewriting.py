"""A network's graph read, and written anew with the layers of this room.

Only what is exactly known is rewritten: every node, every attribute, every size. With anything
else in it, the whole graph is left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from IODeepLib.network.layout import layers
from IODeepLib.network.layout.blocks import Array, Halves, Size, Writer
from IODeepLib.network.layout.layers import Activation, Picture, Three
from IODeepLib.onnx_file.graph import Graph, Node

# Operator sets in which the operators that are rewritten mean what they mean here.
OLDEST_OPSET, NEWEST_OPSET = 11, 25
# Multiplications of the rewritten convolutions for one of the network's own, at most: blocks that
# are filled up with many zeros, and strides, would eat up the gain.
MOST_WORK = 1.0
# What a stranger's graph may make of a few bytes: nodes, images that follow one another, and bytes
# of weights, which several nodes may share. The largest nnU-Nets have 400 nodes and two images.
MOST_NODES, MOST_PARTS, MOST_BYTES = 2000, 16, 2**30

Values = Callable[[str], Array | None]  # a constant of float32 by its name; None for any other
Image = tuple[Halves, ...] | Picture


class UnknownError(Exception):
    """The graph has something that is not rewritten: what."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A graph that was written anew.

    Attributes:
        model: the ModelProto.
        input: the name of its input.
        steps: for slices, rows and columns, how many of the input one of the coarsest level is.
        work, own_work: multiplications of its convolutions, and of the network's own.
    """

    model: bytes
    input: str
    steps: Three
    work: int
    own_work: int


def rewrite(graph: Graph, values: Values, shape: tuple[int, ...], block: int) -> Rewritten:
    """The graph, for an input of `shape`.

    Args:
        graph: of a network with one input.
        values: its constants.
        shape: (1, C, D, H, W).
        block: channels in a block, on this machine.

    Raises:
        UnknownError: it stays as it is, and why.
    """
    return _Rewriting(graph, values, shape, block).done()


class _Rewriting:
    def __init__(self, graph: Graph, values: Values, shape: tuple[int, ...], block: int) -> None:
        inputs = [name for name in graph.inputs if name not in graph.constants]
        _known(not graph.functions, "functions of its own")
        _known(OLDEST_OPSET <= graph.opset <= NEWEST_OPSET, f"operator set {graph.opset}")
        _known(len(graph.nodes) <= MOST_NODES, f"{len(graph.nodes)} nodes")
        _known(len(inputs) == 1 and len(shape) == 5 and shape[0] == 1, "another input")
        self._graph, self._values, self._shape = graph, values, shape
        self._writer, self._work = Writer(block), 0
        self._input, size = inputs[0], cast(Size, shape[2:])
        self._size, self._coarsest = size, size
        start = layers.picture(self._writer, self._input, shape[1], size)
        self._images: dict[str, Image] = {self._input: start}
        self._blocked: Halves | None = None
        self._uses = Counter(name for node in graph.nodes for name in node.inputs)
        self._uses.update(graph.outputs)
        self._user = {name: node for node in graph.nodes for name in node.inputs}
        self._done: set[str] = set()

    def done(self) -> Rewritten:
        for node in self._graph.nodes:
            if node.outputs[0] in self._done:
                continue
            rule = _RULES.get(node.operator) if not node.domain and node.plain else None
            _known(rule is not None, f"the operator {node.operator}")
            _known(len(node.outputs) == 1, f"{node.operator} with several outputs")
            made = cast(Callable[[_Rewriting, Node], Image], rule)(self, node)
            self._keep(node.outputs[0], made)
        outputs = {}
        for name in self._graph.outputs:
            image = self._one(name)
            self._writer.rename(layers.plain(self._writer, image), name)
            outputs[name] = (1, image.channels, *image.size)
        _known(self._work > 0, "no convolutions")
        steps = tuple(
            -(-whole // part) for whole, part in zip(self._size, self._coarsest, strict=True)
        )
        work = self._writer.multiplications
        _known(work <= MOST_WORK * self._work, f"{work / self._work:.2f} times the multiplications")
        model = self._writer.model({self._input: self._shape}, outputs)
        return Rewritten(model, self._input, cast(Three, steps), work, self._work)

    def _keep(self, name: str, image: Image) -> None:
        size = image.size if isinstance(image, Picture) else image[0].size
        _known(min(size) > 0, "nothing left of the image")
        _known(self._writer.bytes <= MOST_BYTES, "weights that are used again and again")
        self._coarsest = cast(Size, tuple(map(min, zip(self._coarsest, size, strict=True))))
        self._images[name] = image

    def _parts(self, name: str) -> tuple[Halves, ...]:
        image = self._images.get(name)
        _known(image is not None, "an input that is no image")
        if isinstance(image, Picture):
            if self._blocked is None:
                self._blocked = layers.blocked(self._writer, image)
            return (self._blocked,)
        return cast(tuple[Halves, ...], image)

    def _one(self, name: str) -> Halves:
        parts = self._parts(name)
        _known(len(parts) == 1, "images that follow one another where one is expected")
        return parts[0]

    def _weights(self, node: Node, number: int, *shape: int | None) -> Array:
        """The constant that an input is; its shape is known where a size is given."""
        name = node.inputs[number] if number < len(node.inputs) else ""
        array = self._values(name) if name in self._graph.constants else None
        if array is None or len(array.shape) != len(shape):
            raise UnknownError(f"{node.operator} with other weights")
        right = all(w in (None, size) for size, w in zip(array.shape, shape, strict=True))
        _known(right, f"{node.operator} with other weights")
        return array

    def _bias(self, node: Node, channels: int) -> Array | None:
        given = len(node.inputs) > 2 and node.inputs[2] != ""
        return self._weights(node, 2, channels) if given else None

    def conv(self, node: Node) -> Image:
        image = self._images.get(node.inputs[0])
        picture = isinstance(image, Picture)
        kernel = self._weights(node, 1, None, _channels(self._parts_or_picture(image)), *[None] * 3)
        bias = self._bias(node, kernel.shape[0])
        sizes, strides = _kernel(node, kernel)
        _known(set(sizes) <= {1, 3}, f"a kernel of {sizes}")
        _known(set(strides) <= {1, 2}, f"strides of {strides}")
        _pads(node, tuple(size // 2 for size in sizes) * 2)
        direct = picture and sizes[1] == 3 and 3 * kernel.shape[1] < self._writer.block
        source = cast(Picture, image) if direct else self._parts(node.inputs[0])
        next_ = self._only_user(node.outputs[0])
        if next_ is not None and next_.operator == "InstanceNormalization":
            bias = None  # it takes the mean away
        made = layers.convolved(self._writer, source, kernel, bias, strides)
        self._work += kernel.size * int(np.prod(made.size))
        return (made,)

    def transposed(self, node: Node) -> Image:
        image = self._one(node.inputs[0])
        kernel = self._weights(node, 1, image.channels, *[None] * 4)
        bias = self._bias(node, kernel.shape[1])
        sizes, strides = _kernel(node, kernel)
        _known(sizes == strides and set(sizes) <= {1, 2}, f"a kernel of {sizes}")
        _pads(node, (0,) * 6)
        _attribute(node, "output_padding", (0, 0, 0))
        _known("output_shape" not in node.attributes, "output_shape")
        self._work += kernel.size * int(np.prod(image.size))
        return (layers.transposed(self._writer, image, kernel, bias),)

    def norm(self, node: Node) -> Image:
        image = self._one(node.inputs[0])
        scale, shift = (self._weights(node, i, image.channels) for i in (1, 2))
        epsilon = node.attributes.get("epsilon", 1e-5)
        _known(isinstance(epsilon, float) and epsilon > 0, "epsilon")
        last, add = node, None
        next_ = self._only_user(last.outputs[0])
        if next_ is not None and next_.operator == "Add" and self._plain(next_, 2):
            other = next(name for name in next_.inputs if name != last.outputs[0])
            if other in self._images:  # it was made before
                last, add = next_, self._one(other)
                _known(_alike(add, image), "a sum of different images")
                next_ = self._only_user(last.outputs[0])
        activation = None
        if next_ is not None and next_.operator in _ACTIVATIONS and self._plain(next_):
            last, activation = next_, self._activation(next_)
        if last is not node:
            self._done |= {next_.outputs[0] for next_ in self._between(node, last)}
        made = layers.normalized(
            self._writer, image, scale, shift, cast(float, epsilon), add, activation
        )
        if last is not node:
            self._keep(last.outputs[0], (made,))
        return (made,)

    def _between(self, node: Node, last: Node) -> list[Node]:
        """The nodes behind `node`, up to `last`."""
        found = []
        while node is not last:
            node = self._user[node.outputs[0]]
            found.append(node)
        return found

    def _plain(self, node: Node, inputs: int = 0) -> bool:
        right = not node.domain and node.plain and len(node.outputs) == 1
        return right and (not inputs or len(set(node.inputs)) == len(node.inputs) == inputs)

    def _only_user(self, name: str) -> Node | None:
        """The node that alone takes a tensor."""
        return self._user.get(name) if self._uses[name] == 1 else None

    def _activation(self, node: Node) -> Activation:
        if node.operator == "Relu":
            return Activation(0.0)
        if node.operator == "LeakyRelu":
            slope = node.attributes.get("alpha", 0.01)
        else:
            array = (
                self._values(node.inputs[1]) if node.inputs[1] in self._graph.constants else None
            )
            _known(array is not None and array.size == 1, "PRelu with several slopes")
            slope = float(cast(Array, array).reshape(-1)[0])
        _known(isinstance(slope, float), "a slope")
        return Activation(cast(float, slope))

    def activated(self, node: Node) -> Image:
        activation = self._activation(node)
        return (layers.activated(self._writer, self._one(node.inputs[0]), activation),)

    def added(self, node: Node) -> Image:
        one, other = map(self._one, node.inputs)
        _known(_alike(one, other), "a sum of different images")
        return (layers.added(self._writer, one, other),)

    def joined(self, node: Node) -> Image:
        _known(node.attributes.get("axis") in (1, -4), "Concat along another axis")
        parts = tuple(part for name in node.inputs for part in self._parts(name))
        _known(len(parts) <= MOST_PARTS, f"{len(parts)} images that follow one another")
        _known(len({part.size for part in parts}) == 1, "images of different sizes")
        return parts

    def pooled(self, node: Node) -> Image:
        image = self._one(node.inputs[0])
        sizes = node.attributes.get("kernel_shape")
        _attribute(node, "strides", sizes, given=True)
        _pads(node, (0,) * 6)
        _attribute(node, "dilations", (1, 1, 1))
        _attribute(node, "ceil_mode", 0)
        _attribute(node, "storage_order", 0)
        _known(isinstance(sizes, tuple) and len(sizes) == 3, "pooling without a kernel")
        kernel = cast(Three, sizes)
        _known(set(kernel) <= {1, 2} and not image.size[0] % kernel[0], f"pooling of {kernel}")
        return (layers.pooled(self._writer, image, kernel, largest=node.operator == "MaxPool"),)

    def same(self, node: Node) -> Image:
        return self._parts(node.inputs[0])

    def _parts_or_picture(self, image: Image | None) -> Image:
        _known(image is not None, "an input that is no image")
        return cast(Image, image)


_ACTIVATIONS = ("Relu", "LeakyRelu", "PRelu")
_RULES: dict[str, Callable[[_Rewriting, Node], Image]] = {
    "Conv": _Rewriting.conv,
    "ConvTranspose": _Rewriting.transposed,
    "InstanceNormalization": _Rewriting.norm,
    "Concat": _Rewriting.joined,
    "Add": _Rewriting.added,
    "MaxPool": _Rewriting.pooled,
    "AveragePool": _Rewriting.pooled,
    "Identity": _Rewriting.same,
    **dict.fromkeys(_ACTIVATIONS, _Rewriting.activated),
}


def _known(condition: bool, what: str) -> None:
    if not condition:
        raise UnknownError(what)


def _attribute(node: Node, name: str, wanted: object, *, given: bool = False) -> None:
    """An attribute is as wanted, or, unless it must be given, left out."""
    found = node.attributes.get(name, None if given else wanted)
    _known(found == wanted and found is not None, f"{node.operator} with another {name}")


def _pads(node: Node, wanted: tuple[int, ...]) -> None:
    _attribute(node, "auto_pad", "NOTSET")
    _attribute(node, "pads", wanted, given=any(wanted))


def _kernel(node: Node, kernel: Array) -> tuple[Three, Three]:
    """Its sizes and strides; what else a convolution can have, it has not."""
    sizes = cast(Three, kernel.shape[2:])
    _attribute(node, "kernel_shape", sizes)
    _attribute(node, "dilations", (1, 1, 1))
    _attribute(node, "group", 1)
    strides = node.attributes.get("strides", (1, 1, 1))
    _known(isinstance(strides, tuple) and len(strides) == 3, "strides")
    return sizes, cast(Three, strides)


def _channels(image: Image) -> int:
    if isinstance(image, Picture):
        return image.channels
    return sum(part.channels for part in image)


def _alike(one: Halves, other: Halves) -> bool:
    return (one.channels, one.size) == (other.channels, other.size)
