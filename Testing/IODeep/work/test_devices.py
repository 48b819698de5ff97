"""What can compute here, as a process of its own finds it."""

from __future__ import annotations

import sys
import time

import onnxruntime
from IODeepSlicer.text.device_text import shortName
from IODeepSlicer.work.devices import DevicesQuestion
from IODeepSlicer.work.runner import State

from IODeepLib.network.providers import choose


def test_it_is_what_onnx_runtime_has() -> None:
    question = DevicesQuestion(sys.executable)
    while question.poll() is State.RUNNING:
        time.sleep(0.05)
    devices = question.outcome()
    available = onnxruntime.get_available_providers()
    assert set(devices.providers) <= set(available)
    assert devices.providers[-1] == "CPUExecutionProvider"
    assert devices.version == onnxruntime.__version__
    for provider in devices.providers:  # as the panel asks for it
        assert choose(shortName(provider), available) == [provider]
