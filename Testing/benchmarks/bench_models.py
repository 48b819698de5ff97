"""Models: listed, selected among, packed, unpacked, opened."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import Bench, Row, alternate, duration, fresh, private_memory, ratio, seconds
from made import ct_series, models_in_memory, network_of, recipe

LAYER = 512  # channels of the large networks: 28 MB a layer


def rows(bench: Bench) -> Iterator[Row]:
    """All of them."""
    yield from _listing(bench)
    yield from _selecting(bench)
    yield from _session(bench)
    yield from _packing(bench)


def _listing(bench: Bench) -> Iterator[Row]:
    from IODeepLib.model_object import pack

    folder, count = bench.folder / "cards", bench.sizes.cards
    folder.mkdir()
    network = network_of(bench.folder / "small.onnx", 10**5, 16)
    for i in range(count):
        model = pack(network, recipe(f"model-{i}"), bench.folder / "one")
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
    from IODeepLib.selection import select
    from IODeepLib.series import find_series

    series = find_series(ct_series(bench.folder / "ct", (10, 64, 64)))[0]
    first, again = [], []
    count = bench.sizes.models
    for _ in range(bench.sizes.pairs):
        library = models_in_memory(bench.folder, count)
        first.append(seconds(lambda library=library: select(series, library)))
        again.append(seconds(lambda library=library: select(series, library)))
    note = "one packed card with other names, in memory; all fit"
    yield duration(f"select among {count} models, recipes read", again, 50, "ms", note=note)
    note += "; includes reading every recipe from its JSON"
    yield duration(f"select among {count} models, first time", first, 50, "ms", note=note)


def _session(bench: Bench) -> Iterator[Row]:
    from IODeepLib.model_object import pack

    size = bench.sizes.session_bytes
    network = network_of(bench.folder / "session.onnx", size, LAYER)
    pack(network, recipe("large"), bench.folder / "session")
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

    from IODeepLib.runtime import open_session
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
    from IODeepLib.model_object import pack

    size = bench.sizes.pack_bytes
    network = network_of(bench.folder / "packed.onnx", size, LAYER)
    packed, unpacked, copy = (bench.folder / name for name in ("packed", "unpacked", "copy"))

    def timed(action: Any, made: Path) -> float:
        os.sync()  # what was written before is not paid for now
        took = seconds(action)
        shutil.rmtree(made) if made.is_dir() else made.unlink()
        return took

    def copied() -> float:
        command = ["cp", "--reflink=never", str(network), str(copy)]
        return timed(lambda: subprocess.run(command, check=True), copy)

    def packs() -> float:
        return timed(lambda: pack(network, recipe("packed"), packed), packed)

    name = f"{size / 10**9:g} GB"
    copied()
    times = alternate(packs, copied, bench.sizes.pairs)
    yield ratio(f"pack {name}", "cp", times, 2)
    pack(network, recipe("packed"), packed)

    def unpacks() -> float:
        # In a new process: one that has verified a file before does not read it again.
        os.sync()
        took = fresh("bench_models:unpack_once", str(packed), str(unpacked))
        shutil.rmtree(unpacked)
        return took

    times = alternate(unpacks, copied, bench.sizes.pairs)
    yield ratio(f"unpack {name}", "cp", times, 2, note="verifies every digest first")


def unpack_once(packed: str, out: str) -> float:
    """Finding the model in its folder, verifying and unpacking it, the imports not counted."""
    from IODeepLib.model_object import unpack
    from IODeepLib.sources.folder import find_model

    return seconds(lambda: unpack(find_model(packed), out))
