"""How many processors this process may keep busy."""

from __future__ import annotations

import os
from pathlib import Path

from IODeepLib.machine.control_groups import control_groups


def usable_cores() -> int:
    """How many threads a session should use: 0 leaves it to ONNX Runtime.

    OMP_NUM_THREADS if it is set, as for other numeric libraries. Otherwise the physical cores that
    this process may run on, or the share of their time that it may use: less than the machine's in
    a container or under a batch system, which ONNX Runtime itself does not look at.
    """
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    if not hasattr(os, "sched_getaffinity"):  # macOS, Windows
        return 0
    cores = len({_siblings(cpu) for cpu in os.sched_getaffinity(0)})
    return min([cores, *filter(None, map(_quota, control_groups()))])


def usable_threads() -> int:
    """The same for our own threads, which nobody else decides on: 1 at least."""
    return usable_cores() or os.cpu_count() or 1


def _quota(group: Path) -> int | None:
    """How many processors' whole time a control group may use, if it has a limit; 1 at least."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return max(1, int(quota) // int(period))  # "max" is none
    except (OSError, ValueError):
        return None


def _siblings(cpu: int) -> str:
    """The logical processors of the core that `cpu` belongs to, in Linux' words."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return path.read_text()
    except OSError:
        return str(cpu)
