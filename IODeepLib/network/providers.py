"""ONNX Runtime's execution providers and threads: what to ask for on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from IODeepLib.errors import UsageError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
AUTO = "auto"
_SUFFIX = "ExecutionProvider"
# What "auto" tries, in this order. TensorRT is left out: it builds an engine for minutes first.
_AUTOMATIC = (
    CUDA,
    "MIGraphXExecutionProvider",
    "ROCMExecutionProvider",
    OPENVINO,
    "CoreMLExecutionProvider",
    "DmlExecutionProvider",
    CPU,
)


class Engine(StrEnum):
    """How the processor computes a network."""

    AUTO = "auto"  # rewritten, where `network.layout` knows a faster graph
    PLAIN = "plain"  # as it is


def choose(asked: str | Sequence[str], available: Sequence[str]) -> list[str]:
    """The full names of the providers to try, the best first.

    Args:
        asked: "auto", or the name or names of providers, such as "cuda" or "CPUExecutionProvider".
        available: what this ONNX Runtime was built with.

    Raises:
        UsageError: it was not built with one that is asked for.
    """
    names = [asked] if isinstance(asked, str) else list(asked)
    if names == [AUTO]:
        return [name for name in _AUTOMATIC if name in available]
    by_short_name = {_short(name): name for name in available}
    chosen = []
    for name in names:
        if _short(name) not in by_short_name:
            raise UsageError(
                f"the execution provider {name!r} is not in this ONNX Runtime",
                "one of " + ", ".join((AUTO, *sorted(by_short_name))),
                "install the ONNX Runtime package that has it, in the place of this one",
            )
        chosen.append(by_short_name[_short(name)])
    return chosen


def options_of(name: str, threads: int) -> dict[str, str]:
    """What a provider is told besides the session's own options.

    OpenVINO takes all cores of the machine, rounds what quantized weights are multiplied by to 8
    bits, and computes in bfloat16 on some processors, unless it is told not to.
    https://onnxruntime.ai/docs/execution-providers/OpenVINO-ExecutionProvider.html

    CUDA rounds what is multiplied to 10 bits, and tries out every algorithm for each convolution
    before the first run; its memory grows to twice what is asked for.
    https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
    """
    if name == CUDA:
        return {
            "use_tf32": "0",
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
        }
    if name != OPENVINO:
        return {}
    return {"precision": "ACCURACY"} | ({"num_of_threads": str(threads)} if threads else {})


def _short(name: str) -> str:
    return name.lower().removesuffix(_SUFFIX.lower())
