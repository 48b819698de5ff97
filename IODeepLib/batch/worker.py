"""The process that reads studies: `python -m IODeepLib.batch.worker`.

On standard input come lines of JSON: first what is asked, then a task each. Each task is answered
with a line on standard output. At the end of the input the process ends at once, and so it does
when whoever started it is no more.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterator

from IODeepLib.batch.reader import Reader
from IODeepLib.batch.terms import Asked, Task, from_line, to_line
from IODeepLib.disk.files import clear_unfinished
from IODeepLib.machine.limits import bound_process


def main() -> None:
    """Read studies until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # libraries print, too
    lines = _lines()
    asked: Asked = from_line(Asked, next(lines))
    bound_process(asked.memory)
    reader = Reader(asked)
    for line in lines:
        answers.write(to_line(reader.read(from_line(Task, line))) + "\n")
        answers.flush()


def _lines() -> Iterator[bytes]:
    """Lines as they come, read in a thread of their own: it sees the end while others work."""
    came: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            came.put(line)
        clear_unfinished()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield came.get()


if __name__ == "__main__":
    main()
