"""How much memory a run needs with many classes."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness import Bench, Row, fresh
from made import ct_series, pointwise, recipe

SPACING = 1.5  # mm of the network's grid


def rows(bench: Bench) -> Iterator[Row]:
    """One run in a process of its own."""
    from IODeepLib.model_object import write_model

    shape, classes, size = bench.sizes.many_volume, bench.sizes.many_classes, bench.sizes.patch
    ct_series(bench.folder / "ct", shape)
    grid = {"mode": "spacing", "spacing": [SPACING] * 3}
    intensity = [{"step": "clip", "lower": -400, "upper": 400}, {"step": "min_max"}]
    asked = recipe("many", classes, grid=grid, patch_size=[size] * 3, intensity=intensity)
    write_model(pointwise(bench.folder / "many.onnx", classes), asked, bench.folder / "model")
    peak = fresh("bench_memory:peak_of_run", str(bench.folder))
    scores = 4 * classes * int(np.prod(shape)) / 10**9
    yield Row(
        f"peak memory, {'x'.join(map(str, shape[::-1]))} CT, {classes} classes at {SPACING} mm",
        f"{scores:.0f} GB of scores",
        peak / 2**30,
        4,
        "GiB",
        ours=[peak],
        note="a network of one layer; scores brought to the source voxels, then decided",
    )


def peak_of_run(folder: str) -> int:
    """The most bytes that the process held, from the folders to the files."""
    from IODeepLib.pipeline import run
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    here = Path(folder)
    run(find_series(here / "ct")[0], find_model(here / "model")).save(here / "result")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
