"""What computes, in the words of people: pure functions."""

from __future__ import annotations

from typing import Any

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import html

GUIDE = "https://github.com/IODeep/SlicerIODeep/blob/main/Docs/user-guide.md#a-faster-device"
_CPU = "CPUExecutionProvider"


def deviceName(provider: str) -> str:
    """What an execution provider of ONNX Runtime computes on."""
    names = {
        _CPU: _("processor"),
        "OpenVINOExecutionProvider": _("Intel processor or graphics (OpenVINO)"),
        "CUDAExecutionProvider": _("NVIDIA graphics card (CUDA)"),
        "TensorrtExecutionProvider": _("NVIDIA graphics card (TensorRT)"),
        "MIGraphXExecutionProvider": _("AMD graphics card (MIGraphX)"),
        "ROCMExecutionProvider": _("AMD graphics card (ROCm)"),
        "CoreMLExecutionProvider": _("Apple silicon (CoreML)"),
        "DmlExecutionProvider": _("graphics card (DirectML)"),
    }
    return names.get(provider) or provider


def shortName(provider: str) -> str:
    """The provider as `Options` and the command line take it."""
    return provider.removesuffix("ExecutionProvider").lower()


def ranOn(document: dict[str, Any]) -> str:
    """What computed a result, from everything about its run; "" where that is not said."""
    provenance, threads = document.get("provenance"), document.get("threads")
    if not isinstance(provenance, dict):  # a scene comes from anywhere
        return ""
    provider, runtime = provenance.get("provider"), provenance.get("runtime")
    if not isinstance(provider, str) or not isinstance(runtime, str) or not provider:
        return ""
    if provider.split(" (")[0] == _CPU and isinstance(threads, int) and threads > 0:
        return _("Computed on the processor with {count} threads ({runtime}).").format(
            count=threads, runtime=runtime
        )
    return _("Computed on: {device} ({runtime}).").format(
        device=deviceName(provider), runtime=runtime
    )


def fasterHtml(providers: tuple[str, ...], version: str) -> str:
    """What this ONNX Runtime can compute on, and where to read how to get a faster device."""
    link = f"<a href='{GUIDE}'>{html(_('How to get a faster one'))}</a>"
    if providers == (_CPU,):
        text = _("ONNX Runtime {version}, as installed, computes on the processor alone.")
        return f"{html(text.format(version=version))} {link}"
    names = ", ".join(map(deviceName, providers))
    text = _("ONNX Runtime {version}, as installed, can compute on: {names}.")
    return html(text.format(version=version, names=names))
