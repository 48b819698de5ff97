"""ONNX Runtime, without its telemetry.

Its packages (1.30 and 1.32 for Linux do) keep an identifier in the user's cache folder, collect
events there, and send them to their maker, unless ORT_DISABLE_TELEMETRY is set when the module is
imported. (Privacy.md in the package; seen by the files that a mere import leaves)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

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
