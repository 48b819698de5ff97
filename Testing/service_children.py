"""Processes that stand in for those that do tasks, each with a fault of its own."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from IODeepLib.service import child

_ROOM = 8192  # bytes of a file: for what a task says, and not for a result
_DO = child.do


def do(folder: Path) -> int:
    """What CHILD says, in a folder."""
    what = os.environ["CHILD"]
    if what == "crashes":
        sys.stderr.write("the last words\n\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "hangs":
        (folder / "pid").write_text(f"{os.getpid()}")
        time.sleep(600)
    elif what == "finds no room":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, _ROOM))
        return _DO(folder)
    elif what == "works":
        return _DO(folder)
    elif what == "raises":
        raise RuntimeError("Secret^Name")
    elif what == "talks":
        sys.stdout.write('no JSON\n[0.25, "half"]\n{"a": 1}\n[0.5, "more\\u001b[2J"]\n')
        sys.stdout.flush()
        time.sleep(1.5)
    return 0


if __name__ == "__main__":
    child.do, child.read_ahead = do, lambda: None
    sys.exit(child.main())
