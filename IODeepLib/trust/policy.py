"""What becomes of what is not trusted; and whether anybody here says anything of trust at all.

Nothing of cryptography is imported for that: most calls on most machines need none.
"""

from __future__ import annotations

from enum import StrEnum

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


def is_said() -> bool:
    """Whether a file of this machine has something to say of trust.

    Raises:
        UsageError: a file cannot be read.
    """
    files = (settings_file.site_wide_file(), settings_file.own_file())
    there = [file for file in files if file is not None and settings_file.exists(file)]
    return any(settings_file.read_toml(file).get(TABLE) for file in there)
