"""PACS on this machine: large models to and fro, many models listed, a run on what lies there."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import Bench, Row, alternate, fresh, peak_memory, ratio, seconds
from made import ct_series, network_of, pointwise, recipe, unet

sys.path.append(str(Path(__file__).parents[1]))  # where the tests' servers are
from pacs import servers
from pacs.proxy import Fault, proxy
from pacs.servers import NoServerError, Orthanc, free_port

MEMORY = 200  # MB
# Times those of the command that does it; over DIMSE pynetdicom speaks, which is Python.
PUSH, PULL = {"DIMSE": 1.5, "DICOMweb": 1.3}, {"DIMSE": 3.0, "DICOMweb": 1.3}
LAYER = 256  # channels: 7 MB a tensor
LINE = 25  # MB/s: of the line over which a series comes that is run on
LABELS = 100  # of the models that are listed: cards of 40 KB


def rows(bench: Bench) -> Iterator[Row]:
    """All of them; none where the servers are not installed."""
    try:
        with servers.orthanc(bench.folder / "orthanc", {"IODEEP": free_port()}) as orthanc:
            yield from _large(bench, orthanc)
            orthanc.clear()
            yield from _listing(bench, orthanc)
            orthanc.clear()
            yield from _run(bench, orthanc)
    except NoServerError as error:
        sys.stderr.write(f"no figures of PACS: {error}\n")


def sources(orthanc: Orthanc) -> dict[str, str]:
    """The server as a SOURCE, by protocol."""
    dimse = f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    return {"DIMSE": dimse, "DICOMweb": orthanc.source}


def _large(bench: Bench, orthanc: Orthanc) -> Iterator[Row]:
    from IODeepLib.model_object import write_model

    folder, size = bench.folder / "large", bench.sizes.pacs_bytes
    model = write_model(
        network_of(bench.folder / "large.onnx", size, LAYER), recipe("large"), folder
    )
    (bench.folder / "large.onnx").unlink()
    assert model.card.path is not None
    paths = [*(part.path for part in model.weights()), model.card.path]
    name = f"{size / 10**9:g} GB model"
    peers: dict[str, tuple[str, Callable[[], Any], Callable[[], Any]]] = {
        "DIMSE": (
            "storescu, getscu",
            lambda: _storescu(orthanc, paths),
            lambda: _getscu(orthanc, model.card.study_instance_uid, bench.folder / "peer"),
        ),
        "DICOMweb": (
            "curl",
            lambda: _curl_post(orthanc, paths, bench.folder / "body"),
            lambda: _curl_get(orthanc, model.card.study_instance_uid, bench.folder / "peer"),
        ),
    }
    for protocol, source in sources(orthanc).items():
        against, peer_push, peer_pull = peers[protocol]

        def push(source: str = source) -> dict[str, float]:
            orthanc.clear()
            return fresh("bench_pacs:pushed", str(folder), source)

        def pushed_by_peer(push: Callable[[], Any] = peer_push) -> float:
            orthanc.clear()
            return push()

        def pull(source: str = source) -> dict[str, float]:
            return fresh("bench_pacs:pulled", source, str(bench.folder / "ours"))

        sent, by_peer = alternate(push, pushed_by_peer, bench.sizes.pairs)
        times = [figures["seconds"] for figures in sent], by_peer
        note = "with the digests, a search before and one after"
        yield ratio(f"push a {name}, {protocol}", against, times, PUSH[protocol], note=note)
        fetched, by_peer = alternate(pull, peer_pull, bench.sizes.pairs)
        times = [figures["seconds"] for figures in fetched], by_peer
        note = "with the digests; to the cache"
        yield ratio(f"pull a {name}, {protocol}", against, times, PULL[protocol], note=note)
        for what, figures in (("push", sent), ("pull", fetched)):
            memory = [one["bytes"] / 10**6 for one in figures]
            row = f"{what} a {name}, {protocol}: memory"
            yield Row(row, "-", statistics.median(memory), MEMORY, "MB", ours=memory)


def pushed(folder: str, source: str) -> dict[str, float]:
    """Publish the model in a folder, in a new process."""
    from IODeepLib.sources.find import source_of
    from IODeepLib.sources.push import push

    os.environ["IODEEP_CACHE"] = f"{folder}-cache"
    paths = sorted(Path(folder).iterdir())
    archive = source_of(source)
    took = seconds(lambda: push(paths, archive))
    shutil.rmtree(f"{folder}-cache", ignore_errors=True)
    return {"seconds": took, "bytes": peak_memory()}


def pulled(source: str, cache: str) -> dict[str, float]:
    """Fetch the only model there, in a new process with an empty cache."""
    from IODeepLib.disk.cache import Cache
    from IODeepLib.sources.find import source_of

    archive = source_of(source, Cache(Path(cache)))

    def fetch() -> None:
        [model] = archive.models().models
        archive.fetch(model)

    took = seconds(fetch)
    shutil.rmtree(cache)
    return {"seconds": took, "bytes": peak_memory()}


def _called(*command: object) -> float:
    """Seconds that a command takes."""
    words = [str(word) for word in command]
    return seconds(lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL))


def _storescu(orthanc: Orthanc, paths: list[Path]) -> float:
    return _called("storescu", "-aec", orthanc.aet, "127.0.0.1", orthanc.dicom_port, *paths)


def _getscu(orthanc: Orthanc, study: str, folder: Path) -> float:
    folder.mkdir()
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
    command = ("getscu", "-S", "+B", "-od", folder, "-aet", "IODEEP", "-aec", orthanc.aet, *keys)
    took = _called(*command, "127.0.0.1", orthanc.dicom_port)
    shutil.rmtree(folder)
    return took


def _curl_post(orthanc: Orthanc, paths: list[Path], body: Path) -> float:
    took = 0.0
    for path in paths:
        with body.open("wb") as file, path.open("rb") as content:
            file.write(b"--boundary\r\nContent-Type: application/dicom\r\n\r\n")
            shutil.copyfileobj(content, file)
            file.write(b"\r\n--boundary--\r\n")
        kind = 'multipart/related; type="application/dicom"; boundary=boundary'
        command = ("curl", "-sf", "-H", f"Content-Type: {kind}", "-H", "Expect:", "-T", body)
        took += _called(*command, "-X", "POST", f"{orthanc.url}/studies")
        body.unlink()
    return took


def _curl_get(orthanc: Orthanc, study: str, path: Path) -> float:
    accept = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
    took = _called("curl", "-sf", "-H", accept, "-o", path, f"{orthanc.url}/studies/{study}")
    path.unlink()
    return took


def _listing(bench: Bench, orthanc: Orthanc) -> Iterator[Row]:
    from IODeepLib.disk.cache import Cache
    from IODeepLib.model_object import write_model
    from IODeepLib.sources.find import source_of

    count, folder = bench.sizes.pacs_models, bench.folder / "many"
    network = unet(bench.folder / "unet.onnx", LABELS)
    for number in range(count):
        write_model(network, recipe(f"model-{number}", LABELS), folder / str(number))
    source_of(orthanc.source, Cache(bench.folder / "c")).store(sorted(folder.rglob("*.dcm")))
    for protocol, source in sources(orthanc).items():
        cache = str(bench.folder / "listed")
        times: tuple[list[float], list[float]] = [], []
        for _ in range(bench.sizes.pairs):
            for which in (1, 0):
                times[which].append(fresh("bench_pacs:listed", source, cache, count))
            shutil.rmtree(cache)
        name = f"list {count} models in Orthanc again, {protocol}"
        note = f"the first time {statistics.median(times[1]):.2g} s"
        yield ratio(name, "the first time", times, 0.1, note=note)


def listed(source: str, cache: str, count: int) -> float:
    """List, in a new process."""
    from IODeepLib.disk.cache import Cache
    from IODeepLib.sources.find import source_of

    archive = source_of(source, Cache(Path(cache)))
    found: list[int] = []
    took = seconds(lambda: found.append(len(archive.models().models)))
    assert found == [count]
    return took


def _run(bench: Bench, orthanc: Orthanc) -> Iterator[Row]:
    from IODeepLib.disk.cache import Cache
    from IODeepLib.model_object import write_model
    from IODeepLib.sources.find import source_of

    shape, models = bench.sizes.pacs_volume, bench.folder / "cheap"
    scan = ct_series(bench.folder / "scan", shape)
    coarse = recipe("cheap", patch_size=[64] * 3, grid={"mode": "spacing", "spacing": [4.0] * 3})
    write_model(pointwise(bench.folder / "cheap.onnx", 2), coarse, models)
    images = sorted(scan.iterdir())
    source_of(orthanc.source, Cache(bench.folder / "d")).store([*images, *models.iterdir()])
    series = series_words(images[0])
    # On this machine a transfer takes less than runs differ from one another.
    line = Fault(rate=LINE * 10**6)
    for protocol, port in (("DIMSE", orthanc.dicom_port), ("DICOMweb", orthanc.http_port)):
        with proxy(port, lambda number: line) as slow:
            far = replace(orthanc, dicom_port=slow.port, http_port=slow.port)
            source = sources(far)[protocol]
            there = ["run", source, *series, "--models", source]
            here = ["run", str(scan), "--models", str(models)]
            differences, transfers = [], []
            for _ in range(bench.sizes.pairs):
                over, local = (
                    fresh("bench_pacs:ran", words, str(bench.folder / "out"))
                    for words in (there, here)
                )
                transfers.append(fresh("bench_pacs:transferred", source, series, str(bench.folder)))
                differences.append(over - local)
        took = statistics.median(transfers)
        off = 100 * abs(statistics.median(differences) / took - 1)
        yield Row(
            f"run on a series in Orthanc, {protocol}: beyond the transfer",
            "the transfer",
            off,
            10,
            "%",
            ours=differences,
            peer=transfers,
            note=f"{'x'.join(map(str, shape[::-1]))} CT over a line of {LINE} MB/s: {took:.2g} s",
        )


def series_words(image: Path) -> list[str]:
    """The words that name the series of an image."""
    from pydicom import dcmread

    header = dcmread(image, stop_before_pixels=True)
    return ["--study", header.StudyInstanceUID, "--series", header.SeriesInstanceUID]


def ran(words: list[str], out: str) -> float:
    """The command in a new process, with an empty cache."""
    from IODeepLib.cli.main import main

    os.environ["IODEEP_CACHE"] = f"{out}-cache"
    statuses: list[int] = []
    took = seconds(lambda: statuses.append(main([*words, "--out", out])))
    assert statuses == [0]
    shutil.rmtree(out)
    shutil.rmtree(f"{out}-cache", ignore_errors=True)
    return took


def transferred(source: str, series: list[str], folder: str) -> float:
    """What a run fetches, and nothing else: what it imports for any source is imported already."""
    import IODeepLib.pipeline  # noqa: F401
    from IODeepLib.disk.cache import Cache
    from IODeepLib.sources.find import source_of

    images = Path(folder, "i")
    images.mkdir()

    def fetch() -> None:
        archive = source_of(source, Cache(Path(folder, "t")))
        [model] = archive.models().models
        archive.fetch(model)
        archive.objects(series[3], images)

    took = seconds(fetch)
    for name in "ti":
        shutil.rmtree(Path(folder, name))
    return took
