"""The whole run against the bare network, and against MONAI's sliding window.

They take turns in one run: after some patches of ours MONAI does as many, and same-sized patches go
through a plain InferenceSession. Each one's clock runs only during its turns. This holds as long as
the run waits for who watches its network, which is run while its last results are blended: a turn
of the others begins when these are, too.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import (
    FEWEST_PAIRS,
    Bench,
    Row,
    Seconds,
    alternate,
    clocks,
    fresh,
    ratio,
    seconds,
    since,
    speedup,
)
from made import ct_series, organ_segmentation, pointwise, recipe, unet

CLASSES = 8
OVERLAP = 0.5
LEAST = {True: 2.0, False: 1.5}  # times as fast as PyTorch, with AVX-512 and without
BARE_EVERY = 4  # patches of ours for one through the plain session
TURN = 17  # patches of ours before the others' turn; it seldom falls on the end of a row of patches


def rows(bench: Bench) -> Iterator[Row]:
    """One long run: it is hundreds of turns in itself."""
    from IODeepLib.model_object import write_model

    shape, size = bench.sizes.run_volume, bench.sizes.patch
    ct_series(bench.folder / "ct", shape)
    intensity = [{"step": "clip", "lower": -175, "upper": 250}, {"step": "min_max"}]
    asked = recipe("unet", CLASSES, patch_size=[size] * 3, overlap=OVERLAP, intensity=intensity)
    network = unet(bench.folder / "unet.onnx", CLASSES)
    write_model(network, asked, bench.folder / "model")

    asked = recipe("cheap", CLASSES, patch_size=[size] * 3, intensity=intensity)
    write_model(pointwise(bench.folder / "cheap.onnx", CLASSES), asked, bench.folder / "cheap")

    done = fresh("bench_run:in_turns", str(bench.folder), size, bench.sizes.segments)
    name = f"run, {'x'.join(map(str, shape[::-1]))} CT, 3D U-Net, {CLASSES} classes"
    note = f"{done['patches']} patches of {size}x{size}x{size} with {done['provider']}, in turns"
    times = [done["ours"]], [done["bare"]]
    yield ratio(name, "ONNX Runtime, the same patches", times, 1.1, note=note)
    share = 100 * done["measuring"] / done["ours"]
    what = f"measuring {bench.sizes.segments} segments in {'x'.join(map(str, shape[::-1]))}"
    yield Row(f"{what}: share of a run", "the run above", share, 5, "%", ours=[done["measuring"]])
    share = 100 * done["confidence"] / done["ours"]
    what = f"--confidence, {CLASSES} classes: what it adds, share of a run"
    of_it = "what it adds to a run with a network that costs nothing, its file included"
    ours = [done["confidence"]]
    yield Row(what, "the run above", share, 10, "%", ours=ours, note=of_it)
    if "monai" not in done:
        return
    against = f"MONAI {done['versions']}"
    times = [done["ours"]], [done["monai"]]
    yield speedup(f"{name}: speed", against, times, _least(), note=note)
    yield Row(f"{name}: equal labels", against, done["equal"], 99.99, "%", at_least=True)


def _least() -> float:
    """How many times faster than PyTorch it is to be, by the vectors that both compute with."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return LEAST[True]
    return LEAST["avx512f" in flags]


