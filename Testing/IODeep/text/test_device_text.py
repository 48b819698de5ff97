"""What computes, in the words of people."""

from __future__ import annotations

import pytest
from IODeepSlicer.text.device_text import deviceName, fasterHtml, ranOn

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.mark.parametrize(
    ("provider", "threads", "words"),
    [
        (CPU, 4, "on the processor with 4 threads (onnxruntime 1.30.0)"),
        (CPU, 0, "on: processor (onnxruntime 1.30.0)"),
        (f"{CPU} (rewritten graph)", 4, "on the processor with 4 threads (onnxruntime 1.30.0)"),
        (CUDA, 4, "on: NVIDIA graphics card (CUDA) (onnxruntime 1.30.0)"),
        ("NewExecutionProvider", 4, "on: NewExecutionProvider (onnxruntime 1.30.0)"),
    ],
)
def test_what_ran_is_said_as_it_was(provider: str, threads: int, words: str) -> None:
    provenance = {"provider": provider, "runtime": "onnxruntime 1.30.0"}
    assert words in ranOn({"provenance": provenance, "threads": threads})


def test_what_is_not_said_is_not_guessed() -> None:
    for provenance in (None, "x", {}, {"provider": ""}, {"provider": [], "runtime": "x"}):
        assert ranOn({"provenance": provenance}) == ""
    provenance = {"provider": CPU, "runtime": "onnxruntime 1.30.0"}
    assert "threads" not in ranOn({"provenance": provenance, "threads": "many"})


def test_only_who_has_none_is_told_how_to_get_a_faster_one() -> None:
    assert "href" in fasterHtml((CPU,), "1.30.0")
    text = fasterHtml((CUDA, CPU), "1.30.0")
    assert "href" not in text and deviceName(CUDA) in text
    assert "<b>" not in fasterHtml((CUDA,), "<b>")
