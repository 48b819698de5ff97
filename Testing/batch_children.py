"""Processes that stand in for the one that reads studies, each with a fault of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(what: str, marks: Path) -> None:
    """Take tasks, and do what is wrong; `marks` is a folder for what tests want to know."""
    sys.stdin.readline()
    (marks / f"{os.getpid()}").touch()
    for line in iter(sys.stdin.readline, ""):
        task = json.loads(line)
        if what == "crashes":
            sys.stderr.write("of Secret^Name\n\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        elif what == "hangs":
            time.sleep(600)
        record = {"outcome": "done", "ended": "2026-01-01T00:00:00+00:00", "seconds": 0.0}
        names = "study", "content"
        sys.stdout.write(json.dumps(record | {name: task[name] for name in names}) + "\n")
        sys.stdout.flush()


def dying_once(marks: Path) -> None:
    """The real one, killed in the middle of its first run of a model, once for all processes."""
    from IODeepLib import pipeline
    from IODeepLib.batch import worker

    run = pipeline.run

    def killed(*arguments, **options):
        try:
            (marks / "killed").touch(exist_ok=False)
        except FileExistsError:
            return run(*arguments, **options)
        return os.kill(os.getpid(), signal.SIGKILL)

    pipeline.run = killed
    worker.main()


if __name__ == "__main__":
    asked, folder = os.environ["CHILD"], Path(os.environ["MARKS"])
    if asked == "dies once":
        dying_once(folder)
    else:
        main(asked, folder)
