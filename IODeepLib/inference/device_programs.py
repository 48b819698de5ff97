"""The small models that blend scores on a device, and decide there.

The slab of planes is an array (voxel and piece, channel): each voxel's channels in pieces of a few.
"""

from __future__ import annotations

from typing import Any

from IODeepLib.onnx_file.graph_writer import GraphWriter
from IODeepLib.onnx_file.made import TYPES
from IODeepLib.recipe import Activation

# Names of their inputs.
SLAB, SCORES, WEIGHTS, VOXELS, OFFSET = "slab", "scores", "weights", "voxels", "offset"
STARTS, ENDS, STEPS, PIECES, CHANNELS = "starts", "ends", "steps", "pieces", "channels"
_TO_THE_END = 2**62  # of a slice


def adding(kind: str, letters: str, spatial: str, activation: Activation) -> bytes:
    """slab (voxel and piece, channel) with a part of what a network gives added, weighted."""
    graph = GraphWriter()
    slab = graph.input(SLAB, "float32", 2)
    rank = len(letters)
    scores = graph.input(SCORES, kind, rank)
    weights = graph.input(WEIGHTS, "float32", 2)
    voxels, offset = graph.input(VOXELS, "int64", 2), graph.input(OFFSET, "int64", 1)
    starts, ends, steps = (graph.input(name, "int64", 1) for name in (STARTS, ENDS, STEPS))
    if kind != "float32":
        scores = graph.node("Cast", scores, to=TYPES["float32"])
    if activation is not Activation.NONE:
        soft = activation is Activation.SOFTMAX
        more: dict[str, Any] = {"axis": letters.index("C")} if soft else {}
        probable = graph.node("Softmax" if soft else "Sigmoid", scores, **more)
        # What is not finite is to be so afterwards, too; everything else is not changed.
        scores = graph.node("Add", probable, graph.node("Sub", scores, scores))
    part = graph.node("Slice", scores, starts, ends, graph.integers(*range(rank)), steps)
    order = [letters.index(letter) for letter in ("N", *spatial, "C")]
    part = graph.node("Transpose", part, perm=order)
    pieces = graph.input(PIECES, "int64", 1)
    count = graph.node("Shape", voxels, end=1)
    by_voxel = graph.node("Reshape", part, graph.node("Concat", count, graph.integers(-1), axis=0))
    weighted = graph.node("Mul", by_voxel, weights)
    piece = graph.node("Concat", graph.integers(-1), graph.node("Shape", slab, start=1), axis=0)
    added = graph.node("Reshape", weighted, piece)
    voxel = graph.node("Add", voxels, offset)
    first = graph.node("Mul", voxel, graph.node("Shape", pieces))
    where = graph.node("Reshape", graph.node("Add", first, pieces), graph.integers(-1, 1))
    graph.output("added", 2, "ScatterND", slab, where, added, reduction="add")
    return graph.model()


def shifting() -> bytes:
    """slab from `starts` on, and zeros behind."""
    graph = GraphWriter()
    slab, start = graph.input(SLAB, "float32", 2), graph.input(STARTS, "int64", 1)
    kept = graph.node("Slice", slab, start, graph.integers(_TO_THE_END), graph.integers(0))
    shape = graph.node("Concat", start, graph.node("Shape", slab, start=1), axis=0)
    zeros = graph.node("ConstantOfShape", shape)
    graph.output("shifted", 2, "Concat", kept, zeros, axis=0)
    return graph.model()


def bringing() -> bytes:
    """(channel, voxel) of the pieces of a slab from `starts` to `ends`."""
    graph = GraphWriter()
    graph.output("planes", 2, "Transpose", _by_voxel(graph), perm=[1, 0])
    return graph.model()


def deciding() -> bytes:
    """(voxel,) the highest channel of the pieces of a slab from `starts` to `ends`."""
    graph = GraphWriter()
    channels = graph.node("Transpose", _by_voxel(graph), perm=[1, 0])
    highest = graph.node("ArgMax", channels, axis=0, keepdims=0)
    graph.output("highest", 1, "Cast", highest, to=TYPES["uint16"], dtype="uint16")
    return graph.model()


def _by_voxel(graph: GraphWriter) -> str:
    """(voxel, channel) of the pieces of a slab from `starts` to `ends`."""
    slab = graph.input(SLAB, "float32", 2)
    start, end = graph.input(STARTS, "int64", 1), graph.input(ENDS, "int64", 1)
    part = graph.node("Slice", slab, start, end, graph.integers(0))
    shape = graph.node("Concat", graph.integers(-1), graph.input(CHANNELS, "int64", 1), axis=0)
    return graph.node("Reshape", part, shape)


def summing() -> bytes:
    """(1, 1) the sum over the pieces of a slab up to `ends`."""
    graph = GraphWriter()
    slab, end = graph.input(SLAB, "float32", 2), graph.input(ENDS, "int64", 1)
    part = graph.node("Slice", slab, graph.integers(0), end, graph.integers(0))
    graph.output("sum", 2, "ReduceSum", part, keepdims=1)
    return graph.model()
