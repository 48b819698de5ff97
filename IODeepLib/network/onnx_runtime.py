"""ONNX Runtime, without its telemetry.

Its packages (1.30 and 1.32 for Linux do) keep an identifier in the user's cache folder, collect
events there, and send them to their maker, unless ORT_DISABLE_TELEMETRY is set when the module is
imported. (Privacy.md in the package; seen by the files that a mere import leaves)
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType

from IODeepLib.errors import IODeepError

_log = logging.getLogger(__name__)

# Before 1.26 it opens files that a model names; before 1.31 nobody can end it while it opens one.
_OLDEST = (1, 31)
_SWITCH = "ORT_DISABLE_TELEMETRY"
_WARNING, _FATAL = 2, 4  # its severities


def onnx_runtime() -> ModuleType:
    """The module `onnxruntime`; only through here is it ever imported.

    Raises:
        ImportError: it is not there, or cannot be loaded.
    """
    former = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "1"
    try:
        import onnxruntime
    finally:  # the environment is that of others, too
        if former is None:
            del os.environ[_SWITCH]
        else:
            os.environ[_SWITCH] = former
    # Somebody else may have imported it before us; of what we do nothing is to be said.
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def check_age() -> None:
    """Refuse an ONNX Runtime that is too old.

    Raises:
        IODeepError: it is.
    """
    version = str(onnx_runtime().__version__)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < _OLDEST:
        raise IODeepError(
            f"onnxruntime {version}",
            f"{'.'.join(map(str, _OLDEST))} or later",
            "update it; onnxruntime-openvino ends at 1.24 and brings the same Python module:"
            " where it is installed remove it, then install onnxruntime again",
        )


@contextmanager
def silent() -> Iterator[None]:
    """Sessions that its tools open in the block say nothing: they would, names of tensors as well.

    Those are foreign text, which a terminal might obey.
    """
    onnxruntime = onnx_runtime()
    onnxruntime.set_default_logger_severity(_FATAL)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(_WARNING)  # as it is unless somebody changes it


def quantization() -> ModuleType:
    """Its module `onnxruntime.quantization`, which needs the package onnx.

    Raises:
        ImportError: one of them is not there, or cannot be loaded.
    """
    onnx_runtime()
    former = sys.path[:]
    try:
        import onnxruntime.quantization
    finally:  # it puts a folder of its own there
        sys.path[:] = former
    return onnxruntime.quantization


def half_precision() -> ModuleType:
    """Its module `onnxruntime.transformers.float16`, alike.

    Raises:
        ImportError: one of them is not there, or cannot be loaded.
    """
    onnx_runtime()
    former = sys.path[:]
    try:
        from onnxruntime.transformers import float16
    finally:
        sys.path[:] = former
    return float16


def find_cuda() -> None:
    """Have it find the libraries of CUDA where Python packages brought them, PyTorch's too."""
    with redirect_stdout(io.StringIO()) as said:  # of those that are not there it prints the names
        onnx_runtime().preload_dlls()
    if said.getvalue():
        _log.info("%s", " ".join(said.getvalue().split()))


def reason(error: Exception) -> str:
    """Its message on one line, without the prefix of its class."""
    text = " ".join(str(error).split())
    return text.removeprefix("[ONNXRuntimeError] : ")[:300]


# What its allocators say on every system, and what the system says of a new thread's stack; the
# exception has no class that does. The last three are CUDA's.
_NO_MEMORY = (
    "Failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "Cannot allocate memory",
    "out of memory",
    "ALLOC_FAILED",
    "resource allocation failed",
)


def is_for_lack_of_memory(error: Exception) -> bool:
    """Whether an error of its says that memory ran out."""
    return any(words in str(error) for words in _NO_MEMORY)
