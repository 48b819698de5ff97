"""A network's rewritten graph, tried against the network itself before it takes its place.

Whether it does is decided by the graph and by what comes out, never by a clock: the same network
on the same machine and software always runs the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from IODeepLib.errors import ModelError
from IODeepLib.network.layout.blocks import BLOCKED, OPSET
from IODeepLib.network.layout.rewriting import UnknownError, Values, rewrite
from IODeepLib.onnx_file import OnnxFile
from IODeepLib.onnx_file.graph import Graph, read_graph
from IODeepLib.onnx_file.made import made_model, made_node
from IODeepLib.onnx_file.open_sizes import with_open_sizes

_log = logging.getLogger(__name__)

# Bytes of weights. The rewritten ones are held in memory, 4/3 of them, and twice while they are
# opened; those of the network itself stay in their file.
MOST_WEIGHTS = 512 * 2**20
# Multiplications of a patch. Below, opening the network twice more takes longer than is gained.
LEAST_MULTIPLICATIONS = 2**32
# How far the outputs may be apart, in parts of their range.
TOLERANCE = 1e-4
# Voxels along an axis of the patch that is tried, at least: a whole one would take as long as some
# of a run that may have no more than a few.
_TRIED = 32
_FLOAT = 1  # TensorProto.DataType

Shape = tuple[int, ...]


class Runs(Protocol):
    """A network that can be run."""

    def run_once(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs."""


_Network = TypeVar("_Network", bound=Runs)
_Opened = TypeVar("_Opened", bound=Runs, covariant=True)


class Opens(Protocol[_Opened]):
    """Opens a ModelProto, whose external data lies in a folder."""

    def __call__(self, content: bytes, folder: Path | None = None) -> _Opened: ...


def rewritten(
    network: Runs,
    content: bytes,
    folder: Path | None,
    declared: Sequence[int | None],
    shape: Shape,
    opened: Opens[_Network],
) -> _Network | None:
    """The network rewritten for inputs of `shape`; None if it stays as it is, and the log says why.

    Args:
        network: as it is.
        content: its ModelProto as it was checked and opened.
        folder: where its external data lies.
        declared: the sizes of its only input, None for an open one.
        shape: those that it will be run with.
        opened: opens another one.
    """
    try:
        block = block_size(opened)
        file = OnnxFile(content, "the network")
        graph = read_graph(file)
        values = constants_of(file, graph, folder)
        whole = rewrite(graph, values, shape, block)
        if whole.own_work < LEAST_MULTIPLICATIONS:
            raise UnknownError(f"only {whole.own_work} multiplications a patch")
        small = (
            *shape[:2],
            *(_like(n, 2 * s) for n, s in zip(shape[2:], whole.steps, strict=True)),
        )
        tried = whole if small == shape else rewrite(graph, values, small, block)
        # All its operators are known, and work with any size, whatever the network says it takes.
        takes = all(size in (None, n) for size, n in zip(declared, small, strict=True))
        wanted: Runs = network if takes else opened(with_open_sizes(content), folder)
        _compare(wanted, opened(tried.model), tried.input, small)
        done = opened(whole.model)
    except (UnknownError, ModelError) as reason:
        _log.info("the network runs as it is: %s", reason)
        return None
    _log.info("the network runs rewritten: %.2g multiplications a patch", whole.work)
    return done


def block_size(opened: Opens[Runs]) -> int:
    """Channels in a block, on this machine.

    Raises:
        UnknownError: this ONNX Runtime has no blocks for it.
    """
    node = made_node("ReorderInput", ["x"], ["y"], BLOCKED)
    shape = (1, 4, 1, 1)
    model = made_model([node], [], {"x": shape}, {"y": (1, None, 1, 1)}, {"": OPSET, BLOCKED: 1})
    try:
        [blocks] = opened(model).run_once({"x": np.zeros(shape, np.float32)})
    except ModelError as error:
        raise UnknownError(f"there are no blocked operators here ({error.found})") from None
    return int(blocks.shape[1])


def constants_of(file: OnnxFile, graph: Graph, folder: Path | None) -> Values:
    """The constants of a model, which are read when they are asked for."""

    def values(name: str) -> NDArray[np.float32] | None:
        tensor = graph.constants[name]
        if tensor.data_type != _FLOAT:
            return None
        if tensor.inline:
            part = file.buffer[slice(*tensor.inline)]
            return np.frombuffer(part, "<f4").reshape(tensor.shape)
        if tensor.external and folder is not None:
            place = tensor.external
            count = place.length // 4
            array = np.fromfile(folder / place.location, "<f4", count, offset=place.offset)
            return array.reshape(tensor.shape)
        return None

    return values


def _like(size: int, step: int) -> int:
    """The smallest number from _TRIED on that leaves the remainder of `size` by `step`, or `size`.

    Then the same rows are even and odd on every level of the network.
    """
    return min(size, _TRIED + (size - _TRIED) % step)


def _compare(network: Runs, other: Runs, name: str, shape: Shape) -> None:
    patch = np.random.default_rng(0).standard_normal(shape, np.float32)
    for wanted, found in zip(
        network.run_once({name: patch}), other.run_once({name: patch}), strict=True
    ):
        apart = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
        range_ = float(wanted.max() - wanted.min())
        if not apart <= TOLERANCE * range_:
            raise UnknownError(f"rewritten, its outputs are {apart:g} apart, of {range_:g}")
