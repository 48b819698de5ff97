"""What only evaluating needs: the extra [train]. A network runs without any of it."""

from __future__ import annotations

from typing import Any

from IODeepLib.errors import UsageError


def check_packages() -> None:
    """Whether all of it is there, before anything is run.

    Raises:
        UsageError: a package is not there, or cannot be loaded.
    """
    distances()
    for package in ("scipy.stats", "matplotlib"):
        try:
            __import__(package)
        except (ImportError, OSError) as error:
            raise _not_there(package.partition(".")[0], error) from None


def distances() -> Any:
    """MONAI's metrics, and PyTorch, which they compute with.

    Raises:
        UsageError: they are not there, or cannot be loaded.
    """
    try:
        import torch
        from monai import metrics
    except (ImportError, OSError) as error:  # a library that it needs is not there
        raise _not_there("monai", error) from None
    return metrics, torch


def _not_there(package: str, error: Exception) -> UsageError:
    reason = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
    return UsageError(
        f"no Python package {package} that can be loaded ({reason})",
        "what measures networks; running them needs none of it",
        "pip install 'IODeepLib[train]'",
    )
