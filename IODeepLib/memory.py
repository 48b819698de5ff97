"""How much memory is free, asked before a run that needs a lot of it."""

from __future__ import annotations

import os
from pathlib import Path

from IODeepLib.control_groups import control_groups
from IODeepLib.errors import ModelError

_MEMINFO = Path("/proc/meminfo")


def check_room(needed: int, what: str, other_network: str) -> list[str]:
    """Sentences on a run that may fail for lack of memory; none where there is enough.

    Args:
        needed: bytes that `what` takes.
        what: the plural of what takes them, such as "the scores of 5 channels".
        other_network: which one would take less: "one with fewer labels".

    Raises:
        ModelError: there is less than that.
    """
    free = free_memory()
    if free is None or needed <= free / 2:
        return []
    figures = f"{what} need {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
    help_ = f"a machine with more memory, or {other_network}"
    if needed > free:
        raise ModelError(figures, "room for them and for the network's own values", f"take {help_}")
    return [f"{figures}: the network's own values may not fit; what would help: {help_}"]


def free_memory() -> int | None:
    """Bytes that this process can still use; None where the system does not say (Windows).

    The least of what the machine has left, swap included, and of what a container or a batch
    system leaves to this process. macOS only says what it has in all.
    """
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return None
    sizes = {name: int(rest.split()[0]) * 1024 for name, rest in (x.split(":") for x in lines)}
    left = [sizes["MemAvailable"] + sizes["SwapFree"], *map(_left_in, control_groups())]
    return min(bytes_ for bytes_ in left if bytes_ is not None)


def _left_in(group: Path) -> int | None:
    """What a control group has left, if it has a limit."""
    try:
        limit = int((group / "memory.max").read_text())  # "max" is none
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return limit - used + int(stat["inactive_file"])
    except (OSError, ValueError, KeyError):
        return None
