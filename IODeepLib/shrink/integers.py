"""A network in 8-bit integers: ONNX Runtime's static quantization.

Layers with weights are given integers (QDQ, so that every execution provider may compute them in
its own way): weights symmetric, with a scale for each channel; values between layers from the least
to the largest that were seen on real images. The last ones, which make the scores, stay in float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from IODeepLib.errors import ModelError
from IODeepLib.importers.packages import not_there, onnx
from IODeepLib.network.onnx_runtime import quantization
from IODeepLib.shrink.half import converting

Feeds = Mapping[str, NDArray[Any]]

_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# What follows a layer here wants the values that it gives in full: integers between the two doubled
# the time on the CPU, and left a Dice of 0.89 of one of 0.96. Before a ReLU they save a quarter.
# (3D U-Nets, and plain convolutions of 32 channels, ONNX Runtime 1.32, one thread)
_NORMALIZATIONS = (
    *("InstanceNormalization", "LayerNormalization", "GroupNormalization"),
    *("LpNormalization", "MeanVarianceNormalization"),
)


def prepared(source: Path, target: Path, what: str) -> None:
    """Write the network in `source` as both precisions want it: constants and BatchNorms folded.

    Raises:
        UsageError: a Python package is not there.
        ModelError: the network is beyond ONNX Runtime's tools.
    """
    onnx()
    try:
        tool = quantization()
    except ImportError as error:
        raise not_there("onnxruntime", error) from None
    with converting(what, "network that can be shrunk"):
        tool.quant_pre_process(source, target, skip_symbolic_shape=True)


def to_integers(source: Path, target: Path, patches: Iterable[Feeds], what: str) -> None:
    """Write the network in `source` with 8-bit integers for layers that have weights.

    Args:
        source: an ONNX file, prepared by `prepared`.
        target: the new file.
        patches: what the network is given on real images, an array for each input.
        what: how messages call it.

    Raises:
        ModelError: it cannot be quantized, or has no layers with weights.
    """
    tool, onnx_package = quantization(), onnx()
    with converting(what, "int8"):
        network = onnx_package.load(source)
        for i, node in enumerate(network.graph.node):
            node.name = f"{node.op_type}-{i}"  # exporters leave it empty, or use it twice
        kinds = {node.op_type for node in network.graph.node}
        giving = () if kinds.isdisjoint(_NORMALIZATIONS) else _WITH_WEIGHTS
        named = target.with_suffix(".named")
        onnx_package.save(network, named)
        tool.quantize_static(
            named,
            target,
            _reader(tool, iter(patches)),
            quant_format=tool.QuantFormat.QDQ,
            activation_type=tool.QuantType.QUInt8,
            weight_type=tool.QuantType.QInt8,
            per_channel=True,
            # 7 bits: the products of 8 bits overflow on processors without VNNI.
            reduce_range=True,
            op_types_to_quantize=list(_WITH_WEIGHTS),
            nodes_to_exclude=_last(network.graph),
            extra_options={
                "MatMulConstBOnly": True,
                "OpTypesToExcludeOutputQuantization": list(giving),
            },
        )
        named.unlink()
        kinds = {node.op_type for node in onnx_package.load(target).graph.node}
    if "DequantizeLinear" not in kinds:
        raise ModelError(
            f"{what}, in which nothing became int8",
            f"a network with two layers of {', '.join(_WITH_WEIGHTS)}, or more",
            "leave it as it is, or make fp16 of it",
        )


def _last(graph: Any) -> list[str]:
    """The names of the layers with weights behind which there are no more on the way out."""
    makers = {name: node for node in graph.node for name in node.output}
    ways = [output.name for output in graph.output]
    seen: set[str] = set()
    found = []
    while ways:
        name = ways.pop()
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op_type in _WITH_WEIGHTS:
            found.append(node.name)
        else:
            ways += node.input
    return found


def _reader(tool: Any, patches: Iterator[Feeds]) -> Any:
    """What ONNX Runtime's tool reads patches from."""

    class Reader(tool.CalibrationDataReader):
        def get_next(self) -> dict[str, NDArray[Any]] | None:
            patch = next(patches, None)
            return None if patch is None else dict(patch)

    return Reader()
