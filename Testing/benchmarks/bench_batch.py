"""A cohort against a loop of single runs, and what a study costs that nothing is done with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import Bench, Curve, Row, Seconds, alternate, fresh, peak_memory, seconds, speedup
from made import ct_series, recipe, unet

WORKERS = 2
CLASSES = 3
SMALL_PATCH, LARGE_PATCH = 48, 64
MOST_MS = 50  # that a study may cost
IODEEP = str(Path(sys.executable).with_name("iodeep"))


def rows(bench: Bench) -> Iterator[Row | Curve]:
    """Throughput, then cost by size."""
    sizes = bench.sizes
    yield _throughput(bench, "small", sizes.batch_studies, sizes.batch_volume, SMALL_PATCH, 1.5)
    if sizes.batch_large:
        large = sizes.batch_large, sizes.batch_large_volume, LARGE_PATCH
        yield _throughput(bench, "large", *large, 1.0)
    _empty_studies(bench.folder / "empty", sizes.cohorts[-1])
    made = {count: fresh("bench_batch:cost", str(bench.folder), count) for count in sizes.cohorts}
    for what, which in (("batch, nothing fits, one process", "first"), ("the same again", "again")):
        yield Curve(what, "studies", [(count, one[which]) for count, one in made.items()])
    least, most = sizes.cohorts[0], sizes.cohorts[-1]
    each, of_processor = (
        1000 * (made[most][which] - made[least][which]) / max(1, most - least)
        for which in ("first", "processor")
    )
    note = "; ".join(
        f"{count}: {one['memory'] / 1e6:.0f} MB in the process that directs, "
        f"{one['records'] / count:.0f} bytes of records and {one['index'] / count:.0f} of index a "
        "study"
        for count, one in made.items()
    )
    what = "batch, what a study costs"
    yield Row(what, "-", each, MOST_MS, "ms", note=note, processor=of_processor)
    count = sizes.cohorts[-2]
    took, own = (
        1000 * one / count for one in fresh("bench_batch:cost_on_dask", str(bench.folder), count)
    )
    what = "batch --scheduler, what a study costs"
    yield Row(what, "-", took, MOST_MS, "ms", note=f"{own:.1f} ms of it in the one that directs")


def _throughput(
    bench: Bench, name: str, count: int, shape: tuple[int, int, int], patch: int, limit: float
) -> Row:
    """A batch with two processes against a loop of `iodeep run`."""
    from IODeepLib.model_object import write_model

    here = bench.folder / name
    (here / "studies").mkdir(parents=True)
    for number in range(count):
        ct_series(here / "studies" / f"{number}", shape)
    intensity = [{"step": "clip", "lower": -175, "upper": 250}, {"step": "min_max"}]
    asked = recipe(name, CLASSES, patch_size=[patch] * 3, overlap=0.5, intensity=intensity)
    write_model(unet(here / "network.onnx", CLASSES), asked, here / "model")

    def batch() -> Seconds:
        shutil.rmtree(here / "batch", ignore_errors=True)
        return seconds(lambda: _call("batch", here / "studies", here, here / "batch"))

    def loop() -> Seconds:
        def runs() -> None:
            for number in range(count):
                _call("run", here / "studies" / f"{number}", here, here / "loop" / f"{number}")

        shutil.rmtree(here / "loop", ignore_errors=True)
        return seconds(runs)

    times = alternate(batch, loop, bench.sizes.batch_pairs)
    size = "x".join(map(str, shape[::-1]))
    ours, theirs = (
        f"{min(side) / count:.2f} s ({min(one.processor for one in side) / count:.2f} s of the "
        "processor)"
        for side in times
    )
    note = f"{count} CT of {size}, 3D U-Net, patches of {patch}^3; a study: {ours}, {theirs}"
    what = f"batch --workers {WORKERS}, {name} studies"
    return speedup(what, "a loop of iodeep run", times, limit, note=note)


def _call(verb: str, path: Path, here: Path, out: Path) -> None:
    call = [IODEEP, verb, path, "--models", here / "model", "--out", out]
    if verb == "batch":
        call += ["--workers", WORKERS]
    subprocess.run([str(one) for one in call], check=True, capture_output=True)


def _empty_studies(folder: Path, count: int) -> None:
    """Studies of one small image of a modality that no network reads."""
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    ct_series(folder.with_name("one"), (1, 16, 16))
    one = dcmread(folder.with_name("one") / "0000.dcm")
    one.Modality = "US"
    for number in range(count):
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(one, keyword, generate_uid())
        place = folder / f"{number // 100}" / f"{number}"
        place.mkdir(parents=True)
        one.save_as(place / "image.dcm")


def _some(here: Path, count: int) -> Path:
    """A folder with so many of them."""
    folder = here / f"empty-{count}"
    for number in range(0, count, 100):
        if number + 100 <= count:
            shutil.copytree(here / "empty" / f"{number // 100}", folder / f"{number // 100}")
        else:
            for one in range(number, count):
                name = f"{number // 100}/{one}"
                shutil.copytree(here / "empty" / name, folder / name)
    return folder


def cost(folder: str, count: int) -> dict[str, float]:
    """What a cohort of so many takes, and once more when it is done."""
    from IODeepLib import batch

    here = Path(folder)
    studies, out = _some(here, count), here / f"out-{count}"

    def once() -> None:
        summary = batch.map(studies, here / "small" / "model", out, workers=1)
        assert sum(summary.studies.values()) == count

    first = seconds(once)
    made = {"first": float(first), "processor": first.processor, "again": float(seconds(once))}
    made["memory"] = peak_memory()
    made["records"] = (out / "records.jsonl").stat().st_size
    made["index"] = (out / "files.db").stat().st_size
    shutil.rmtree(studies)
    return made


def cost_on_dask(folder: str, count: int) -> list[float]:
    """The same by a worker of Dask, in a process of its own; the processor's is ours alone."""
    from distributed import LocalCluster

    from IODeepLib import batch

    here = Path(folder)
    studies = _some(here, count)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address, models = cluster.scheduler_address, here / "small" / "model"
        first = studies.with_name("empty-first")
        shutil.copytree(studies / "0" / "0", first / "0")
        batch.map(first, models, here / "out-dask-first", scheduler=address)
        out = here / "out-dask"
        took = seconds(lambda: batch.map(studies, models, out, scheduler=address))
        return [float(took), took.processor]
