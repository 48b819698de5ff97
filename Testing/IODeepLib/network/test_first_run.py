"""A provider that was chosen here and fails in its first run gives way to the next one, and why is
said; one that was asked for by name does not.

There need be no card: the CPU stands in for it, says that it is one, and fails as cards do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from makers.series import Stack
from makers.summing_networks import model_of, sums

from IODeepLib.errors import IODeepError
from IODeepLib.model_object import Model
from IODeepLib.network import runtime
from IODeepLib.network.device import Device
from IODeepLib.network.providers import CPU, CUDA
from IODeepLib.pipeline import Options, run
from IODeepLib.series import ImageSeries, find_series

FAILURES = {
    "no room": "CUDA failure 2: out of memory ; GPU=0",
    "no algorithm": "CUDNN failure 3000: CUDNN_STATUS_NOT_SUPPORTED",
    "no kernel": "CUDA error 209: no kernel image is available for execution on the device",
}


class Card:
    """ONNX Runtime's session on a card that starts and does not run."""

    def __init__(self, session: Any, failure: str) -> None:
        self._session, self._failure = session, failure

    def get_providers(self) -> list[str]:
        return [CUDA, CPU]

    def run(self, *arguments: Any) -> Any:
        raise RuntimeError(self._failure)

    run_with_iobinding = run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture(params=FAILURES.values(), ids=FAILURES)
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the card of this machine says whenever it should run."""
    made = runtime.made_session

    def on_card(content: Any, options: Any, offered: Any, cancelled: Any) -> Any:
        card = offered[0][0] == CUDA
        session = made(content, options, [(CPU, {})] if card else offered, cancelled)
        return Card(session, request.param) if card else session

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(runtime, "made_session", on_card)
    return str(request.param)


@pytest.fixture
def series(tmp_path: Path) -> ImageSeries:
    Stack(np.arange(-60, 60, dtype=np.int16).reshape(4, 6, 5)).write(tmp_path / "images")
    return find_series(tmp_path / "images")[0]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """What is above zero is labeled, in patches of a size that is known beforehand."""
    return model_of(
        tmp_path,
        sums([[0.0], [1.0]], 3),
        applies_to={"modalities": ["CT", "MR"]},
        input={"axis_order": "NCZYX", "patch_size": [4, 4, 4]},
        output={"channels": 2, "activation": "softmax"},
    )


def test_the_next_one_runs_it_and_why_is_said(
    failing: str, series: ImageSeries, model: Model
) -> None:
    result = run(series, model)
    asked = run(series, model, Options(provider="cpu"))
    assert result.segmentation is not None and asked.segmentation is not None
    assert result.segmentation.array.any() and not result.segmentation.array.all()
    np.testing.assert_array_equal(result.segmentation.array, asked.segmentation.array)
    assert not any(CUDA in note for note in asked.notes)
    assert result.provider == CPU
    assert any(note.startswith(f"{CUDA} failed in its first run") for note in result.notes)
    assert any(failing in note for note in result.notes)


def test_one_that_was_asked_for_is_not_replaced(
    failing: str, series: ImageSeries, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no card to upload weights to, which happens at the same time.
    monkeypatch.setattr(Device, "uploaded", lambda self, array: array)
    with pytest.raises((IODeepError, MemoryError), match="CUD"):
        run(series, model, Options(provider="cuda"))
