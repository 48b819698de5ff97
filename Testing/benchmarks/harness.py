"""What every benchmark is made with: alternating pairs, fresh processes, rows, the comparison.

A benchmark is a function that is given a `Bench` and yields rows. Ours and the peer are timed in
turns within one run, so that whatever else the machine does hits both; a row's figure is the
median over the pairs.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SCHEMA = "iodeep-bench/1"
TOPICS = (
    "start",
    "models",
    "trust",
    "images",
    "results",
    "run",
    "nnunet",
    "memory",
    "card",
    "pacs",
    "growth",
    "batch",
    "service",
    "training",
)


class Seconds(float):
    """Seconds by the clock, and of the processor: of all threads, and of processes begun meanwhile.

    Attributes:
        processor: the latter.
    """

    processor: float

    def __new__(cls, clock: float, processor: float) -> Seconds:
        made = super().__new__(cls, clock)
        made.processor = processor
        return made

    def __getnewargs__(self) -> tuple[float, float]:  # type: ignore[override]
        return float(self), self.processor


Times = tuple[Sequence[float], Sequence[float]]  # of ours and of the peer, by pair
_SECONDS = "seconds, and those of the processor"
FEWEST_PAIRS = 5  # below, one disturbance moves the median
PACKAGES = (
    *("numpy", "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "SimpleITK", "pydicom"),
    *("highdicom", "dcmqi", "rt-utils", "torch", "monai", "nnunetv2"),
)


@dataclass(frozen=True)
class Grown:
    """The amounts of each curve.

    Attributes:
        slices: of volumes of 256x256.
        classes: channels of the network's output.
        overlaps: of its patches.
        models: models that are selected among.
    """

    slices: tuple[int, ...] = (25, 50, 100, 200, 400)
    classes: tuple[int, ...] = (2, 5, 10, 30, 100)
    overlaps: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75)
    models: tuple[int, ...] = (10, 100, 1000, 10_000)


@dataclass(frozen=True)
class Sizes:
    """How large the work is.

    Attributes:
        pairs: how often ours and the peer are timed.
        cards: instances in the folder that is listed.
        models: models that are selected among.
        session_bytes, pack_bytes, large_bytes: weights of the networks.
        slices: of the series that is read.
        volume: (slice, row, column) of what is resampled and of the SEG.
        segments: of the SEG.
        run_volume: (slice, row, column) of the CT that the whole run is timed on.
        patch: voxels of its patches along each axis.
        nnunet_volume: (slice, row, column) of the CT that commands are timed on against nnU-Net's.
        nnunet_patch: voxels of its networks' patches.
        nnunet_long_pairs: how often the longer commands are timed against nnU-Net's.
        nnunet_features: channels of each level of these.
        many_volume: (slice, row, column) of the CT for the network with many classes.
        many_classes: how many.
        card_volumes: (slice, row, column) of the CTs that a graphics card is watched with.
        pacs_bytes: weights of the model that goes to a PACS and back.
        pacs_models: models in a PACS that are listed.
        pacs_volume: a series in a PACS that is run on.
        grown: volumes, class counts, overlaps and model counts for the curves.
        batch_pairs: how often a batch and a loop of runs are timed.
        batch_studies, batch_large: studies of them, small and large ones.
        batch_volume, batch_large_volume: (slice, row, column) of these.
        cohorts: studies that nothing is done with.
        workitems: that the service has.
    """

    pairs: int = FEWEST_PAIRS
    cards: int = 1000
    models: int = 10_000
    session_bytes: int = 300 * 10**6
    pack_bytes: int = 10**9
    large_bytes: int = 43 * 10**8
    slices: int = 600
    volume: tuple[int, int, int] = (300, 512, 512)
    segments: int = 50
    run_volume: tuple[int, int, int] = (96, 512, 512)
    patch: int = 96
    nnunet_volume: tuple[int, int, int] = (64, 96, 144)
    nnunet_patch: tuple[int, int, int] = (64, 96, 96)
    nnunet_features: tuple[int, ...] = (16, 32, 64, 128, 256)
    nnunet_long_pairs: int = 2
    many_volume: tuple[int, int, int] = (600, 512, 512)
    many_classes: int = 100
    card_volumes: tuple[tuple[int, int, int], ...] = ((300, 512, 512), (300, 384, 384))
    pacs_bytes: int = 5 * 10**8
    pacs_models: int = 200
    pacs_volume: tuple[int, int, int] = (300, 512, 512)
    grown: Grown = Grown()
    batch_pairs: int = 2
    batch_studies: int = 10
    batch_large: int = 2
    batch_volume: tuple[int, int, int] = (24, 96, 96)
    batch_large_volume: tuple[int, int, int] = (64, 192, 192)
    cohorts: tuple[int, ...] = (10, 100, 1000, 3000)
    workitems: int = 20_000


# To see whether the benchmarks themselves work; the figures mean nothing.
SMALL = Sizes(
    pairs=1,
    cards=20,
    models=100,
    session_bytes=80 * 10**6,
    pack_bytes=10**7,
    large_bytes=10**8,
    slices=20,
    volume=(20, 128, 128),
    segments=5,
    run_volume=(20, 64, 64),
    patch=32,
    nnunet_volume=(16, 40, 40),
    nnunet_patch=(16, 32, 32),
    nnunet_features=(4, 8, 12),
    nnunet_long_pairs=1,
    many_volume=(40, 64, 64),
    many_classes=10,
    card_volumes=((40, 64, 64), (40, 64, 64)),
    pacs_bytes=10**7,
    pacs_models=10,
    pacs_volume=(20, 64, 64),
    grown=Grown((5, 10), (2, 5), (0.0, 0.5), (10, 100)),
    batch_pairs=1,
    batch_studies=1,
    batch_large=0,
    batch_volume=(8, 32, 32),
    batch_large_volume=(8, 64, 64),
    cohorts=(1, 5),
    workitems=200,
)

# In three minutes: whether a ratio has moved. The machine's speed is in none.
QUICK = Sizes(
    cards=100,
    models=1000,
    session_bytes=100 * 10**6,
    pack_bytes=2 * 10**8,
    large_bytes=2 * 10**8,
    slices=100,
    volume=(60, 256, 256),
    segments=20,
    run_volume=(48, 128, 128),
    patch=48,
)
QUICK_TOPICS = ("images", "results", "models", "run")


@dataclass(frozen=True)
class Bench:
    """What a benchmark is given: sizes, and a folder that is removed afterwards."""

    sizes: Sizes
    folder: Path


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured; the row's name from run to run.
        against: the peer, or "-".
        figure: the measured value.
        limit: what it must not pass.
        unit: "x" for a ratio, "s", "ms", "%".
        at_least: whether `figure` must reach `limit`, instead of staying below it.
        ours, peer: the single measurements, seconds or bytes.
        note: what one should know of it.
        processor: the same figure by processor time, where that was measured.
        date: when it was measured.
    """

    what: str
    against: str
    figure: float
    limit: float
    unit: str = "x"
    at_least: bool = False
    ours: Sequence[float] = ()
    peer: Sequence[float] = ()
    note: str = ""
    processor: float | None = None
    date: str = field(default_factory=lambda: datetime.now().astimezone().isoformat("T", "minutes"))

    @property
    def reached(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


@dataclass(frozen=True)
class Curve:
    """How a cost grows.

    Attributes:
        what: what takes the time.
        by: what it grows with, such as "voxels".
        points: (amount, seconds), in order of the amount.
        date: when it was measured.
    """

    what: str
    by: str
    points: Sequence[tuple[float, float]]
    date: str = field(default_factory=lambda: datetime.now().astimezone().isoformat("T", "minutes"))


def clocks() -> tuple[float, float]:
    """The time, and the processor time of this process and of those begun by it that ended."""
    times = os.times()
    return time.perf_counter(), time.process_time() + times.children_user + times.children_system


def since(start: tuple[float, float]) -> Seconds:
    """How long ago `clocks` gave that."""
    now = clocks()
    return Seconds(now[0] - start[0], now[1] - start[1])


def seconds(action: Callable[[], object]) -> Seconds:
    """How long `action` takes."""
    start = clocks()
    action()
    return since(start)


def processor_times(times: Sequence[float]) -> list[float] | None:
    """Those of the processor, if they were measured."""
    found = [one.processor for one in times if isinstance(one, Seconds)]
    return found if len(found) == len(times) else None


def alternate(
    ours: Callable[[], Any], peer: Callable[[], Any], pairs: int
) -> tuple[list[Any], list[Any]]:
    """What both give, in turns; which one begins changes from pair to pair."""
    results: tuple[list[Any], list[Any]] = [], []
    for i in range(pairs):
        for which in (0, 1) if i % 2 == 0 else (1, 0):
            results[which].append((ours, peer)[which]())
    return results


def ratio(
    what: str,
    against: str,
    times: tuple[Sequence[float], Sequence[float]],
    limit: float,
    **more: Any,
) -> Row:
    """Ours as a multiple of the peer: the median over the pairs."""
    ours, peer = times
    more["processor"] = _median_ratio(*map(processor_times, times))
    figure = _median_ratio(ours, peer)
    return Row(what, against, figure, limit, ours=ours, peer=peer, **more)


def speedup(
    what: str,
    against: str,
    times: tuple[Sequence[float], Sequence[float]],
    limit: float,
    **more: Any,
) -> Row:
    """How many times faster ours is than the peer: the median over the pairs."""
    ours, peer = times
    more["processor"] = _median_ratio(*map(processor_times, reversed(times)))
    figure = _median_ratio(peer, ours)
    return Row(what, against, figure, limit, at_least=True, ours=ours, peer=peer, **more)


def _median_ratio(first: Sequence[float] | None, second: Sequence[float] | None) -> Any:
    if first is None or second is None:
        return None
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def duration(what: str, times: Sequence[float], limit: float, unit: str = "s", **more: Any) -> Row:
    """The median of `times`, in `unit`."""
    scale = {"s": 1, "ms": 1000}[unit]
    figure = statistics.median(times) * scale
    of_processor = processor_times(times)
    more["processor"] = of_processor and statistics.median(of_processor) * scale
    return Row(what, "-", figure, limit, unit, ours=times, **more)


def fresh(call: str, *arguments: Any) -> Any:
    """What the function `call`, "module:function", gives in a process of its own."""
    main = Path(__file__).with_name("__main__.py")
    command = [sys.executable, str(main), "--call", call, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{call} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1], object_hook=_unpacked)


