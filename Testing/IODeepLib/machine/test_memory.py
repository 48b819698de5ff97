"""What is free, as the system says it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from IODeepLib.errors import ModelError
from IODeepLib.machine import control_groups, memory

# What Linux says of a machine that has 4 GB left, and 1 GB of swap.
MEMINFO = """\
MemTotal: 8000000 kB
MemFree: 3000000 kB
MemAvailable: 4000000 kB
Buffers: 100000 kB
Cached: 1500000 kB
Active: 2000000 kB
Inactive: 900000 kB
Shmem: 1000 kB
SwapTotal: 2000000 kB
SwapFree: 1000000 kB
"""


def test_free_memory_is_some_of_what_the_machine_has() -> None:
    free = memory.free_memory()
    assert free is not None
    assert 10e6 < free <= psutil.virtual_memory().total + psutil.swap_memory().total


def test_a_system_that_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))  # as in a sandbox without /proc
    assert memory.free_memory() is None
    assert memory.check_room(10**15, "the scores", "x") == []


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a control group with 2 GB, of which 500 MB are used, 100 MB of them cache."""
    group = tmp_path / "groups" / "batch" / "job"
    group.mkdir(parents=True)
    (tmp_path / "cgroup").write_text("0::/batch/job\n")
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "vmstat").write_text("pswpin 0\npswpout 0\n")
    for name, text in {
        "memory.max": "2000000000\n",
        "memory.current": "500000000\n",
        "memory.stat": "anon 400000000\ninactive_file 100000000\n",
    }.items():
        (group / name).write_text(text)
    monkeypatch.setattr(control_groups, "_OWN", tmp_path / "cgroup")
    monkeypatch.setattr(control_groups, "_ALL", tmp_path / "groups")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert memory.free_memory() == 1_600_000_000
    for name in ("memory.max", "memory.current", "memory.stat"):  # the job's, around each task's
        (group.parent / name).write_text((group / name).read_text())
    (group / "memory.max").write_text("max\n")
    assert memory.free_memory() == 1_600_000_000
    (group.parent / "memory.max").write_text("max\n")
    assert memory.free_memory() == 5_000_000 * 1024


def test_what_needs_too_much_is_refused_and_what_needs_much_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 8 * 10**9)
    assert memory.check_room(4 * 10**9, "the scores", "x") == []
    [note] = memory.check_room(7 * 10**9, "the scores", "x")
    assert note.startswith("the scores need 7.0 GB of memory, and 8.0 GB are free")
    with pytest.raises(ModelError, match=r"need 9\.0 GB of memory, and 8\.0 GB .*fewer labels"):
        memory.check_room(9 * 10**9, "the scores", "one with fewer labels")
