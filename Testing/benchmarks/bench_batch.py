"""A cohort against a loop of single runs, and what a study costs that nothing is done with."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import Bench, Curve, Row, alternate, fresh, peak_memory, seconds, speedup
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
    yield _throughput(bench, "large", sizes.batch_large, sizes.batch_large_volume, LARGE_PATCH, 1.0)
    _empty_studies(bench.folder / "empty", sizes.cohorts[-1])
    first, again, notes = [], [], []
    for count in sizes.cohorts:
        made = fresh("bench_batch:cost", str(bench.folder), count)
        first.append((count, made["first"]))
        again.append((count, made["again"]))
        notes.append(
            f"{count}: {made['processor']:.1f} s of processor time, {made['memory'] / 1e6:.0f} MB "
            f"in the process that directs, {made['records'] / count:.0f} bytes of records and "
            f"{made['index'] / count:.0f} bytes of index a study"
        )
    yield Curve("batch of studies that nothing fits, one process", "studies", first)
    yield Curve("the same again, nothing to do", "studies", again)
    least, most = first[0], first[-1]
    each = 1000 * (most[1] - least[1]) / max(1, most[0] - least[0])
    yield Row("batch, what a study costs", "-", each, MOST_MS, "ms", note="; ".join(notes))
    count = sizes.cohorts[-2]
    took = fresh("bench_batch:cost_on_dask", str(bench.folder), count)
    each = 1000 * took / count
    yield Row("batch --scheduler, what a study costs", "-", each, MOST_MS, "ms", note="one worker")


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
    processor: dict[str, list[float]] = {"batch": [], "loop": []}

    def batch() -> float:
        return timed("batch", lambda: _call("batch", here / "studies", here, here / "batch"))

    def loop() -> float:
        def runs() -> None:
            for number in range(count):
                _call("run", here / "studies" / f"{number}", here, here / "loop" / f"{number}")

        return timed("loop", runs)

    def timed(which: str, action: Any) -> float:
        shutil.rmtree(here / which, ignore_errors=True)
        before = _processor_time()
        took = seconds(action)
        processor[which].append(_processor_time() - before)
        return took

    times = alternate(batch, loop, bench.sizes.batch_pairs)
    size = "x".join(map(str, shape[::-1]))
    spent = {which: sum(values) / len(values) / count for which, values in processor.items()}
    note = (
        f"{count} CT of {size}, 3D U-Net, patches of {patch}^3; a study: "
        f"{min(times[0]) / count:.2f} s against {min(times[1]) / count:.2f} s, processor time "
        f"{spent['batch']:.2f} s against {spent['loop']:.2f} s"
    )
    what = f"batch --workers {WORKERS}, {name} studies"
    return speedup(what, "a loop of iodeep run", times, limit, note=note)


def _call(verb: str, path: Path, here: Path, out: Path) -> None:
    call = [IODEEP, verb, path, "--models", here / "model", "--out", out]
    if verb == "batch":
        call += ["--workers", WORKERS]
    subprocess.run([str(one) for one in call], check=True, capture_output=True)


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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

    made = {"first": seconds(once)}
    own = resource.getrusage(resource.RUSAGE_SELF)
    made["processor"] = _processor_time() + own.ru_utime + own.ru_stime
    made["again"] = seconds(once)
    made["memory"] = peak_memory()
    made["records"] = (out / "records.jsonl").stat().st_size
    made["index"] = (out / "files.db").stat().st_size
    shutil.rmtree(studies)
    return made


def cost_on_dask(folder: str, count: int) -> float:
    """The same by a worker of Dask, in a process of its own."""
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
        return seconds(lambda: batch.map(studies, models, out, scheduler=address))
