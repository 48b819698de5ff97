"""Control groups (Linux, version 2): what a container or a batch system allows this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_OWN, _ALL = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def control_groups() -> Iterator[Path]:
    """The folder of this process's group and those of the groups around it: all limits count."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:  # another system
        return
    for line in lines:
        if line.startswith("0::/"):  # the others are of version 1
            own = _ALL / line.removeprefix("0::/")
            yield from (group for group in (own, *own.parents) if group.is_relative_to(_ALL))
