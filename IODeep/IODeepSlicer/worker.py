"""The process in which a network runs, or is packed: `python worker.py TASK FOLDER`.

The folder holds what the task needs, see `IODeepSlicer.job`. Progress goes to standard output, a
JSON object a line, the last of which says that the result is in the folder or what went wrong. When
standard input ends (the result was read, the work was cancelled, or the application that started it
is gone, however that came), this process removes the folder and ends, whatever it is doing.
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
from typing import Any, TextIO


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
    from IODeepLib.sources.find import source_of
    from IODeepSlicer.job import readJob, writeResult

    job = readJob(folder)
    model = source_of(job.source).fetch(job.model, progress) if job.source else job.model
    result = run(job.images[0], model, job.options, others=job.images[1:], progress=progress)
    writeResult(folder, result)


def _publish(folder: Path, progress: Callable[[float, str], None]) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.publish import publish
    from IODeepSlicer.job import packedFolder, readPacking

    onnxFile, recipe = readPacking(folder)
    publish(onnxFile, recipe, packedFolder(folder), progress=progress)


def _list(folder: Path, _progress: Callable[[float, str], None]) -> None:
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.sources.find import source_of
    from IODeepSlicer.job import readSource, writeListing

    found = source_of(readSource(folder)).models()
    damaged = [problem.path for problem in found.problems]
    writeListing(folder, [*(model.card.path for model in found.models), *damaged])


_TASKS = {"run": _run, "publish": _publish, "list": _list}


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
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
