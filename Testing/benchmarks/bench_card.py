"""How busy a graphics card is during a run: what a run takes beside the network itself.

Where ONNX Runtime has no card to compute with, there is nothing to measure.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness import Bench, Row, Seconds, clocks, fresh, seconds, since
from made import ct_series, recipe, unet

RUNS = 20  # of the bare network, before the run and after it
LEAST = {8: 85.0, 100: 70.0}  # per cent, by classes
PATCH_SECONDS = 0.02  # of the bare network, about
WIDTHS = (1.0, 1.5, 2.0, 2.25, 2.5, 3.0, 4.0)  # of the network, times that of `bench_run`


def rows(bench: Bench) -> Iterator[Row]:
    """One row for few classes, one for many; and whether the labels are those of the processor."""
    from IODeepLib.model_object import write_model
    from IODeepLib.network.onnx_runtime import find_cuda, onnx_runtime
    from IODeepLib.network.providers import CUDA

    if CUDA not in onnx_runtime().get_available_providers():
        sys.stderr.write("no figures of a card: this ONNX Runtime has no CUDA\n")
        return
    find_cuda()
    size = bench.sizes.patch
    intensity = [{"step": "clip", "lower": -175, "upper": 250}, {"step": "min_max"}]
    for classes, shape in zip(LEAST, bench.sizes.card_volumes, strict=True):
        here = bench.folder / str(classes)
        here.mkdir()
        ct_series(here / "ct", shape)
        wide = _width(here / "tried.onnx", classes, size)
        network = unet(here / "unet.onnx", classes, wide)
        asked = recipe("unet", classes, patch_size=[size] * 3, overlap=0.5, intensity=intensity)
        write_model(network, asked, here / "model")
        done = fresh("bench_card:busy", str(here), classes, size)
        name = f"card busy, {'x'.join(map(str, shape[::-1]))} CT, {classes} classes"
        note = (
            f"{done['patches']} patches of {1000 * done['run'] / done['patches']:.1f} ms,"
            f" {1000 * done['bare']:.1f} of them the network's ({wide:g} times as wide);"
            f" {done['card']}; {done['notes']}"
        )
        share = 100 * done["bare"] * done["patches"] / done["run"]
        what = "the bare network's time as a share of the run's"
        yield Row(name, what, share, LEAST[classes], "%", at_least=True, note=note)


def _width(path: Path, classes: int, size: int) -> float:
    """The one with which a patch takes about as long as it is to."""
    taken = {wide: bare_seconds(unet(path, classes, wide), size) for wide in WIDTHS}
    return min(taken, key=lambda wide: abs(taken[wide] - PATCH_SECONDS))


def bare_seconds(network: Path, size: int) -> float:
    """Of a patch; what the network is given and gives stays on the card."""
    from IODeepLib.network.onnx_runtime import onnx_runtime
    from IODeepLib.network.providers import CUDA, options_of

    onnxruntime = onnx_runtime()
    session = onnxruntime.InferenceSession(str(network), providers=[(CUDA, options_of(CUDA, 1))])
    patch = np.random.default_rng(0).random((1, 1, size, size, size), np.float32)
    binding = session.io_binding()
    given = onnxruntime.OrtValue.ortvalue_from_numpy(patch, "cuda", 0)
    binding.bind_ortvalue_input("image", given)
    binding.bind_output(session.get_outputs()[0].name, "cuda")
    times = [seconds(lambda: session.run_with_iobinding(binding)) for _ in range(RUNS + 3)]
    return statistics.median(times[3:])


def busy(folder: str, classes: int, size: int) -> dict[str, Any]:
    """Seconds of a bare patch, and of a run from its first patch to the labels."""
    from IODeepLib.pipeline import Options, Stage, run
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    here = Path(folder)
    before = bare_seconds(here / "unet.onnx", size)
    series, model = find_series(here / "ct")[0], find_model(here / "model")
    began: list[tuple[float, float]] = []
    taken: list[Seconds] = []
    patches: list[str] = []

    def watch(_name: str, _feeds: object) -> None:
        if not began:
            began.append(clocks())

    def stage_begins(stage: Stage) -> None:
        if stage is Stage.FINISH:
            taken.append(since(began[0]))

    def progress(_: float, message: str) -> None:
        if message.startswith("patch "):
            patches.append(message)

    result = run(
        series, model, Options(provider="cuda"), progress=progress, began=stage_begins, watch=watch
    )
    after = bare_seconds(here / "unet.onnx", size)
    return {
        "bare": (before + after) / 2,
        "run": taken[0],
        "patches": int(patches[-1].split()[3]),
        "card": _card(),
        "notes": "; ".join(result.notes),
    }


def _card() -> str:
    """What the driver calls it."""
    import subprocess

    call = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(call, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "a card of unknown name"
    return done.stdout.strip()
