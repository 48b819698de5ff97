"""What only training needs: the extra [train]. A network runs without any of it."""

from __future__ import annotations

from importlib import import_module

from IODeepLib.errors import UsageError

_PACKAGES = ("torch", "monai", "safetensors")


def check_packages() -> None:
    """Raise unless all packages can be loaded that training needs.

    Raises:
        UsageError: one is not there, or cannot be loaded.
    """
    for package in _PACKAGES:
        try:
            import_module(package)
        except (ImportError, OSError) as error:  # a library that it needs is not there
            reason = (str(error).strip().splitlines() or ["no reason given"])[0][:200]
            raise UsageError(
                f"no Python package {package} that can be loaded ({reason})",
                "what training networks needs; running them needs none of it",
                "pip install 'IODeepLib[train]'",
            ) from None
