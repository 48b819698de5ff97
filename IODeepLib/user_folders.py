"""Where a user's own files lie, as each system has it: settings, cache, and what must be kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "iodeep"
# Environment variable, and what stands for it below the home folder, by kind of folder.
_POSIX = {
    "config": ("XDG_CONFIG_HOME", ".config"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "data": ("XDG_DATA_HOME", ".local/share"),
}
_MAC = {
    "config": "Library/Application Support",
    "cache": "Library/Caches",
    "data": "Library/Application Support",
}


def config_folder() -> Path:
    """The folder with the user's `iodeep.toml`."""
    return _folder("config")


def cache_folder() -> Path:
    """The folder for what can be fetched again at any time; IODEEP_CACHE names another one."""
    return _named("IODEEP_CACHE") or _folder("cache")


def outbox_folder() -> Path:
    """The folder for results that wait to be sent; IODEEP_OUTBOX names another one."""
    return _named("IODEEP_OUTBOX") or _folder("data") / "outbox"


def _named(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else None


def _folder(kind: str) -> Path:
    if sys.platform == "win32":
        variable = "APPDATA" if kind == "config" else "LOCALAPPDATA"
        base = Path(os.environ.get(variable) or Path.home() / "AppData" / "Local")
        return base / _NAME / "cache" if kind == "cache" else base / _NAME
    if sys.platform == "darwin":
        return Path.home() / _MAC[kind] / _NAME
    variable, below_home = _POSIX[kind]
    value = os.environ.get(variable, "")
    # A relative path is to be ignored (XDG Base Directory Specification).
    base = Path(value) if Path(value).is_absolute() else Path.home() / below_home
    return base / _NAME
