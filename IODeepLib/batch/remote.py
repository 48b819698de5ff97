"""What a worker of Dask is asked to do: text in, text out."""

from __future__ import annotations

import threading

from IODeepLib.batch.reader import Reader
from IODeepLib.batch.terms import Asked, Task, from_line, to_line

_one = threading.Lock()  # a session is used by one run at a time, whatever threads a worker has
_readers: dict[str, Reader] = {}


def read(asked: str, task: str) -> str:
    """Read a study; models and sessions stay for the next one of the same cohort."""
    with _one:
        if asked not in _readers:
            _readers.clear()
            _readers[asked] = Reader(from_line(Asked, asked))
        return to_line(_readers[asked].read(from_line(Task, task)))
