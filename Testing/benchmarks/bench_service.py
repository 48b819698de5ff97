"""The service beside a PACS: from "the study is stable" to "its SEG is stored"; work items."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from bench_pacs import series_words
from harness import Bench, Row, Seconds, alternate, duration, ratio, seconds
from made import ct_series, recipe, unet

sys.path.append(str(Path(__file__).parents[1]))  # where the tests' servers are
from pacs import servers
from pacs.servers import NoServerError, Orthanc

CLASSES, PATCH = 3, 48
ANSWERS, MOST_MS = 100, 100
MOST = 1.1  # times a run, the images fetched and the result stored
IODEEP = str(Path(sys.executable).with_name("iodeep"))
SETTINGS = """
[service]
source = "{source}"
models = "{models}"
folder = "{folder}"
quiet_seconds = 0

[service.changes]
every = 0.2
"""
_EVERY = 0.05  # seconds between two looks at Orthanc
_PATIENCE = 600.0


def rows(bench: Bench) -> Iterator[Row]:
    """All of them; but one only where an Orthanc is installed."""
    yield _search(bench)
    try:
        # Orthanc calls a study stable after a second; before that begins no time that counts.
        with servers.orthanc(bench.folder / "orthanc", StableAge=1) as orthanc:
            yield _stable_to_stored(bench, orthanc)
    except NoServerError as error:
        sys.stderr.write(f"no figures of the service: {error}\n")


def _search(bench: Bench) -> Row:
    """A search for work items as UPS-RS has it, but for HTTP."""
    from dataclasses import replace

    from pydicom.dataset import Dataset

    from IODeepLib.service.database import Database
    from IODeepLib.service.job import Job
    from IODeepLib.service.jobs import Jobs
    from IODeepLib.service.ups.steps import Performer
    from IODeepLib.service.ups.worklist import Worklist

    count = bench.sizes.workitems
    database = Database(bench.folder / "search.db")
    one = Job(study="", series="2.25.2", model="2.25.7", label="liver@1.0.0", rule="rule 1")
    with database.transaction() as execute:
        jobs = (replace(one, study=f"2.25.{number}") for number in range(count))
        Jobs(database).add(execute, jobs)
    worklist = Worklist(database, Performer("IODEEP", address="https://pacs.example.org"))
    keys = Dataset()
    keys.ProcedureStepState = "SCHEDULED"

    def search() -> None:
        found = [step.as_json() for step in islice(worklist.search(keys), ANSWERS)]
        assert len(json.dumps(found)) > 1000 * len(found) > 0

    search()
    times = [seconds(search) for _ in range(bench.sizes.pairs)]
    what = f"search for work items, {ANSWERS} of {count:,} in JSON"
    return duration(what, times, MOST_MS, "ms")


def _stable_to_stored(bench: Bench, orthanc: Orthanc) -> Row:
    from IODeepLib.model_object import write_model

    folder, shape, pairs = bench.folder, bench.sizes.batch_volume, bench.sizes.pairs
    intensity = [{"step": "clip", "lower": -175, "upper": 250}, {"step": "min_max"}]
    asked = recipe("small", CLASSES, patch_size=[PATCH] * 3, overlap=0.5, intensity=intensity)
    write_model(unet(folder / "network.onnx", CLASSES), asked, folder / "models")
    # What is there before the service comes for the first time it leaves alone.
    theirs = [ct_series(folder / f"theirs {number}", shape) for number in range(pairs)]
    ours = [ct_series(folder / f"ours {number}", shape) for number in range(pairs + 1)]
    for study in theirs:
        _send(orthanc, study)
    _until(lambda: all(_state(orthanc, study).get("IsStable") for study in theirs))
    left, waiting = iter(theirs), iter(ours)
    with _service(folder, orthanc) as service:

        def served() -> Seconds:
            study = next(waiting)
            _send(orthanc, study)
            _until(lambda: _state(orthanc, study).get("IsStable"))
            begins, processor = time.perf_counter(), _processor(service)
            # The SEG is stored before the report, which ends the job.
            _until(lambda: len(_state(orthanc, study)["Series"]) > 1)
            took = time.perf_counter() - begins
            _until(lambda: _is_idle(folder))
            return Seconds(took, _processor(service) - processor)

        def run() -> Seconds:
            study = next(left)
            source, out = orthanc.source, folder / "out"
            call = [IODEEP, "run", source, *series_words(study / "0000.dcm"), "--store", source]
            call += ["--models", str(folder / "models"), "--out", str(out)]
            environment = os.environ | {"IODEEP_CACHE": str(folder / "cache")}
            how: Any = {"check": True, "capture_output": True, "env": environment}
            took = seconds(lambda: subprocess.run(call, **how))
            shutil.rmtree(out)
            return took

        first = served()
        times = alternate(served, run, pairs)
    size = "x".join(map(str, shape[::-1]))
    note = (
        f"CT of {size}, 3D U-Net, patches of {PATCH}^3; the service {_each(times[0])}, "
        f"iodeep run --store {_each(times[1])}; the first study after the start of the service, "
        f"which is not among them, {first:.1f} s"
    )
    against = "iodeep run --store, from and to Orthanc"
    return ratio("service, stable to SEG stored", against, times, MOST, note=note)


def _each(times: list[Seconds]) -> str:
    shown = ", ".join(f"{one:.1f}" for one in times)
    return f"{shown} s ({', '.join(f'{one.processor:.1f}' for one in times)} of the processor)"


@contextmanager
def _service(folder: Path, orthanc: Orthanc) -> Iterator[psutil.Process]:
    """A service that has seen what is there."""
    settings = folder / "iodeep.toml"
    place = folder / "service"
    settings.write_text(
        SETTINGS.format(source=orthanc.source, models=folder / "models", folder=place)
    )
    with (folder / "service.log").open("wb") as log:
        call = [IODEEP, "serve", "--config", str(settings)]
        running = subprocess.Popen(call, stderr=log)
    try:
        _until(lambda: (place / "queue.db").exists() and _ask(folder, "SELECT * FROM cursors"))
        yield psutil.Process(running.pid)
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)


def _ask(folder: Path, statement: str) -> list[Any]:
    from IODeepLib.service.database import Database

    return Database(folder / "service" / "queue.db").ask(statement)


def _is_idle(folder: Path) -> bool:
    """Whether nothing is left to be done, the report included."""
    return not _ask(folder, "SELECT 1 FROM jobs WHERE state NOT IN ('done')") and not _ask(
        folder, "SELECT 1 FROM studies WHERE state != 'done'"
    )


def _processor(service: psutil.Process) -> float:
    """The processor time of the service and of all that it has begun."""
    total = 0.0
    for one in [service, *service.children(recursive=True)]:
        try:
            total += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def _send(orthanc: Orthanc, folder: Path) -> None:
    call = ["storescu", "-aec", orthanc.aet, "127.0.0.1", str(orthanc.dicom_port)]
    subprocess.run([*call, *map(str, sorted(folder.iterdir()))], check=True)


def _state(orthanc: Orthanc, folder: Path) -> dict[str, Any]:
    """What Orthanc says of a study; nothing if it has not come."""
    uid = series_words(folder / "0000.dcm")[1]
    found = json.loads(orthanc.get("/studies?expand"))
    return next((one for one in found if one["MainDicomTags"]["StudyInstanceUID"] == uid), {})


def _until(there: Any) -> None:
    ends = time.monotonic() + _PATIENCE
    while not there():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(_EVERY)