def packed(value: Any) -> Any:
    """A value as JSON can say it, for `fresh`: the processor's part of `Seconds` goes along."""
    if isinstance(value, Seconds):
        return {_SECONDS: [float(value), value.processor]}
    if isinstance(value, dict):
        return {key: packed(item) for key, item in value.items()}
    return [packed(item) for item in value] if isinstance(value, list | tuple) else value


def _unpacked(found: dict[str, Any]) -> Any:
    return Seconds(*found[_SECONDS]) if _SECONDS in found else found


def private_memory() -> int:
    """Bytes that belong to this process alone, whether written to or not. Linux only."""
    fields = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in fields}
    return 1024 * (kilobytes["Private_Clean"] + kilobytes["Private_Dirty"])


def peak_memory() -> int:
    """The most bytes of memory that this process ever had. Linux only.

    Not `ru_maxrss`: that counts the process which started this one, too.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    cpu, cores = platform.processor(), os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cpu": cpu,
        "cores": cores,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "versions": versions,
    }


def to_json(
    rows: Iterable[Row], last: dict[str, Any] | None = None, curves: Iterable[Curve] = ()
) -> dict[str, Any]:
    """The document of a run. What was not measured again stays from the last one, dated."""

    def merged(key: str, measured: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(
            {item["what"]: item for item in (*(last or {}).get(key, ()), *measured)}.values()
        )

    return {
        "schema": SCHEMA,
        "machine": machine(),
        "rows": merged("rows", (asdict(row) | {"reached": row.reached} for row in rows)),
        "curves": merged("curves", map(asdict, curves)),
    }


def read(path: Path) -> dict[str, Any] | None:
    """The document of the last run, or None if there is none that can be compared with."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    comparable = isinstance(document, dict) and document.get("schema") == SCHEMA
    return document if comparable else None


def last_figures(last: dict[str, Any] | None) -> dict[str, float]:
    """The figure of every row of the last run, by the row's name."""
    return {row["what"]: row["figure"] for row in (last or {}).get("rows", [])}


def change(figure: float, before: float | None) -> str:
    """How a figure moved since the last run, in words: "+12 %"."""
    if not before:
        return ""
    return f"{100 * (figure / before - 1):+.0f} %"


def shown(value: float, unit: str) -> str:
    """A figure for people."""
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:.{digits}f} {unit}"


def table(rows: Sequence[Row], last: dict[str, Any] | None = None) -> str:
    """The rows as a Markdown table."""
    before = last_figures(last)
    lines = [
        ("what", "against", "figure", "by the processor", "limit", "reached", "since the last run"),
        ("---",) * 7,
    ]
    for row in rows:
        sign = ">=" if row.at_least else "<="
        lines.append(
            (
                row.what,
                row.against,
                shown(row.figure, row.unit),
                "" if row.processor is None else shown(row.processor, row.unit),
                f"{sign} {row.limit:g} {row.unit}",
                "yes" if row.reached else "NO",
                change(row.figure, before.get(row.what)),
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    return "\n".join(
        "| " + " | ".join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
