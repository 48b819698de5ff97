"""What only importers need: the extra [author]. A network runs without any of it."""

from __future__ import annotations

import functools
from typing import Any

from IODeepLib.errors import UsageError


def torch() -> Any:
    """The module `torch`.

    Raises:
        UsageError: it is not there, or cannot be loaded.
    """
    try:
        import torch
    except (ImportError, OSError) as error:  # a library that it needs is not there
        raise not_there("torch", error) from None
    return torch


def monai_networks() -> Any:
    """The module `monai.networks.nets`.

    Raises:
        UsageError: it is not there, or cannot be loaded.
    """
    try:
        import monai.networks.nets
    except (ImportError, OSError) as error:
        raise not_there("monai", error) from None
    return monai.networks.nets


def onnx() -> Any:
    """The module `onnx`.

    Raises:
        UsageError: it is not there, or cannot be loaded.
    """
    try:
        import onnx
    except (ImportError, OSError) as error:
        raise not_there("onnx", error) from None
    return onnx


def yaml() -> Any:
    """The module `yaml`.

    Raises:
        UsageError: it is not there.
    """
    try:
        import yaml
    except ImportError as error:
        raise not_there("PyYAML", error) from None
    return yaml


def not_there(package: str, error: Exception) -> UsageError:
    """The error that a package of the extra cannot be imported."""
    return UsageError(
        f"no Python package {package} that can be loaded ({first_line(str(error))})",
        "what importing and shrinking networks needs; running them needs none of it",
        "pip install 'IODeepLib[author]'",
    )


def first_line(reason: str) -> str:
    """What others say on a page, for a message."""
    lines = reason.strip().splitlines() or ["no reason given"]
    return lines[0][:200]


def unet() -> Any:
    """The module of nnU-Net's networks, `dynamic_network_architectures.architectures.unet`.

    It imports torchvision by the way (through timm), which a build of PyTorch that torchvision was
    not made for cannot load: the operators that it misses are then declared, and never called.

    Raises:
        UsageError: it is not there, or cannot be loaded.
    """
    torch()
    try:
        try:
            from dynamic_network_architectures.architectures import unet
        except RuntimeError:
            _declare_operators()
            from dynamic_network_architectures.architectures import unet
    except (ImportError, OSError, RuntimeError) as error:
        raise not_there("dynamic-network-architectures", error) from None
    return unet


@functools.cache
def _declare_operators() -> Any:
    """Declare what torchvision's Python part asks for; kept for as long as the process lives."""
    library = torch().library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
