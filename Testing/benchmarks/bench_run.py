"""The whole run against the bare network.

After each patch of the run, the same patch goes through a plain InferenceSession: the two take
turns, and the peer's time is taken out of the run's. This holds as long as the run waits for its
progress callback.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from harness import Bench, Row, ratio
from made import ct_series, recipe, unet

CLASSES = 8


def rows(bench: Bench) -> Iterator[Row]:
    """One long run: it is hundreds of pairs in itself."""
    import onnxruntime

    from IODeepLib.model_object import pack
    from IODeepLib.pipeline import run
    from IODeepLib.providers import usable_cores
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    shape, size = bench.sizes.run_volume, bench.sizes.patch
    images = ct_series(bench.folder / "ct", shape)
    intensity = [{"step": "clip", "lower": -175, "upper": 250}, {"step": "min_max"}]
    asked = recipe("unet", CLASSES, patch_size=[size] * 3, overlap=0.5, intensity=intensity)
    network = unet(bench.folder / "unet.onnx", CLASSES)
    pack(network, asked, bench.folder / "model")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    bare = onnxruntime.InferenceSession(str(network), options, ["CPUExecutionProvider"])
    patch = np.random.default_rng(0).random((1, 1, size, size, size), np.float32)
    bare.run(None, {"image": patch})
    peer: list[float] = []

    def progress(_: float, message: str) -> None:
        if message.startswith("patch "):
            start = time.perf_counter()
            bare.run(None, {"image": patch})
            peer.append(time.perf_counter() - start)

    start = time.perf_counter()
    series = find_series(images)[0]
    result = run(series, find_model(bench.folder / "model"), progress=progress)
    result.save(bench.folder / "result")
    ours = time.perf_counter() - start - sum(peer)
    name = f"run, {'x'.join(map(str, shape[::-1]))} CT, 3D U-Net, {CLASSES} classes"
    note = f"{len(peer)} patches of {size}x{size}x{size}, in turns; from the folders to the files"
    yield ratio(name, "ONNX Runtime, the same patches", ([ours], [sum(peer)]), 1.1, note=note)
