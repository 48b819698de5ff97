"""`iodeep.toml`: where it may be, and how its tables are read.

A mistake is one line with its place: the file, and the key or the line.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from IODeepLib.disk.user_folders import config_folder, expanded
from IODeepLib.errors import UsageError
from IODeepLib.text.complaints import short
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import parse

FILE_NAME = "iodeep.toml"
# Nobody writes so much; what is longer is something else.
_MOST_BYTES = 4_000_000
# What was wanted, where TOML has other words for it.
IN_TOML = {"text": "a text in quotation marks", "an object": "a table"}
_T = TypeVar("_T")


def site_wide_file() -> Path:
    """The file for all users of this machine, where only its administrator writes.

    Whoever starts the program has no say in where that is: platformdirs would ask the environment.
    """
    if sys.platform == "win32":
        import winreg

        folders = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\Shell Folders"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, folders) as key:
            return Path(winreg.QueryValueEx(key, "Common AppData")[0], "iodeep", FILE_NAME)
    return Path("/etc", FILE_NAME)


def own_file() -> Path | None:
    """The user's file, there or not: the one that IODEEP_CONFIG names goes before the usual one.

    None for whoever has no home.
    """
    if named := os.environ.get("IODEEP_CONFIG"):
        return expanded(named)
    with suppress(UsageError):
        return config_folder() / FILE_NAME
    return None


def exists(path: Path) -> bool:
    """Whether a file is there, as far as this user may look.

    Raises:
        UsageError: this user may not look for the file for all users: it may be meant to bind them.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if path != site_wide_file():
            return False
        raise UsageError(
            f"{path} cannot be read ({error.strerror})", "the settings", "have it made readable"
        ) from None
    return True


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises:
        UsageError: it is no TOML, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        return tomllib.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "TOML", "correct it") from None


def parsed(
    kind: type[_T],
    path: Path | None,
    where: str,
    table: Any,
    *,
    words: Mapping[str, str] = IN_TOML,
    secret: Collection[str] | None = None,
) -> _T:
    """A table as a record.

    Args:
        kind: the record.
        path, where: the file, and the key of the table in it, for messages.
        table: what stands there.
        words: what was wanted, where there are other words for it here.
        secret: keys that hold secrets. Where there are such, one may stand anywhere by mistake: of
            what is wrong numbers alone are repeated, and of these keys nothing.

    Raises:
        UsageError: it is no such record.
    """
    try:
        return parse(kind, table, exact=True)
    except StructureError as error:
        key = error.path.removeprefix("$").removeprefix(".")
        value = table.get(key) if key and isinstance(table, dict) else table
        found = error.found
        if secret is not None and found == short(value):
            number = type(value) in (int, float) and key not in secret
            found = found if number else type(value).__name__
        wanted = words.get(error.wanted, error.wanted)
        raise wrong(path, ".".join(filter(None, (where, key))), found, wanted) from None


def wrong(
    path: Path | None, where: str, found: str, wanted: str, next_step: str = "correct it there"
) -> UsageError:
    """The error for what stands at a key of a file."""
    return UsageError(f"{path}: {where}: {found}", wanted, next_step)
