"""Where a user's own files lie, as each system has it: settings, cache, and what must be kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

from IODeepLib.errors import UsageError


def config_folder() -> Path:
    """The folder with the user's `iodeep.toml`.

    Raises:
        UsageError: as all folders here: the system does not say where this user's are.
    """
    return _own(partial(user_config_path, roaming=True))  # on Windows; elsewhere there is no such


def cache_folder() -> Path:
    """The folder for what can be fetched again at any time; IODEEP_CACHE names another one."""
    return _named("IODEEP_CACHE") or _own(user_cache_path)


def outbox_folder() -> Path:
    """The folder for results that wait to be sent; IODEEP_OUTBOX names another one."""
    return _named("IODEEP_OUTBOX") or _own(user_data_path) / "outbox"


def memory_folder() -> Path:
    """The folder for what this machine remembers of publishers; IODEEP_MEMORY names another one."""
    return _named("IODEEP_MEMORY") or _own(user_data_path) / "memory"


def service_folder() -> Path:
    """The folder in which the service keeps its queue, unless `iodeep.toml` names another one."""
    return _own(user_data_path) / "service"


def expanded(path: str) -> Path:
    """`path` with the home folder that a `~` at its beginning stands for.

    Raises:
        UsageError: nobody knows that folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(
            f"the path {path}, of whose home folder nothing is known",
            "a folder",
            "write it out, or set HOME",
        ) from None


def _named(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return expanded(value).absolute() if value else None


def _own(folder: Callable[..., Path]) -> Path:
    try:
        return folder("iodeep", appauthor=False)
    except RuntimeError:  # no HOME, and a user that the system does not know
        raise UsageError(
            "no home folder: HOME is not set, and the system knows none of this user",
            "a place for settings and for what is kept",
            "set HOME, or IODEEP_CACHE, IODEEP_OUTBOX and IODEEP_CONFIG",
        ) from None
