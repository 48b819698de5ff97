"""What becomes of what is not trusted; and whether anybody here says anything of trust at all.

Nothing of cryptography is imported for that: most calls on most machines need none.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from IODeepLib.disk import settings_file

TABLE = "trust"  # in iodeep.toml


class Policy(StrEnum):
    """What becomes of a model whose publisher is not proved to be a trusted one."""

    OFF = "off"  # nobody looks
    WARN = "warn"  # it runs, and the result says so
    REQUIRE = "require"  # it is listed, and never runs

    @property
    def strictness(self) -> int:
        """The higher, the less it lets pass."""
        return list(Policy).index(self)


def tables() -> dict[Path, Any]:
    """What the files of this machine say of trust, unread: that for all users first.

    Raises:
        UsageError: a file cannot be read.
    """
    found: dict[Path, Any] = {}
    for path in (settings_file.site_wide_file(), settings_file.own_file()):
        if path is None or not settings_file.exists(path):
            continue
        table = settings_file.read_toml(path).get(TABLE, {})
        if table != {} and not any(path.samefile(other) for other in found):
            found[path] = table
    return found
