"""Which execution providers and how many threads are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from IODeepLib.errors import UsageError
from IODeepLib.machine import control_groups
from IODeepLib.machine.cores import usable_cores
from IODeepLib.network.providers import choose, options_of

AVAILABLE = [
    "TensorrtExecutionProvider",
    "AzureExecutionProvider",
    "CPUExecutionProvider",
    "OpenVINOExecutionProvider",
    "CUDAExecutionProvider",
]


def test_automatically_the_fastest_comes_first_and_the_cpu_last() -> None:
    assert choose("auto", AVAILABLE) == [
        "CUDAExecutionProvider",
        "OpenVINOExecutionProvider",
        "CPUExecutionProvider",
    ]
    assert choose("auto", ["CPUExecutionProvider"]) == ["CPUExecutionProvider"]


def test_short_and_full_names_are_understood() -> None:
    wanted = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    assert choose(["openvino", "CPUExecutionProvider"], AVAILABLE) == wanted
    assert choose("tensorrt", AVAILABLE) == ["TensorrtExecutionProvider"]


def test_openvino_keeps_to_the_threads_and_to_the_precision() -> None:
    assert options_of("OpenVINOExecutionProvider", 3) == {
        "precision": "ACCURACY",
        "num_of_threads": "3",
    }
    assert "num_of_threads" not in options_of("OpenVINOExecutionProvider", 0)
    assert options_of("CPUExecutionProvider", 3) == {}


def test_what_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(UsageError, match=r"'coreml' is not .*one of auto, azure, cpu, cuda"):
        choose("coreml", AVAILABLE)


def test_threads_follow_the_environment_and_the_cores_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert usable_cores() == 3
    for nonsense in ("", "0", "-1", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nonsense)
        assert usable_cores() <= (os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(1000, 1008)))
        (tmp_path / "cgroup").write_text("0::/pod/task\n")
        monkeypatch.setattr(control_groups, "_OWN", tmp_path / "cgroup")
        monkeypatch.setattr(control_groups, "_ALL", tmp_path)
        (tmp_path / "pod" / "task").mkdir(parents=True)
        for own, around, threads in (
            ("max 100000", "max 100000", 8),
            ("max 100000", "350000 100000", 3),
            ("50000 100000", "350000 100000", 1),
        ):
            (tmp_path / "pod" / "task" / "cpu.max").write_text(own)
            (tmp_path / "pod" / "cpu.max").write_text(around)
            assert usable_cores() == threads
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
        assert usable_cores() == 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cores() == 0
