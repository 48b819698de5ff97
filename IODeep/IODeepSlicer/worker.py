"""The process that computes, packs, or speaks to servers: `python worker.py TASK FOLDER`.

The folder holds what the task needs, see `IODeepSlicer.job`. Progress goes to standard output, a
JSON object a line, the last of which says that the result is in the folder or what went wrong. When
standard input ends (the result was read, the work was cancelled, or the application that started it
is gone, however that came), this process removes the folder and what it is writing elsewhere, and
ends, whatever it is doing.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.job import Job


def main(task: str, folder: Path) -> None:
    """Do the task in `folder`, and wait until its owner is done with the result."""
    complete = threading.Event()
    watching = threading.Thread(target=_endWithParent, args=(folder, complete), daemon=True)
    watching.start()
    # What a library prints must not get between the lines: it goes to standard error.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Beside this file lie modules with everyday names: they must not stand for others.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    complete.wait()
    try:
        _TASKS[task](folder, functools.partial(_progress, channel))
    except BaseException as error:
        traceback.print_exc()
        _say(channel, error=_inParts(error))
    else:
        _say(channel, done=True)
    watching.join()


def _run(folder: Path, progress: Callable[[float, str], None]) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.pipeline import run
    from IODeepSlicer.job import readJob, writeResult

    job = readJob(folder)
    model = _fetched(job, progress) if job.source else job.model
    result = run(job.images[0], model, job.options, others=job.images[1:], progress=progress)
    writeResult(folder, result)


def _fetched(job: Job, progress: Callable[[float, str], None]) -> Model:
    """The model with its weights, unless it was retired since it was listed."""
    from IODeepLib.errors import ModelError
    from IODeepSlicer.servers import sourceAt

    source = sourceAt(job.source)
    for model, notice in source.models().retired:
        if model.card.sop_instance_uid == job.model.card.sop_instance_uid:
            raise ModelError(
                f"{model.label} was retired since it was listed ({notice})",
                "a model that is still to be used",
                "look for models again, and choose another one",
            )
    return source.fetch(job.model, progress)


def _publish(folder: Path, progress: Callable[[float, str], None]) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.publish import publish
    from IODeepSlicer.job import packedFolder, readPacking

    onnxFile, recipe = readPacking(folder)
    publish(onnxFile, recipe, packedFolder(folder), progress=progress)


def _list(folder: Path, _progress: Callable[[float, str], None]) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepSlicer.job import readSource, writeListing
    from IODeepSlicer.servers import sourceAt

    found = sourceAt(readSource(folder)).models()
    cards = [model.card.path for model in found.models]
    retired = [path for model, notice in found.retired for path in (model.card.path, notice.path)]
    damaged = [problem.path for problem in found.problems]
    writeListing(folder, [*cards, *retired, *damaged])


def _send(folder: Path, progress: Callable[[float, str], None]) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.sources.outbox import store_or_keep, waiting
    from IODeepSlicer.job import readSending, writeSent
    from IODeepSlicer.servers import sourceAt, wordsOf

    files, address = readSending(folder)
    source, destination = sourceAt(address), wordsOf(address)
    progress(0.0, f"sending to {source.name}")
    writeSent(folder, store_or_keep(files, source, destination))
    for kept in waiting():
        if kept.destination == destination:
            kept.send(source)


_TASKS = {"run": _run, "publish": _publish, "list": _list, "send": _send}


def _progress(channel: TextIO, fraction: float, message: str) -> None:
    _say(channel, fraction=fraction, message=message)


def _say(channel: TextIO, **values: Any) -> None:
    channel.write(json.dumps(values) + "\n")
    channel.flush()


def _inParts(error: BaseException) -> dict[str, str]:
    """What was found, what was wanted, what to do next; the rest is in the log."""
    if isinstance(error, MemoryError):
        return {
            "found": "the memory is not enough for this image and network",
            "wanted": "more free memory",
            "next_step": "close other images and programs, or crop the image",
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
    files = sys.modules.get("IODeepLib.files")
    if files is not None:
        files.clear_unfinished()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
