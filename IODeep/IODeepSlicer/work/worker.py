"""The process that computes, packs, or speaks to servers: `python worker.py TASK FOLDER`.

The folder holds what the task needs, see `IODeepSlicer.work.job`. Progress goes to standard output,
a JSON object a line, the last of which says that the result is in the folder or what went wrong.
When standard input ends (the result was read, the work was canceled, or the application that
started it is gone, however that came), this process removes the folder and what it is writing
elsewhere, and ends, whatever it is doing.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IODeepLib.machine.progress import Progress
    from IODeepLib.model_object import Model
    from IODeepSlicer.work.job import Job, Origin


NO_MEMORY = {
    "found": "the memory is not enough for this image and network",
    "wanted": "more free memory",
    "next_step": "close other images and programs, or crop the image",
}


_log = logging.getLogger(__name__)


class _Owner:
    """Who started this process, and is told how far it is, a line each time."""

    def __init__(self) -> None:
        self._message = ""
        # What a library prints must not get between the lines: it goes to standard error.
        self._lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def progress(self, fraction: float, message: str) -> None:
        """The fraction that is done, and what is being done, in words."""
        self._message = message
        self.say(fraction=fraction, message=message)

    def began(self, stage: str) -> None:
        """A stage of the task begins; `progress` has said it in words."""
        _log.info("%s", self._message)
        self.say(stage=stage)

    def say(self, **values: Any) -> None:
        """Any line."""
        self._lines.write(json.dumps(values) + "\n")
        self._lines.flush()


def main(task: str, folder: Path) -> None:
    """Do the task in `folder`, and wait until its owner is done with the result."""
    complete = threading.Event()
    watching = threading.Thread(target=_endWithParent, args=(folder, complete), daemon=True)
    watching.start()
    owner = _Owner()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    for ours in (_log, logging.getLogger("IODeepLib")):
        ours.setLevel(logging.INFO)
        ours.addHandler(handler)
    # Beside this file lie modules with everyday names: they must not stand for others.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    complete.wait()
    try:
        _TASKS[task](folder, owner)
    except BaseException as error:
        traceback.print_exc()
        owner.say(error=_inParts(error))
    else:
        owner.say(done=True)
    watching.join()


def _run(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.pipeline import run
    from IODeepSlicer.work.job import readJob, writeResult

    job = readJob(folder)
    model = _fetched(job, owner.progress) if job.source else job.model
    result = run(
        job.images[0],
        model,
        job.options,
        others=job.images[1:],
        progress=owner.progress,
        began=owner.began,
    )
    writeResult(folder, result)


def _fetched(job: Job, progress: Progress) -> Model:
    """The model with its weights, unless it was retired since it was listed."""
    from IODeepLib.errors import ModelError
    from IODeepSlicer.sources.servers import sourceAt

    assert job.source is not None  # noqa: S101 - it is asked where weights are missing
    source = sourceAt(job.source)
    for model, notice in source.models().retired:
        if model.card.sop_instance_uid == job.model.card.sop_instance_uid:
            raise ModelError(
                f"{model.label} was retired since it was listed ({notice})",
                "a model that is still to be used",
                "look for models again, and choose another one",
            )
    return source.fetch(job.model, progress)


def _publish(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.publish import pack
    from IODeepSlicer.work.job import packedFolder, readPacking

    onnxFile, recipe = readPacking(folder)
    pack(onnxFile, recipe, packedFolder(folder), progress=owner.progress)


def _list(folder: Path, _owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.sources.servers import sourceAt
    from IODeepSlicer.work.job import readSource, writeListing

    found = sourceAt(readSource(folder)).models()
    cards = [model.card.path for model in found.every]
    notices = [notice.path for _, notice in found.retired]
    damaged = [problem.path for problem in found.problems]
    writeListing(folder, [path for path in (*cards, *notices, *damaged) if path is not None])


def _send(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.sources.outbox import store_or_keep, waiting
    from IODeepSlicer.sources.servers import sourceAt, wordsOf
    from IODeepSlicer.work.job import readSending, writeSent

    files, address = readSending(folder)
    source, destination = sourceAt(address), wordsOf(address)
    owner.progress(0.0, f"sending to {source.name}")
    writeSent(folder, store_or_keep(files, source, destination))
    for kept in waiting():
        if kept.destination == destination:
            kept.send(source)


def _ask(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.service.client import ask, client_of
    from IODeepSlicer.work.job import readQuestion, writeSeen

    service, studyUID, order = readQuestion(folder)
    writeSeen(folder, ask(client_of(service), studyUID, order=order, progress=owner.progress))


def _gather(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.sources.copies import copy_models
    from IODeepSlicer.work.job import packedFolder, readOrigin

    origin, target = readOrigin(folder), packedFolder(folder)
    target.mkdir()
    if origin.path is not None:
        copy_models(origin.path, target, owner.progress)
    else:
        _fromServer(origin, target, owner.progress)


def _fromServer(origin: Origin, target: Path, progress: Progress) -> None:
    from IODeepLib.errors import SourceError
    from IODeepLib.sources.copies import copy_model
    from IODeepLib.sources.incoming import entity_of
    from IODeepSlicer.sources.servers import sourceAt

    source = sourceAt(origin.server)
    if origin.card:
        catalog = source.models()
        for model in catalog.every:
            if model.card.sop_instance_uid == origin.card:
                copy_model(source, model, catalog.notice(model), target / "model", progress)
    else:
        for path in source.objects(origin.study, target, progress):
            if entity_of(path).study_uid != origin.study:
                path.unlink()
    if not any(target.iterdir()):
        raise SourceError(
            f"{source.name} has no {origin.card or origin.study} any more",
            "a model or study that is there",
            "look what it has, and choose again",
        )


def _devices(folder: Path, _owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.network.onnx_runtime import onnx_runtime
    from IODeepLib.network.providers import AUTO, choose
    from IODeepSlicer.work.job import writeDevices

    runtime = onnx_runtime()
    writeDevices(folder, choose(AUTO, runtime.get_available_providers()), runtime.__version__)


def _surfaces(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.work.job import readLayers
    from IODeepSlicer.work.surface_maker import makeSurfaces

    makeSurfaces(folder, *readLayers(folder), owner.progress)


def _save(folder: Path, _owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.work.save_job import makeObjects

    makeObjects(folder)


def _measure(folder: Path, _owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.work.segments_job import measure

    measure(folder)


def _look(folder: Path, _owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.work.convert_job import lookInto

    lookInto(folder)


def _convert(folder: Path, owner: _Owner) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.work.convert_job import convert
    from IODeepSlicer.work.job import packedFolder

    convert(folder, packedFolder(folder), owner.progress)


_TASKS = {
    "run": _run,
    "save": _save,
    "measure": _measure,
    "publish": _publish,
    "list": _list,
    "send": _send,
    "ask": _ask,
    "gather": _gather,
    "devices": _devices,
    "surfaces": _surfaces,
    "look": _look,
    "convert": _convert,
}


def _inParts(error: BaseException) -> dict[str, str]:
    """What was found, what was wanted, what to do next; the rest is in the log."""
    if isinstance(error, MemoryError) or "can't start new thread" in str(error):
        return NO_MEMORY
    if isinstance(error, ModuleNotFoundError):  # in a Python that a person named
        return {
            "found": f"{sys.executable} has no Python package {error.name}",
            "wanted": "a Python with all that this needs",
            "next_step": f"install it there: -m pip install {error.name}, or choose another Python",
        }
    if all(hasattr(error, part) for part in ("found", "wanted", "next_step")):
        return {part: str(getattr(error, part)) for part in ("found", "wanted", "next_step")}
    return {
        "found": f"{type(error).__name__}: {error}",
        "wanted": "a run without an error",
        "next_step": "read the log",
    }


def _endWithParent(folder: Path, complete: threading.Event) -> None:
    # Not through sys.stdin, whose lock would be held when Python ends.
    while os.read(0, 4096):
        complete.set()
    files = sys.modules.get("IODeepLib.disk.files")
    if files is not None:
        files.clear_unfinished()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
