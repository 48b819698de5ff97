"""How much memory is free, asked before a run that needs a lot of it."""

from __future__ import annotations

from pathlib import Path

import psutil

from IODeepLib.errors import ModelError
from IODeepLib.machine.control_groups import control_groups


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
    """Bytes that this process can still use; None where the system does not say.

    The least of what the machine has left, swap included, and of what a container or a batch
    system leaves to this process.
    """
    try:
        machine = psutil.virtual_memory().available + psutil.swap_memory().free
    except OSError:  # a Linux that shows no /proc
        return None
    left = [machine, *map(_left_in, control_groups())]
    return min(bytes_ for bytes_ in left if bytes_ is not None)


def memory_at_hand() -> int:
    """The same, or what the machine has."""
    return free_memory() or psutil.virtual_memory().total


def _left_in(group: Path) -> int | None:
    """What a control group has left, if it has a limit."""
    try:
        limit = int((group / "memory.max").read_text())  # "max" is none
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return limit - used + int(stat["inactive_file"])
    except (OSError, ValueError, KeyError):
        return None
