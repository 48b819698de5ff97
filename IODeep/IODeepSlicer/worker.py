"""The process in which a network runs: `python worker.py JOB_FOLDER`.

The folder holds the job, see `IODeepSlicer.job`. Progress goes to standard output, a JSON object
a line, the last of which says that the result is in the folder or what went wrong. When standard
input ends (the result was read, the run was cancelled, or the application that started it is gone,
however that came), this process removes the folder and ends, in whatever computation it is.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO


def main(folder: Path) -> None:
    """Run the job in `folder`, and wait until its owner is done with the result."""
    watching = threading.Thread(target=_endWithParent, args=(folder,), daemon=True)
    watching.start()
    # What a library prints must not get between the lines: it goes to standard error.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        _run(folder, channel)
    except BaseException as error:
        traceback.print_exc()
        _say(channel, error=_inParts(error))
    else:
        _say(channel, done=True)
    watching.join()


def _run(folder: Path, channel: TextIO) -> None:
    # Beside this file lie modules with everyday names: they must not stand for others.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    import IODeepSlicer  # noqa: F401  makes IODeepLib importable
    from IODeepLib.pipeline import run
    from IODeepSlicer.job import readJob, writeResult

    job = readJob(folder)
    result = run(
        job.images[0],
        job.model,
        job.options,
        others=job.images[1:],
        progress=lambda fraction, message: _say(channel, fraction=fraction, message=message),
    )
    writeResult(folder, result)


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


def _endWithParent(folder: Path) -> None:
    # Not through sys.stdin, whose lock would be held when Python ends.
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
