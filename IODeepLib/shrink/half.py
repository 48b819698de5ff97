"""A network in half precision: ONNX Runtime's own conversion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from IODeepLib.errors import ModelError
from IODeepLib.importers.packages import first_line, not_there, onnx
from IODeepLib.network.onnx_runtime import half_precision, silent

# Sums over many voxels, and what grows faster than its input: float16 ends at 65504.
_IN_SINGLE = (
    *("InstanceNormalization", "LayerNormalization", "GroupNormalization", "LpNormalization"),
    *("BatchNormalization", "MeanVarianceNormalization", "GlobalAveragePool"),
    *("ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2"),
    *("ReduceLogSum", "ReduceLogSumExp", "ReduceProd"),
    *("Softmax", "LogSoftmax", "Exp", "Pow", "Softplus"),
)


def to_half(source: Path, target: Path, what: str) -> tuple[str, ...]:
    """Write the network in `source` with weights, and most values between layers, in float16.

    What it reads and gives keeps its type, so that the recipe stays true. Constants are folded
    before, for one that says how much is resized must not be rounded.

    Args:
        source: an ONNX file, prepared by `prepared`.
        target: the new file.
        what: how messages call it.

    Returns:
        The operators in it that go on to compute in float32.

    Raises:
        UsageError: a Python package is not there.
        ModelError: it cannot be converted.
    """
    onnx_package = onnx()
    try:
        tool = half_precision()
    except ImportError as error:
        raise not_there("onnxruntime", error) from None
    single = {*tool.DEFAULT_OP_BLOCK_LIST, *_IN_SINGLE}
    with converting(what, "float16"):
        network = onnx_package.load(source)
        network = tool.convert_float_to_float16(
            network, keep_io_types=True, op_block_list=sorted(single)
        )
        onnx_package.save(network, target)
    return tuple(sorted(single & {node.op_type for node in network.graph.node}))


@contextmanager
def converting(what: str, kind: str) -> Iterator[None]:
    """Whatever ONNX Runtime's tools raise in the block becomes the error that they cannot do it."""
    try:
        with silent():
            yield
    except MemoryError:
        raise
    except Exception as error:  # of many kinds, none of them declared
        reason = first_line(str(error) or type(error).__name__)
        raise ModelError(
            f"{what}, of which ONNX Runtime's tools make no {kind} ({reason})",
            "a network whose operators they know",
            "leave it as it is, or take the other precision",
        ) from None
