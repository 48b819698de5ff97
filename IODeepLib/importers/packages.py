"""What only importers need: the extra [author]. A network runs without any of it."""

from __future__ import annotations

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


def not_there(package: str, error: Exception) -> UsageError:
    """The error that a package of the extra cannot be imported."""
    return UsageError(
        f"no Python package {package} that can be loaded ({first_line(str(error))})",
        "what this import needs; running what was imported needs none of it",
        "pip install 'IODeepLib[author]'",
    )


def first_line(reason: str) -> str:
    """What others say on a page, for a message."""
    lines = reason.strip().splitlines() or ["no reason given"]
    return lines[0][:200]
