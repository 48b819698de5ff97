"""How ONNX Runtime makes a session: its options, and that it can be ended meanwhile."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from IODeepLib.errors import IODeepError, ModelError, UsageError
from IODeepLib.machine.interruptible import interruptible
from IODeepLib.network.onnx_runtime import onnx_runtime
from IODeepLib.network.providers import CPU

SILENT = 4  # ONNX Runtime's severity "fatal": its errors arrive as exceptions
# Above this many bytes of weights, what copies them is switched off: packing them for matrix
# multiplication, and reordering them for 2D convolution. Below, that costs neither memory nor time.
# It stays on for networks that read slices: they are a third slower without. They take two to three
# times the memory of their weights for it.
LEAVE_IN_PLACE = 64 * 2**20
_FOLDER_KEY = "session.model_external_initializers_file_folder_path"
_NO_PREPACKING = "session.disable_prepacking"
# Unasked, it takes bytes with "ORTM" in the fifth place, as the name of a producer may put it
# there, for a model in a format of its own: another model than the one that was checked.
_FORMAT = ("session.load_model_format", "ONNX")


def made_session(
    content: bytes,
    options: Any,
    providers: Sequence[tuple[str, dict[str, str]]],
    cancelled: Callable[[], bool] | None,
) -> Any:
    """ONNX Runtime's session, or why there is none; opening can be ended."""
    make = functools.partial(_opened, content, options, providers)
    end = functools.partial(options.set_load_cancellation_flag, True)
    return interruptible(make, end, cancelled)


def _opened(network: Any, options: Any, providers: Sequence[tuple[str, dict[str, str]]]) -> Any:
    """ONNX Runtime's session, or why there is none."""
    try:
        return onnx_runtime().InferenceSession(
            network, options, providers=providers, enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's errors have no common class
        return error


def options_for(folder: Path | None, threads: int, attempt: Sequence[str]) -> Any:
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry(*_FORMAT)
    if folder is not None:
        options.add_session_config_entry(_FOLDER_KEY, str(folder))
    if "DmlExecutionProvider" in attempt:
        options.enable_mem_pattern = False  # DirectML has no memory patterns
    return options


def leave_in_place(options: Any) -> None:
    """Switch off what copies weights."""
    options.graph_optimization_level = onnx_runtime().GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry(_NO_PREPACKING, "1")


def for_questions(options: Any) -> None:
    """Prepare nothing: the session will only be asked for its inputs and outputs."""
    options.graph_optimization_level = onnx_runtime().GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry(_NO_PREPACKING, "1")


def refused(label: str, provider: str, reason: str) -> IODeepError:
    if provider == CPU:
        return ModelError(
            f"ONNX Runtime refuses {label} ({reason})",
            "a network that this ONNX Runtime can run",
            "verify the model with 'iodeep show', or update onnxruntime",
        )
    return UsageError(
        f"{provider} does not run {label} ({reason})",
        "an execution provider that works on this machine",
        f"install what {provider} needs, or let the provider be chosen ('auto')",
    )
