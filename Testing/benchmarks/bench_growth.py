"""How cost grows with voxels, classes, patches and models.

The network costs next to nothing, so that what is seen is our own.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness import Bench, Curve, seconds
from made import SPACING, ct_series, models_in_memory, organs, pointwise, recipe

PLANE = (256, 256)  # rows, columns
GRID = {"mode": "spacing", "spacing": [1.5] * 3}
PATCH = 48  # voxels along each axis: many patches even in small images
RUNS = 3  # of which the median counts
SPECKS = 3000  # single voxels of other labels, by chance: holes and small components


def rows(bench: Bench) -> Iterator[Curve]:
    """One curve for each."""
    grown = bench.sizes.grown
    middle = grown.slices[len(grown.slices) // 2]
    for slices in grown.slices:
        ct_series(bench.folder / f"ct-{slices}", (slices, *PLANE))

    def cost(slices: int = middle, classes: int = 8, overlap: float = 0.5) -> tuple[int, float]:
        return _run(bench.folder, bench.folder / f"ct-{slices}", classes, overlap)

    points = [(slices * PLANE[0] * PLANE[1], cost(slices=slices)[1]) for slices in grown.slices]
    yield Curve("run, network of one layer, 8 classes", "voxels", points)
    points = [(n, cost(classes=n)[1]) for n in grown.classes]
    yield Curve(f"run, network of one layer, {middle} slices", "classes", points)
    yield Curve(
        f"run, network of one layer, {middle} slices, 8 classes",
        "patches",
        [cost(overlap=overlap) for overlap in grown.overlaps],
    )
    yield _postprocessing(bench)
    yield from _selecting(bench, grown.models)


def _run(folder: Path, images: Path, classes: int, overlap: float) -> tuple[int, float]:
    """Patches of a run, and the median of its seconds."""
    from IODeepLib.model_object import write_model
    from IODeepLib.pipeline import run
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_model

    intensity = [{"step": "clip", "lower": -400, "upper": 400}, {"step": "min_max"}]
    patches = {"patch_size": [PATCH] * 3, "overlap": overlap}
    asked = recipe("grown", classes, grid=GRID, intensity=intensity, **patches)
    write_model(pointwise(folder / "grown.onnx", classes), asked, folder / "model")
    said: list[str] = []

    def whole() -> None:
        said.clear()
        series, model = find_series(images)[0], find_model(folder / "model")
        result = run(series, model, progress=lambda _, message: said.append(message))
        result.save(folder / "result")

    taken = []
    for _ in range(RUNS):
        taken.append(seconds(whole))
        shutil.rmtree(folder / "result")
    shutil.rmtree(folder / "model")
    return sum(message.startswith("patch ") for message in said), statistics.median(taken)


def _postprocessing(bench: Bench) -> Curve:
    """Holes filled and the largest component kept, of each label, once."""
    from IODeepLib.geometry import Grid
    from IODeepLib.inference.postprocess import postprocess
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.recipe import FillHoles, LargestComponent

    shape = bench.sizes.many_volume
    grid, rng = Grid(shape, np.diag([*SPACING, 1.0])), np.random.default_rng(0)
    points = []
    for classes in bench.sizes.grown.classes:
        array = organs(shape, classes - 1)
        specks = tuple(rng.integers(n, size=SPECKS) for n in shape)
        array[specks] = rng.integers(classes, size=SPECKS)
        found = Segmentation(array, grid, recipe("grown", classes).output.labels)
        steps = (FillHoles(), LargestComponent())
        points.append(
            (classes, seconds(lambda found=found, steps=steps: postprocess(found, steps)))
        )
    size = "x".join(map(str, shape[::-1]))
    return Curve(f"holes filled, largest components, {size}", "classes", points)


def _selecting(bench: Bench, counts: tuple[int, ...]) -> Iterator[Curve]:
    from IODeepLib.selection import select
    from IODeepLib.series import find_series

    series = find_series(bench.folder / f"ct-{bench.sizes.grown.slices[0]}")[0]
    first, again = [], []
    for count in counts:
        models = models_in_memory(bench.folder, count)
        first.append((count, seconds(lambda models=models: select(series, models))))
        again.append((count, seconds(lambda models=models: select(series, models))))
    yield Curve("select, first time", "models", first)
    yield Curve("select, again", "models", again)
