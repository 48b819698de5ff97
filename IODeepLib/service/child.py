"""The process that does tasks: `python -m IODeepLib.service.child`.

Its standard input is a pipe from the service: a line for each task, the folder of it. What it says
on standard output is JSON, a line each: how far a task is, and the exit status of one that is done.

A task has a process of its own, bounded in memory, which ends with the service. Whatever becomes of
it, the service goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from pathlib import Path

from IODeepLib.errors import IODeepError
from IODeepLib.machine.limits import bound_process
from IODeepLib.service import tasks
from IODeepLib.service.tasks import Look, Run

_SECONDS_BETWEEN = 0.5  # two steps that are told
# Elsewhere libraries of the system do not stand it, or there is no such thing.
_FORKS = sys.platform == "linux"
_AHEAD = (
    "IODeepLib.codes.anatomy_text",
    "IODeepLib.service.looking",
    "IODeepLib.service.running",
    "PIL.PngImagePlugin",
    "numpy.ma",
)


def main() -> int:
    """Do the tasks that come; the exit status of the one that this process does itself."""
    read_ahead()
    while line := sys.stdin.readline():
        folder = Path(json.loads(line))
        if not _FORKS or (process := os.fork()) == 0:
            _end_with_the_service()
            return do(folder)
        _, status = os.waitpid(process, 0)
        ended = json.dumps({"ended": os.waitstatus_to_exitcode(status)})
        sys.stdout.write(f"\n{ended}\n")  # whatever the task has left of a line
        sys.stdout.flush()
    return 0


def read_ahead() -> None:
    """Import what tasks need; all else that they import is quick."""
    from IODeepLib.network.onnx_runtime import onnx_runtime
    from IODeepLib.results.loading import load

    onnx_runtime()
    for module in _AHEAD:
        importlib.import_module(module)
    load()  # in a thread of its own, which is gone before anything is forked


def do(folder: Path) -> int:
    """Do the task in a folder; the exit status is 0 if it went well, or said why it did not."""
    task: Look | Run = tasks.read_json(folder / tasks.TASK, Look | Run)
    gigabytes = task.settings.memory_gb
    bound_process(None if gigabytes is None else int(gigabytes * 1e9))
    try:
        if isinstance(task, Look):
            _look(task, folder)
        else:
            _run(task, folder)
    except IODeepError as error:
        tasks.write_json(folder / tasks.FAILURE, tasks.failure_of(error))
    return 0


def _look(task: Look, folder: Path) -> None:
    from IODeepLib.service.looking import look_at
    from IODeepLib.sources.find import source_of

    catalog = source_of(task.settings.models_source).models()
    images, received = Path(task.images), [Path(folder) for folder in task.received]
    decisions = look_at(task.settings, catalog, task.study, images, _Said(), received)
    tasks.write_json(folder / tasks.FOUND, decisions)


def _run(task: Run, folder: Path) -> None:
    from IODeepLib.service.running import run_task

    outputs = run_task(task, folder / tasks.RESULT, _Said())
    tasks.write_json(folder / tasks.OUTPUTS, [[*output] for output in outputs])


class _Said:
    """Says on standard output how far the task is, a line of JSON now and then."""

    _said_at = 0.0

    def __call__(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        if now - self._said_at >= _SECONDS_BETWEEN:
            self._said_at = now
            sys.stdout.write(json.dumps([round(fraction, 3), message]) + "\n")
            sys.stdout.flush()


def _end_with_the_service() -> None:
    def watch() -> None:
        while os.read(0, 1):  # at its end nobody is there any more
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
