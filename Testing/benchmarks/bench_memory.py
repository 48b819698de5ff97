"""How much memory a run needs with many classes, and with several stages."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness import Bench, Row, fresh, peak_memory
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
    took = fresh("bench_memory:measured_run", str(bench.folder))
    peak = took["peak"]
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
    wall, processor = (took[key] - took[f"{key} of network"] for key in ("wall", "processor"))
    note = f"{processor:.1f} s of processor time; the network: {took['wall of network']:.1f} s"
    yield Row(
        f"... all but the network, {classes} classes, half overlap",
        "-",
        wall,
        25,
        "s",
        ours=[wall, processor],
        note=note,
        processor=processor,
    )
    peak = fresh("bench_memory:measured_run", str(bench.folder), True)["peak"]
    yield Row(
        f"... with --confidence, {classes} classes",
        f"{scores:.0f} GB of scores",
        peak / 2**30,
        4,
        "GiB",
        ours=[peak],
        note="the same run, from the folders to the files",
    )
    names = _write_staged(bench.folder / "model", min(classes, 6), size)
    peak = fresh("bench_memory:measured_run", str(bench.folder))["peak"]
    yield Row(
        f"peak memory, {'x'.join(map(str, shape[::-1]))} CT, three stages",
        f"networks {', '.join(names)}",
        peak / 2**30,
        4,
        "GiB",
        ours=[peak],
        note="a coarse network, one that reads its labels as channels, and one in their region",
    )


def _write_staged(folder: Path, classes: int, size: int) -> list[str]:
    """A model of three stages in the place of that in `folder`; the names of its networks."""
    from IODeepLib.model_object import write_model
    from IODeepLib.recipe import recipe_from_json, recipe_to_json

    whole = json.loads(recipe_to_json(recipe("stages", classes, patch_size=[size] * 3)))
    own, output = whole.pop("input"), whole.pop("output")
    steps = [{"step": "clip", "lower": -400, "upper": 400}, {"step": "min_max"}]

    def stage(name: str, spacing: float, *channels: dict[str, str], **more: Any) -> dict[str, Any]:
        input_ = {
            **own,
            "channels": [*own["channels"], *channels],
            "grid": {"mode": "spacing", "spacing": [spacing] * 3},
            "intensity": steps,
            "label_interpolation": "per_class",
        }
        return {"name": name, "input": input_, "output": output, **more}

    of_coarse = [
        {"name": f"part {i}", "stage": "coarse", "label": f"Label {i}"} for i in (1, classes - 1)
    ]
    last = f"Label {classes - 1}"  # the one that the network finds in bright voxels
    whole |= {
        "schema": "iodeep-recipe/2",
        "stages": [
            stage("coarse", 2 * SPACING),
            stage("middle", SPACING, *of_coarse),
            stage("fine", SPACING, region={"stage": "middle", "labels": [last]}),
        ],
    }
    networks = {
        name: pointwise(folder.with_name(f"{name}.onnx"), classes, channels)
        for name, channels in (("coarse", 1), ("middle", 3), ("fine", 1))
    }
    shutil.rmtree(folder)
    write_model(networks, recipe_from_json(json.dumps(whole)), folder)
    return list(networks)


def measured_run(folder: str, confidence: bool = False) -> dict[str, float]:
    """The most bytes that the process held, from the folders to the files, and its seconds.

    Those of the network are its own as long as nothing else is done meanwhile, which is so where a
    single patch has many classes.
    """
    from IODeepLib.network.session import Session
    from IODeepLib.pipeline import Options, run
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    own, of_network = Session.run, [0.0, 0.0]

    def timed(session: Session, *arguments: Any) -> Any:
        began = time.perf_counter(), time.process_time()
        found = own(session, *arguments)
        of_network[0] += time.perf_counter() - began[0]
        of_network[1] += time.process_time() - began[1]
        return found

    Session.run = timed  # type: ignore[method-assign]
    began = time.perf_counter(), time.process_time()
    here = Path(folder)
    series, model = find_series(here / "ct")[0], find_model(here / "model")
    found = run(series, model, Options(confidence=confidence))
    assert confidence == (found.confidence is not None)
    found.save(here / "result", force=True)
    return {
        "peak": peak_memory(),
        "wall": time.perf_counter() - began[0],
        "processor": time.process_time() - began[1],
        "wall of network": of_network[0],
        "processor of network": of_network[1],
    }
