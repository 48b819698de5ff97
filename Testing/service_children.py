"""Processes that stand in for the one that does a task, each with a fault of its own."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def main(what: str, folder: Path) -> None:
    """Do it in a folder."""
    if what == "crashes":
        sys.stderr.write("the last words\n\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "hangs":
        (folder / "pid").write_text(f"{os.getpid()}")
        time.sleep(600)
    elif what == "raises":
        raise RuntimeError("Secret^Name")
    elif what == "talks":
        sys.stdout.write('no JSON\n[0.25, "half"]\n{"a": 1}\n[0.5, "more\\u001b[2J"]\n')
        sys.stdout.flush()
        time.sleep(1.5)


if __name__ == "__main__":
    main(os.environ["CHILD"], Path(sys.argv[1]))