def in_turns(folder: str, size: int, segments: int) -> dict[str, Any]:
    """Seconds that each one took, and the percentage of voxels with MONAI's label."""
    os.environ["OMP_WAIT_POLICY"] = "passive"  # PyTorch's threads do not spin in our turns
    import onnxruntime

    from IODeepLib.inference.preprocess import prepare
    from IODeepLib.machine.cores import usable_cores
    from IODeepLib.measurements import measure
    from IODeepLib.network.providers import choose
    from IODeepLib.pipeline import run
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    here = Path(folder)
    providers = choose("auto", onnxruntime.get_available_providers())[:1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    bare = onnxruntime.InferenceSession(str(here / "unet.onnx"), options, providers)
    patch = np.random.default_rng(0).random((1, 1, size, size, size), np.float32)
    bare.run(None, {"image": patch})

    monai = None
    if importlib.util.find_spec("monai") and importlib.util.find_spec("torch"):
        series, model = find_series(here / "ct")[0], find_model(here / "model")
        prepared = prepare([series.volume()], model.card.recipe.input)
        monai = _Monai(here / "unet.onnx", prepared.array, size)
    given, blended = 0, threading.Semaphore(0)
    others: list[Seconds] = []
    bares: list[Seconds] = []

    def turn(patches: int) -> None:
        start = clocks()
        for i in range(patches):
            if i % BARE_EVERY == 0:
                bares.append(seconds(lambda: bare.run(None, {"image": patch})))
            if monai is not None:
                monai.turn()
        others.append(since(start))

    def watch(_name: str, _feeds: object) -> None:
        nonlocal given
        if given and given % TURN == 0:
            for _ in range(TURN):
                blended.acquire()
            turn(TURN)
        given += 1

    def progress(_: float, message: str) -> None:
        if message.startswith("patch "):
            blended.release()

    start = clocks()
    series, model = find_series(here / "ct")[0], find_model(here / "model")
    result = run(series, model, progress=progress, watch=watch)
    result.save(here / "result")
    whole, theirs = since(start), total(others)
    ours = Seconds(whole - theirs, whole.processor - theirs.processor)
    turn((given - 1) % TURN + 1)
    of_bare = total(bares)
    organs = organ_segmentation(series.grid, segments)
    answer: dict[str, Any] = {
        "measuring": seconds(lambda: measure(organs, result.volume, series)),
        "confidence": _added_by_confidence(here),
        "patches": given,
        "provider": result.provider,
        "ours": ours,
        "bare": Seconds(*(of * given / len(bares) for of in (of_bare, of_bare.processor))),
    }
    if monai is not None:
        monai.join()
        labels = prepared.axis_map.apply(result.segmentation.array)
        answer["monai"] = total(monai.turns)
        answer["equal"] = 100 * float(np.mean(labels == monai.labels))
        answer["versions"] = monai.versions
    return answer


def _added_by_confidence(here: Path) -> float:
    """The median over some pairs of how many seconds longer a run with it takes."""
    from IODeepLib.pipeline import Options, run
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    series, model = find_series(here / "ct")[0], find_model(here / "cheap")

    def once(confidence: bool) -> float:
        def whole() -> None:
            found = run(series, model, Options(confidence=confidence))
            assert confidence == (found.confidence is not None)
            found.save(here / "cheap-result", force=True)

        return seconds(whole)

    with_it, without = alternate(lambda: once(True), lambda: once(False), FEWEST_PAIRS)
    return statistics.median(a - b for a, b in zip(with_it, without, strict=True))


def total(times: Sequence[Seconds]) -> Seconds:
    """Their sum."""
    return Seconds(sum(times), sum(one.processor for one in times))


class _Monai(threading.Thread):
    """`sliding_window_inference` over `array`, which goes on by one patch a turn."""

    def __init__(self, network: Path, array: np.ndarray, size: int) -> None:
        import monai
        import torch
        from torch_unet import load

        super().__init__(daemon=True)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self._network, self._array, self._size = load(network), array, size
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self.turns: list[Seconds] = []
        self.labels = np.empty(0)
        self.versions = f"{monai.__version__}, PyTorch {torch.__version__}, CPU"
        self.start()
        self.turn()  # all before its first patch

    def turn(self) -> None:
        """Let it compute until its next patch, or to its end."""
        start = clocks()
        self._go.release()
        self._done.acquire()
        self.turns.append(since(start))

    def _patch(self, tensor: Any) -> Any:
        self._done.release()
        self._go.acquire()
        return self._network(tensor)

    def run(self) -> None:
        import torch
        from monai.inferers import sliding_window_inference

        self._go.acquire()
        with torch.inference_mode():
            scores = sliding_window_inference(
                torch.from_numpy(self._array)[None],
                (self._size,) * 3,
                1,
                self._patch,
                overlap=OVERLAP,
                mode="gaussian",
            )
            self.labels = scores[0].argmax(0).numpy().astype(np.uint8)
        self._done.release()
