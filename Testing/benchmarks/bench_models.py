"""Models: listed, selected among, packed, unpacked, opened."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import (
    FEWEST_PAIRS,
    Bench,
    Row,
    alternate,
    duration,
    fresh,
    peak_memory,
    private_memory,
    ratio,
    seconds,
)
from made import ct_series, models_in_memory, network_beside, network_of, recipe

KINDS = 500  # different requirements among the models that are selected from
LAYER = 512  # channels of the large networks: 28 MB a layer


def rows(bench: Bench) -> Iterator[Row]:
    """All of them."""
    yield from _listing(bench)
    yield from _selecting(bench)
    yield from _session(bench)
    yield from _packing(bench)
    yield from _memory(bench)


def _listing(bench: Bench) -> Iterator[Row]:
    from IODeepLib.model_object import write_model

    folder, count = bench.folder / "cards", bench.sizes.cards
    folder.mkdir()
    network = network_of(bench.folder / "small.onnx", 10**5, 16)
    for i in range(count):
        model = write_model(network, recipe(f"model-{i}"), bench.folder / "one")
        shutil.move(model.card.path, folder / f"{i}.dcm")
        shutil.rmtree(bench.folder / "one")
    times = [fresh("bench_models:listed", str(folder)) for _ in range(bench.sizes.pairs)]
    cold = [first / count for first, _ in times]
    note = "cards without their weights"
    yield duration(f"list {count} cards, first time, per card", cold, 3, "ms", note=note)
    yield duration(
        f"list {count} cards, again in the same process", [again for _, again in times], 0.2
    )


def listed(folder: str) -> tuple[float, float]:
    """Listing twice in a new process, the import not counted."""
    from IODeepLib.sources.folder import find_models

    return seconds(lambda: find_models(folder)), seconds(lambda: find_models(folder))


def _selecting(bench: Bench) -> Iterator[Row]:
    ct_series(bench.folder / "ct", (10, 64, 64))
    count = bench.sizes.models
    models_in_memory(bench.folder, 1)

    def times(kinds: int) -> list[tuple[float, float]]:
        call = ("bench_models:selected", str(bench.folder), count, kinds)
        return [fresh(*call) for _ in range(bench.sizes.pairs)]

    figures = {kinds: times(kinds) for kinds in (1, KINDS, count)}
    others = ", ".join(
        f"{1000 * statistics.median(again for _, again in figures[kinds]):.0f} ms with {kinds}"
        for kinds in (1, count)
    )
    note = f"{KINDS} different requirements; {others}"
    again = [again for _, again in figures[KINDS]]
    yield duration(f"select among {count} models, again", again, 50, "ms", note=note)
    first = [first for first, _ in figures[KINDS]]
    note = "in a new process: with the tables of regions, and the words in five languages"
    yield duration(f"select among {count} models, first time", first, 50, "ms", note=note)


def selected(folder: str, count: int, kinds: int) -> tuple[float, float]:
    """Selecting for the first time in a process, and the median of the next times."""
    from IODeepLib.selection import select
    from IODeepLib.series import find_series

    series = find_series(Path(folder, "ct"))[0]
    library = models_in_memory(Path(folder), count, kinds)
    first, *again = [seconds(lambda: select(series, library)) for _ in range(1 + FEWEST_PAIRS)]
    return first, statistics.median(again)


def _session(bench: Bench) -> Iterator[Row]:
    from IODeepLib.model_object import write_model

    size = bench.sizes.session_bytes
    network = network_of(bench.folder / "session.onnx", size, LAYER)
    write_model(network, recipe("large"), bench.folder / "session")
    ours, peer = alternate(
        lambda: fresh("bench_models:session_from_dicom", str(bench.folder / "session")),
        lambda: fresh("bench_models:session_from_onnx", str(network)),
        bench.sizes.pairs,
    )
    name = f"session ready, {size // 10**6} MB model"
    against = 'InferenceSession("model.onnx")'
    times = [a["seconds"] for a in ours], [b["seconds"] for b in peer]
    yield ratio(f"{name}: time", against, times, 0.1)
    memory = [a["bytes"] for a in ours], [b["bytes"] for b in peer]
    figure = 100 * statistics.median(a / b for a, b in zip(*memory, strict=True))
    name = f"{name}: private memory"
    yield Row(name, against, figure, 20, "%", ours=memory[0], peer=memory[1])
    network.unlink()
    shutil.rmtree(bench.folder / "session")


def session_from_dicom(folder: str) -> dict[str, float]:
    """From the folder to a session, in a new process."""
    import onnxruntime  # noqa: F401

    from IODeepLib.network.runtime import open_session
    from IODeepLib.sources.folder import find_model

    return _grown(lambda: open_session(find_model(folder)))


def session_from_onnx(path: str) -> dict[str, float]:
    """The same from the ONNX file."""
    import onnxruntime

    return _grown(lambda: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]))


def _grown(action: Any) -> dict[str, float]:
    kept: list[Any] = []
    before = private_memory()
    took = seconds(lambda: kept.append(action()))
    return {"seconds": took, "bytes": private_memory() - before}


def _packing(bench: Bench) -> Iterator[Row]:
    from IODeepLib.model_object import write_model

    size = bench.sizes.pack_bytes
    network = network_beside(bench.folder / "packed.onnx", size, LAYER)
    weights = network.with_name("packed.onnx.data")
    packed, unpacked, copy = (bench.folder / name for name in ("packed", "unpacked", "copy"))

    def timed(action: Any, made: Path) -> float:
        os.sync()  # what was written before is not paid for now
        took = seconds(action)
        shutil.rmtree(made) if made.is_dir() else made.unlink()
        return took

    def copied() -> float:
        command = ["cp", "--reflink=never", str(weights), str(copy)]
        return timed(lambda: subprocess.run(command, check=True), copy)

    def packs() -> float:
        return timed(lambda: write_model(network, recipe("packed"), packed), packed)

    name = f"{size / 10**9:g} GB"
    copied()
    times = alternate(packs, copied, bench.sizes.pairs)
    yield ratio(f"pack {name}", "cp", times, 2)
    write_model(network, recipe("packed"), packed)

    def unpacks() -> float:
        # In a new process: one that has verified a file before does not read it again.
        os.sync()
        took = fresh("bench_models:unpack_once", str(packed), str(unpacked))
        shutil.rmtree(unpacked)
        return took

    times = alternate(unpacks, copied, bench.sizes.pairs)
    yield ratio(f"unpack {name}", "cp", times, 2, note="verifies every digest")
    weights.unlink()
    shutil.rmtree(packed)


def unpack_once(packed: str, out: str) -> float:
    """Finding the model in its folder, verifying and unpacking it, the imports not counted."""
    from IODeepLib.model_object import unpack
    from IODeepLib.sources.folder import find_model

    return seconds(lambda: unpack(find_model(packed), out))


def _memory(bench: Bench) -> Iterator[Row]:
    size = bench.sizes.large_bytes
    network_beside(bench.folder / "large.onnx", size, LAYER)
    peaks = {
        what: fresh(f"bench_models:{what}_large", str(bench.folder))
        for what in ("pack", "unpack", "show")
    }
    shutil.rmtree(bench.folder / "large")
    shutil.rmtree(bench.folder / "large-back")
    (bench.folder / "large.onnx.data").unlink()
    what, most = max(peaks.items(), key=lambda item: item[1])
    note = ", ".join(f"{key} {value / 2**20:.0f}" for key, value in peaks.items())
    note += f" MiB; most: {what}; the whole process, with its imports"
    yield Row(
        f"peak memory, packing, unpacking, showing {size / 10**9:g} GB",
        "the model's size",
        most / 2**20,
        300,
        "MiB",
        ours=list(peaks.values()),
        note=note,
    )


def pack_large(folder: str) -> int:
    """The most memory that this process had."""
    from IODeepLib.model_object import write_model

    write_model(Path(folder, "large.onnx"), recipe("large"), Path(folder, "large"))
    return peak_memory()


def unpack_large(folder: str) -> int:
    """The same."""
    from IODeepLib.model_object import unpack
    from IODeepLib.sources.folder import find_model

    unpack(find_model(Path(folder, "large")), Path(folder, "large-back"))
    return peak_memory()


def show_large(folder: str) -> int:
    """The same; `iodeep show`, which verifies every digest."""
    from IODeepLib.cli.main import main

    with contextlib.redirect_stdout(io.StringIO()):
        if main(["show", str(Path(folder, "large"))]):
            raise RuntimeError("it cannot be shown")
    return peak_memory()
