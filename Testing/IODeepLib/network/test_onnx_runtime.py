"""Whatever is done with networks, ONNX Runtime tells nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import DEMO

from IODeepLib.errors import IODeepError
from IODeepLib.network.onnx_runtime import onnx_runtime
from IODeepLib.network.runtime import open_session
from IODeepLib.sources.folder import find_models

VERB = [sys.executable, "-m", "IODeepLib.cli"]
LIBRARY = [
    sys.executable,
    "-c",
    "import sys; from pathlib import Path; from IODeepLib.sources.folder import find_models; "
    "from IODeepLib.network.runtime import open_session; "
    "open_session(find_models(sys.argv[1]).models[0])",
]


@pytest.mark.parametrize("how", ["pack", "show", "select", "run", "shrink", "library"])
def test_nothing_is_kept_or_sent(how: str, packed: Path, tmp_path: Path) -> None:
    """Its identifiers and its events, which wait to be sent, lie in files."""
    places = {name: tmp_path / name for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for place in places.values():
        place.mkdir()
    out = tmp_path / "out"
    calls = {
        "pack": [*VERB, "pack", DEMO / "demo_network.onnx", "--recipe", DEMO / "recipe.json"],
        "show": [*VERB, "show", packed],
        "select": [*VERB, "select", DEMO / "mr_t1", "--models", packed],
        "run": [*VERB, "run", DEMO / "mr_t1", "--models", packed],
        "shrink": [*VERB, "shrink", packed, DEMO / "mr_t1", "--to", "int8"],
        "library": [*LIBRARY, packed],
    }
    call = calls[how] + (["--out", out] if how in ("pack", "run", "shrink") else [])
    own = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    own |= {name: str(place) for name, place in places.items()}
    subprocess.run(call, env=own, check=True, capture_output=True)
    left = [path for place in places.values() for path in place.rglob("*") if path.is_file()]
    assert left == []


@pytest.mark.parametrize("former", [None, "0", "1"])
def test_the_environment_stays_what_it_is(
    former: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    if former is not None:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", former)
    assert hasattr(onnx_runtime(), "InferenceSession")
    assert os.environ.get("ORT_DISABLE_TELEMETRY") == former


@pytest.mark.parametrize("version", ["1.24.1", "1.9.0", "0.5", "1.30.99+cu13"])
def test_one_that_is_too_old(version: str, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = find_models(packed).models[0]
    monkeypatch.setattr(onnx_runtime(), "__version__", version)
    with pytest.raises(IODeepError, match=re.escape(version)) as raised:
        open_session(model)
    assert "onnxruntime-openvino ends at 1.24" in raised.value.next_step
    for newer in ("1.31.0", "1.32.0.dev20261101", "2.0"):
        monkeypatch.setattr(onnx_runtime(), "__version__", newer)
        assert open_session(model).inputs


@pytest.mark.parametrize("tool", ["quantization", "half_precision"])
def test_its_tools_put_nothing_into_the_search_path(tool: str) -> None:
    """They would: a folder with modules of names such as `models`."""
    code = (
        "import sys; from IODeepLib.network import onnx_runtime as o; o.onnx_runtime(); "
        f"before = sys.path[:]; print(o.{tool}().__name__, sys.path == before)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    name, same = answer.stdout.split()
    assert name.startswith("onnxruntime.")
    assert same == "True"
